// A fleet of agents on the manual clock: each beats at its advised interval, lives or is dead, and may be cut
// off. Drives the tracker's sweep as a host would, and knows which verdicts are false.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "harness.hpp"

namespace statetrack::testing {

struct agent {
    uuid id{};
    std::string machine;
    std::int64_t interval_ms = 55'000;
    std::int64_t next_ms = 0;  // on the age clock
    std::optional<std::int64_t> died_ms{};
    bool cut_off = false;  // lives, and is not heard
    std::optional<std::int64_t> stalled_ms{};
};

class fleet {
public:
    fleet(harness& h, std::size_t machines, std::size_t sessions_each, std::uint64_t seed = 7)
        : h_(h), random_(seed) {
        for (std::size_t m = 0; m < machines; ++m)
            for (std::size_t s = 0; s < sessions_each; ++s) {
                agent a;
                a.machine = "machine-" + std::to_string(m);
                a.id = h.create("project-" + std::to_string(s), a.machine).session_id;
                a.next_ms = now_ms() + std::uniform_int_distribution<std::int64_t>(0, a.interval_ms)(random_);
                by_id_[a.id] = agents.size();
                agents.push_back(std::move(a));
            }
        // Everybody beats once in the first interval.
    }

    std::int64_t now_ms() const { return h_.clock.read().age.ms; }
    void kill(agent& a) { a.died_ms = now_ms(); }

    // Time passes; sweeps as asked for unless `sweeping` is off. Beats that are due while nobody listens are
    // lost (and tried again at the next interval).
    void run_for(std::int64_t ms) {
        const std::int64_t end = now_ms() + ms;
        std::int64_t next_sweep = now_ms();
        while (now_ms() < end) {
            std::int64_t next = end;
            if (sweeping) next = std::min(next, next_sweep);
            next = std::min(next, next_beat());
            if (next > now_ms()) h_.clock.advance(next - now_ms());
            beat_due();
            if (sweeping && now_ms() >= next_sweep) next_sweep = now_ms() + sweep_once();
        }
    }

    std::int64_t sweep_once() {
        const auto report = h_.t->sweep();
        for (const uuid& id : report.stalled) {
            agent& a = agents[by_id_.at(id)];
            a.stalled_ms = now_ms();
            if (!a.died_ms) false_verdicts.push_back(id);
        }
        return std::max<std::int64_t>(1, report.next_in_ms);
    }

    // Beats that come due now; a host that sleeps, or is down, hears none of them.
    void beat_due() {
        for (agent& a : agents) {
            if (a.died_ms || a.next_ms > now_ms()) continue;
            while (a.next_ms <= now_ms()) a.next_ms += a.interval_ms;
            if (!a.cut_off && listening) h_.t->apply(heartbeat{.session_id = a.id});
        }
    }

    std::size_t dead_unmarked() const {
        return static_cast<std::size_t>(std::count_if(
            agents.begin(), agents.end(), [](const agent& a) { return a.died_ms && !a.stalled_ms; }));
    }
    std::int64_t worst_detection_ms() const {
        std::int64_t worst = 0;
        for (const agent& a : agents)
            if (a.died_ms && a.stalled_ms) worst = std::max(worst, *a.stalled_ms - *a.died_ms);
        return worst;
    }

    std::vector<agent> agents;
    std::vector<uuid> false_verdicts;
    bool sweeping = true;
    bool listening = true;

private:
    std::int64_t next_beat() const {
        std::int64_t next = std::numeric_limits<std::int64_t>::max();
        for (const agent& a : agents)
            if (!a.died_ms) next = std::min(next, a.next_ms);
        return std::max(next, now_ms() + 1);
    }

    harness& h_;
    std::mt19937_64 random_;
    std::map<uuid, std::size_t> by_id_;
};

}  // namespace statetrack::testing
