// The queue of group commit over a store that costs little: what posting, leading and completing take by
// themselves, and whole heartbeats through the tracker over the memory store.
#include "commit_queue.hpp"

#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "statetrack/memory_store.hpp"
#include "statetrack/tracker.hpp"

namespace {

using namespace statetrack;

class idle_job final : public commit_job {
public:
    explicit idle_job(std::int64_t& completed) : completed_(completed) {}
    result<> run(transaction&) override { return {}; }
    void complete(const result<>&) override { ++completed_; }

private:
    std::int64_t& completed_;
};

// Posts so many units that do nothing, and drains them.
void post_and_drain(benchmark::State& state) {
    const auto store = make_memory_store();
    commit_queue queue(*store, {});
    std::int64_t completed = 0;
    for (auto _ : state) {
        for (std::int64_t i = 0; i < state.range(0); ++i) queue.post(std::make_unique<idle_job>(completed));
        queue.drain();
    }
    if (completed != state.iterations() * state.range(0)) state.SkipWithError("not all were completed");
    state.SetItemsProcessed(completed);
}
BENCHMARK(post_and_drain)->RangeMultiplier(8)->Range(1, 512);

void run_blocking(benchmark::State& state) {
    const auto store = make_memory_store();
    commit_queue queue(*store, {});
    std::int64_t ignored = 0;
    for (auto _ : state) {
        idle_job job(ignored);
        commit_job* const one[] = {&job};
        queue.run(one);
    }
}
BENCHMARK(run_blocking);

// Group size: the argument.
void beats_in_groups(benchmark::State& state) {
    constexpr std::size_t sessions = 10'000;
    const auto store = make_memory_store();
    const auto time = make_system_clock();
    const auto ids = make_random_ids();
    const auto tracked = tracker::open(*store, *time, *ids).value();
    std::vector<uuid> made;
    for (std::size_t i = 0; i < sessions; ++i) {
        made.push_back(ids->next());
        tracked
            ->apply(new_session{.project_id = "p",
                                .machine_id = "m" + std::to_string(i / 100),
                                .session_id = made.back(),
                                .docker_slot = static_cast<std::int64_t>(i % 100)})
            .value();
        tracked->apply(heartbeat{.session_id = made.back()}).value();
    }
    std::size_t next = 0;
    for (auto _ : state) {
        for (std::int64_t i = 0; i < state.range(0); ++i)
            tracked->enqueue(heartbeat{.session_id = made[next++ % sessions]}, {},
                             [](const result<heartbeat_answer>& outcome) { outcome.value(); });
        tracked->commit_pending();
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(next));
}
BENCHMARK(beats_in_groups)->RangeMultiplier(8)->Range(1, 512);

}  // namespace
