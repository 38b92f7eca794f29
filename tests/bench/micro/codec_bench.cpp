// JSON in and out: the body of a heartbeat, and a session as it is answered.
#include <benchmark/benchmark.h>

#include "api/decode.hpp"
#include "api/present.hpp"
#include "shown_session.hpp"

namespace {

using namespace statetrack;

void decode_heartbeat(benchmark::State& state, std::string_view body) {
    for (auto _ : state) {
        const auto parsed = parse_json(body);
        heartbeat request;
        statetrackd::problem_list problems;
        statetrackd::decode_request(parsed->as_object(), request, problems);
        if (!problems.empty()) return state.SkipWithError("the body was refused");
        benchmark::DoNotOptimize(request);
    }
}
BENCHMARK_CAPTURE(decode_heartbeat, empty, "{}");
BENCHMARK_CAPTURE(
    decode_heartbeat, with_progress,
    R"({"epoch":3,"phase":"tool","current_task_id":"t-17","progress":{"seq":41,"note":"tests pass"}})");

void write_session(benchmark::State& state) {
    const auto shown = bench::some_session();
    std::string body;
    for (auto _ : state) {
        body.clear();
        statetrackd::append(body, shown);
        benchmark::DoNotOptimize(body.data());
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(body.size()));
}
BENCHMARK(write_session);

void write_heartbeat_answer(benchmark::State& state, bool minimal) {
    const heartbeat_answer answer{.session = bench::some_session(),
                                  .next_heartbeat_ms = 55'000,
                                  .deadline = timestamp{1'768'817'000'000}};
    std::string body;
    for (auto _ : state) {
        body.clear();
        if (minimal)
            statetrackd::append_minimal(body, answer);
        else
            statetrackd::append(body, answer);
        benchmark::DoNotOptimize(body.data());
    }
}
BENCHMARK_CAPTURE(write_heartbeat_answer, whole, false);
BENCHMARK_CAPTURE(write_heartbeat_answer, minimal, true);

}  // namespace
