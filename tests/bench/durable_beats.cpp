// The library without HTTP: so many callers beat random sessions of a SQLite database, each waiting until its
// beat is durable. Prints beats per second, delays, log bytes a beat and beats a sync.
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <exception>
#include <mutex>
#include <random>
#include <thread>

#include "arguments.hpp"
#include "counted_disk.hpp"
#include "figures.hpp"
#include "id_file.hpp"
#include "statetrack/sqlite_store.hpp"
#include "statetrack/tracker.hpp"

namespace {

using namespace statetrack;
using bench::steady;

// What a host does beside: checkpoints and sweeps, every second.
class housekeeping {
public:
    housekeeping(store& keep, tracker& tracked)
        : thread_([&keep, &tracked, this] {
              for (std::unique_lock lock(mutex_);;) {
                  if (ended_.wait_for(lock, std::chrono::seconds(1), [this] { return end_; })) return;
                  keep.checkpoint().value();
                  tracked.sweep();
              }
          }) {}
    ~housekeeping() {
        {
            const std::lock_guard lock(mutex_);
            end_ = true;
        }
        ended_.notify_all();
        thread_.join();
    }

private:
    std::mutex mutex_;
    std::condition_variable ended_;
    bool end_ = false;
    std::thread thread_;  // the last member: it uses the others
};

struct load {
    tracker& tracked;
    const std::vector<uuid>& ids;
    std::size_t callers;
    std::chrono::seconds duration;
};

// One thread a caller, each blocking in apply.
std::vector<double> beat_blocking(const load& what) {
    std::vector<std::vector<double>> delays(what.callers);
    const auto end = steady::now() + what.duration;
    std::vector<std::jthread> callers;
    for (std::size_t c = 0; c < what.callers; ++c)
        callers.emplace_back([&what, &mine = delays[c], end, c] {
            std::minstd_rand random(static_cast<unsigned>(c + 1));
            while (steady::now() < end) {
                const auto began = steady::now();
                what.tracked.apply(heartbeat{.session_id = what.ids[random() % what.ids.size()]}).value();
                mine.push_back(bench::ms_since(began));
            }
        });
    callers.clear();
    std::vector<double> all;
    for (const auto& some : delays) all.insert(all.end(), some.begin(), some.end());
    return all;
}

// One thread for all callers: each enqueues its next beat when the one before is durable.
class unblocked_callers {
public:
    explicit unblocked_callers(const load& what) : what_(what), end_(steady::now() + what.duration) {}

    std::vector<double> beat() {
        for (std::size_t c = 0; c < what_.callers; ++c) enqueue();
        what_.tracked.commit_pending();
        return std::move(delays_);
    }

private:
    void enqueue() {
        const auto began = steady::now();
        what_.tracked.enqueue(heartbeat{.session_id = what_.ids[random_() % what_.ids.size()]}, {},
                              [this, began](const result<heartbeat_answer>& outcome) {
                                  outcome.value();
                                  delays_.push_back(bench::ms_since(began));
                                  if (steady::now() < end_) enqueue();
                              });
    }

    const load& what_;
    steady::time_point end_;
    std::minstd_rand random_{1};
    std::vector<double> delays_;
};

void run(const bench::arguments& given) {
    auto& disk = bench::use_counted_disk(static_cast<int>(given.number("sync-ms", 0)));
    const auto store = open_sqlite_store({.path = given.at(0, "the database")}).value();
    const auto time = make_system_clock();
    const auto ids = make_random_ids();
    // What a fill left behind may be old: nothing is to stall meanwhile.
    const auto tracked = tracker::open(*store, *time, *ids, {.stall_threshold_ms = 3'600'000}).value();
    const auto sessions = bench::read_ids(given.at(1, "the file of ids"));
    const housekeeping beside(*store, *tracked);
    const load warm_up{*tracked, sessions, given.number("callers", 64), std::chrono::seconds(1)};
    auto measured = warm_up;
    measured.duration = std::chrono::seconds(given.number("seconds", 3));
    const bool blocking = given.text("by", "apply") == "apply";

    if (blocking)
        beat_blocking(warm_up);
    else
        unblocked_callers(warm_up).beat();
    const auto wal_before = disk.wal_bytes.load();
    const auto syncs_before = disk.syncs.load();
    const auto began = steady::now();
    auto delays = blocking ? beat_blocking(measured) : unblocked_callers(measured).beat();
    const double seconds = bench::ms_since(began) / 1'000;
    const auto beats = static_cast<double>(delays.size());
    auto found = bench::rate_figures(delays, seconds);
    found.emplace_back("wal_bytes_per_beat", static_cast<double>(disk.wal_bytes - wal_before) / beats);
    found.emplace_back("beats_per_sync",
                       beats / static_cast<double>(std::max<std::int64_t>(1, disk.syncs - syncs_before)));
    bench::print_figures(found);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        run({argc, argv});
    } catch (const std::exception& e) {
        std::fprintf(
            stderr,
            "bench_durable_beats: %s\nusage: bench_durable_beats DATABASE IDS [--callers N] [--seconds S] "
            "[--sync-ms MS] [--by apply|enqueue]\n",
            e.what());
        return 1;
    }
}
