// A request target taken apart and its route found.
#include "api/router.hpp"

#include <benchmark/benchmark.h>

#include "api/routes.hpp"
#include "api/target.hpp"

namespace {

using namespace statetrackd;

void find_route(benchmark::State& state, verb method, std::string_view text) {
    const router routes(all_routes());
    for (auto _ : state) {
        const auto where = parse_target(text);
        const auto found = routes.find(method, where->segments);
        if (found.found == nullptr) return state.SkipWithError("there is no such route");
        benchmark::DoNotOptimize(found);
    }
}
BENCHMARK_CAPTURE(find_route, heartbeat, verb::post,
                  "/api/sessions/4d6f2c1e-9a58-4b7e-8c3d-2f1a0b9c8d7e/heartbeat");
BENCHMARK_CAPTURE(find_route, session, verb::get, "/api/sessions/4d6f2c1e-9a58-4b7e-8c3d-2f1a0b9c8d7e");
BENCHMARK_CAPTURE(find_route, list, verb::get, "/api/sessions?project_id=live-project-17&limit=50");
BENCHMARK_CAPTURE(find_route, livez, verb::get, "/livez");

}  // namespace
