// A tracker on a manual clock with seeded ids over any store: what the tests of the tracker stand on.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>

#include "statetrack/manual_clock.hpp"
#include "statetrack/memory_store.hpp"
#include "statetrack/tracker.hpp"
#include "statetrack/verify.hpp"

namespace statetrack::testing {

inline constexpr std::int64_t second = 1'000;
inline constexpr std::int64_t minute = 60 * second;

// The value, or a failed test that says why there is none.
template <class T>
T value_of(result<T> r, const char* what = "result") {
    if (!r) {
        std::string why = std::string(what) + ": " + r.error().code.message() + " " + r.error().detail;
        for (const auto& p : r.error().problems) why += "; " + p.field + " " + p.message;
        FAIL(why);
    }
    return std::move(*r);
}

template <class T>
std::string code_of(const result<T>& r) {
    if (r) return "ok";
    return std::string(name_of(static_cast<errc>(r.error().code.value())));
}

inline json_text meta(boost::json::object o) { return json_text(o); }

class harness {
public:
    explicit harness(tracker_options options = {}, std::unique_ptr<store> over = nullptr)
        : options_(std::move(options)), keep(over ? std::move(over) : make_memory_store()) {
        open();
    }
    ~harness() {
        if (!keep) return;
        // Whatever a test did, the model's invariants hold.
        const auto found = verify(*keep);
        if (!found) {
            FAIL_CHECK("verify: " << found.error().detail);
            return;
        }
        for (const auto& broken : found->broken) FAIL_CHECK(broken);
    }

    // As after a crash: a new tracker over the same store.
    void open() {
        t.reset();
        t = value_of(tracker::open(*keep, clock, *ids, options_), "open");
    }
    tracker* operator->() { return t.get(); }

    // Time passes with the sweep called whenever it asks for it. What it did in all.
    sweep_report run_for(std::int64_t ms) {
        sweep_report all;
        const std::int64_t end = clock.read().age.ms + ms;
        for (;;) {
            const std::int64_t left = end - clock.read().age.ms;
            if (left < 0) break;
            auto report = t->sweep();
            const auto join = [](auto& into, auto& from) {
                into.insert(into.end(), from.begin(), from.end());
            };
            join(all.stalled, report.stalled);
            join(all.expired, report.expired);
            join(all.not_progressing, report.not_progressing);
            join(all.offline, report.offline);
            all.deleted_sessions += report.deleted_sessions;
            join(all.errors, report.errors);
            if (left == 0) break;
            clock.advance(std::min(left, std::max<std::int64_t>(1, report.next_in_ms)));
        }
        return all;
    }

    session create(std::string project = "p", std::string machine = "m") {
        return value_of(
                   t->apply(new_session{.project_id = std::move(project), .machine_id = std::move(machine)}),
                   "create")
            .session.row;
    }
    heartbeat_answer beat(const uuid& id) { return value_of(t->apply(heartbeat{.session_id = id}), "beat"); }
    session row(const uuid& id) { return value_of(t->find_session(id), "find").row; }
    session_status status(const uuid& id) { return row(id).status; }

    tracker_options options_;
    manual_clock clock;
    std::unique_ptr<id_source> ids = make_seeded_ids(1);
    std::unique_ptr<store> keep;
    std::unique_ptr<tracker> t;
};

}  // namespace statetrack::testing
