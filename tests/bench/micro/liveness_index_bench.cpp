// The detector's index: a beat of a known session, and a sweep's question for what is due.
#include "liveness_index.hpp"

#include <benchmark/benchmark.h>

#include <map>
#include <random>
#include <vector>

#include "shown_session.hpp"

namespace {

using namespace statetrack;

constexpr std::int64_t deadlines_spread_ms = 180'000;

// So many live sessions, filed at deadlines spread over three minutes.
struct filled_index {
    explicit filled_index(std::size_t sessions) {
        const auto source = make_seeded_ids(1);
        const clock_reading at{.wall = {1'768'816'800'000}, .age = {1'000'000}};
        const timeline times(at);
        session row = bench::some_session().row;
        for (std::size_t i = 0; i < sessions; ++i) {
            row.session_id = source->next();
            ids.push_back(row.session_id);
            const auto told = index.apply(row, nullptr, times, {.at = at.age, .heard = at.age});
            index.file(*told.entry, at.age + static_cast<std::int64_t>(i) % deadlines_spread_ms);
        }
    }

    liveness_index index;
    std::vector<uuid> ids;
};

// One of each size, kept for all: filling a million takes longer than measuring.
filled_index& filled(std::int64_t sessions) {
    static std::map<std::int64_t, filled_index> all;
    return all.try_emplace(sessions, static_cast<std::size_t>(sessions)).first->second;
}

void beat_heard(benchmark::State& state) {
    auto& on = filled(state.range(0));
    std::minstd_rand random(1);
    std::int64_t now = 2'000'000;
    for (auto _ : state) {
        const auto known = on.index.heard(on.ids[random() % on.ids.size()], std::nullopt, {++now});
        benchmark::DoNotOptimize(known.entry);
    }
}
BENCHMARK(beat_heard)->RangeMultiplier(10)->Range(1'000, 1'000'000);

void nothing_due(benchmark::State& state) {
    auto& on = filled(state.range(0));
    for (auto _ : state) benchmark::DoNotOptimize(on.index.take_due({0}, 10'000));
}
BENCHMARK(nothing_due)->RangeMultiplier(10)->Range(1'000, 1'000'000);

void take_due_and_file_again(benchmark::State& state) {
    auto& on = filled(state.range(0));
    constexpr std::size_t slice = 1'000;
    const instant end{10'000'000'000};
    for (auto _ : state) {
        const auto due = on.index.take_due(end, slice);
        for (const auto& id : due) on.index.file(*on.index.find(id), end - 1);
        benchmark::DoNotOptimize(due);
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(slice));
}
BENCHMARK(take_due_and_file_again)->RangeMultiplier(10)->Range(1'000, 1'000'000);

}  // namespace
