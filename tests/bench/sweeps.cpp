// What a sweep over a whole fleet costs: one that finds nothing due, and one that marks a thousand sessions.
// Time is moved by hand, the database is a SQLite file that bench_fill made.
#include <cstdio>
#include <exception>
#include <vector>

#include "arguments.hpp"
#include "figures.hpp"
#include "id_file.hpp"
#include "statetrack/manual_clock.hpp"
#include "statetrack/sqlite_store.hpp"
#include "statetrack/tracker.hpp"

namespace {

using namespace statetrack;
using bench::steady;

constexpr std::int64_t short_threshold_ms = 10'000;  // of those that are to stall
constexpr int settling_sweeps_max = 10'000;
constexpr std::size_t machine_sessions = 100;  // as bench_fill has it
constexpr int machines_beat_every = 40;        // sweeps, which are seconds
constexpr int idle_sweeps = 30;                // measured before anything is due
constexpr int sweeps_max = 110;  // seconds: before the next scan of all, and before anybody else is overdue

struct measured_sweep {
    double ms = 0;
    sweep_report report;
};

measured_sweep sweep(tracker& tracked) {
    const auto began = steady::now();
    auto report = tracked.sweep();
    const double ms = bench::ms_since(began);
    for (const auto& e : report.errors) throw std::runtime_error(e.detail);
    return {ms, std::move(report)};
}

// The first sweep files everybody to be looked at, a bounded number a call.
double settle(tracker& tracked, manual_clock& time) {
    double total_ms = 0;
    for (int i = 0; i < settling_sweeps_max; ++i) {
        const auto one = sweep(tracked);
        total_ms += one.ms;
        if (one.report.next_in_ms > 0) return total_ms;
        time.advance(1);
    }
    throw std::runtime_error("the sweeps do not settle");
}

// One session of each machine, none of those that are to stall: were whole machines silent, verdicts would be
// held back.
void beat_machines(tracker& tracked, store& keep, const std::vector<uuid>& sessions) {
    for (std::size_t i = machine_sessions / 2 + 5; i < sessions.size(); i += machine_sessions)
        tracked.enqueue(heartbeat{.session_id = sessions[i]}, {},
                        [](const result<heartbeat_answer>& outcome) { outcome.value(); });
    tracked.commit_pending();
    keep.checkpoint().value();
}

// Those that are to stall: so many, on as many machines as can be.
void shorten_thresholds(tracker& tracked, const std::vector<uuid>& sessions, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
        tracked.enqueue(session_patch{.session_id = sessions[i * (sessions.size() / count)],
                                      .stall_threshold_ms = short_threshold_ms},
                        {}, [](const result<session_view>& outcome) { outcome.value(); });
    tracked.commit_pending();
}

void run(const bench::arguments& given) {
    const auto store = open_sqlite_store({.path = given.at(0, "the database")}).value();
    const auto ids = make_random_ids();
    manual_clock time(make_system_clock()->read().wall);
    // Filling a large database takes minutes: nobody is to be overdue but those that are made to be.
    const auto tracked = tracker::open(*store, time, *ids, {.stall_threshold_ms = 3'600'000}).value();
    const auto sessions = bench::read_ids(given.at(1, "the file of ids"));
    const auto to_mark = std::min(given.number("marks", 1'000), sessions.size());

    const double settling_ms = settle(*tracked, time);
    std::vector<double> idle_ms;
    double marking_ms = 0;
    std::size_t marked = 0;
    for (int i = 0; i < sweeps_max && marked < to_mark; ++i) {
        if (i == idle_sweeps) shorten_thresholds(*tracked, sessions, to_mark);
        if (i % machines_beat_every == 0) beat_machines(*tracked, *store, sessions);
        time.advance(1'000);
        const auto one = sweep(*tracked);
        marked += one.report.stalled.size();
        if (!one.report.stalled.empty())
            marking_ms += one.ms;
        else if (i < idle_sweeps)
            idle_ms.push_back(one.ms);
    }
    bench::print_figures({{"idle_ms", bench::percentile(idle_ms, 0.5)},
                          {"idle_max_ms", bench::percentile(idle_ms, 1.0)},
                          {"marking_ms", marking_ms},
                          {"marked", static_cast<double>(marked)},
                          {"settling_ms", settling_ms}});
    if (marked != to_mark) throw std::runtime_error("only " + std::to_string(marked) + " were marked");
}

}  // namespace

int main(int argc, char** argv) {
    try {
        run({argc, argv});
    } catch (const std::exception& e) {
        std::fprintf(stderr, "bench_sweeps: %s\nusage: bench_sweeps DATABASE IDS [--marks N]\n", e.what());
        return 1;
    }
}
