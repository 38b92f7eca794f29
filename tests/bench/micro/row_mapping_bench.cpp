// Entities to rows of values and back: done by every operation that touches a row.
#include <benchmark/benchmark.h>

#include "shown_session.hpp"

namespace {

using namespace statetrack;

void session_to_row(benchmark::State& state) {
    const auto shown = bench::some_session();
    for (auto _ : state) benchmark::DoNotOptimize(to_row(shown.row));
}
BENCHMARK(session_to_row);

void session_from_row(benchmark::State& state) {
    const auto values = to_row(bench::some_session().row);
    for (auto _ : state) benchmark::DoNotOptimize(from_row<session>(values));
}
BENCHMARK(session_from_row);

}  // namespace
