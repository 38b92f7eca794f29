// Beats over the memory store by one thread, and what they are measured against: updates of a bare hash map
// whose keys are the ids as text, as they come in a request.
#include <cstdio>
#include <exception>
#include <random>
#include <string>
#include <unordered_map>

#include "arguments.hpp"
#include "figures.hpp"
#include "statetrack/memory_store.hpp"
#include "statetrack/tracker.hpp"

namespace {

using namespace statetrack;
using bench::steady;

constexpr std::size_t sessions = 100'000;
constexpr std::size_t looked_at = 64;  // between two looks at the clock

// Calls step(i) with random i for so many seconds; calls per second.
template <class Step>
double rate_of(std::size_t seconds, Step step) {
    std::minstd_rand random(1);
    const auto began = steady::now();
    const auto end = began + std::chrono::seconds(seconds);
    std::size_t done = 0;
    for (; steady::now() < end; done += looked_at)
        for (std::size_t i = 0; i < looked_at; ++i) step(random() % sessions);
    return static_cast<double>(done) * 1'000 / bench::ms_since(began);
}

double rate_of_tracker(std::size_t seconds) {
    const auto store = make_memory_store();
    const auto time = make_system_clock();
    const auto ids = make_random_ids();
    const auto tracked = tracker::open(*store, *time, *ids).value();
    std::vector<uuid> made;
    for (std::size_t i = 0; i < sessions; ++i) {
        made.push_back(ids->next());
        const new_session one{.project_id = "project-" + std::to_string(i % 200),
                              .machine_id = "machine-" + std::to_string(i / 100),
                              .session_id = made.back(),
                              .docker_slot = static_cast<std::int64_t>(i % 100)};
        tracked->apply(one).value();
        tracked->apply(heartbeat{.session_id = made.back()}).value();
    }
    return rate_of(seconds, [&](std::size_t i) { tracked->apply(heartbeat{.session_id = made[i]}).value(); });
}

double rate_of_map(std::size_t seconds) {
    const auto ids = make_random_ids();
    std::vector<std::string> keys;
    std::unordered_map<std::string, std::int64_t> beats;
    for (std::size_t i = 0; i < sessions; ++i) {
        keys.push_back(to_string(ids->next()));
        beats[keys.back()] = 0;
    }
    std::int64_t now = 0;
    const double rate = rate_of(seconds, [&](std::size_t i) { beats.find(keys[i])->second = ++now; });
    // What is never looked at could be optimized away.
    if (beats.begin()->second < 0) std::puts("");
    return rate;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const bench::arguments given(argc, argv);
        const auto& what = given.at(0, "tracker or map");
        const auto seconds = given.number("seconds", 3);
        bench::print_figures({{"rps", what == "map" ? rate_of_map(seconds) : rate_of_tracker(seconds)}});
    } catch (const std::exception& e) {
        std::fprintf(stderr, "bench_memory_beats: %s\nusage: bench_memory_beats tracker|map [--seconds S]\n",
                     e.what());
        return 1;
    }
}
