// What each host builds and runs, however it came by the library: a session falls silent, is recovered, and
// its late agent is turned away. Answers 0, or the number of the step that went wrong.
#include <cstdio>
#include <memory>
#include <string>

#include "statetrack/manual_clock.hpp"
#include "statetrack/memory_store.hpp"
#include "statetrack/tracker.hpp"
#ifdef HOST_WITH_SQLITE
#include "statetrack/sqlite_store.hpp"
#endif
#ifdef HOST_WITH_TESTING
#include "statetrack/testing/conformance.hpp"
#endif

using namespace statetrack;

namespace {

int run_over(store& keep) {
    manual_clock clock;
    const auto ids = make_seeded_ids(1);
    auto opened = tracker::open(keep, clock, *ids);
    if (!opened) return 1;
    tracker& fleet = **opened;

    const auto made = fleet.apply(new_session{.project_id = "project", .machine_id = "machine"});
    if (!made) return 2;
    const uuid id = made->session.row.session_id;
    if (!fleet.apply(heartbeat{.session_id = id, .epoch = 1})) return 3;

    bool stalled = false;
    for (int seconds = 0; seconds < 200 && !stalled; ++seconds) {
        clock.advance(1'000);
        stalled = !fleet.sweep().stalled.empty();
    }
    if (!stalled) return 4;

    if (!fleet.apply(recovery{.session_id = id, .new_machine_id = "machine"})) return 5;
    if (fleet.apply(heartbeat{.session_id = id, .epoch = 1}).has_value()) return 6;
    const auto health = fleet.health();
    return health ? 0 : 7;
}

}  // namespace

// The folder for a database file is the only argument.
int main([[maybe_unused]] int argc, [[maybe_unused]] char** argv) {
    const auto memory = make_memory_store();
    int step = run_over(*memory);
#ifdef HOST_WITH_SQLITE
    if (step == 0) {
        if (argc != 2) return 20;
        const auto sqlite = open_sqlite_store({.path = std::string(argv[1]) + "/host.db"});
        step = sqlite ? run_over(**sqlite) : 21;
    }
#endif
#ifdef HOST_WITH_TESTING
    if (step == 0) {
        const testing::store_factory memory_stores{
            .name = "memory", .open = [] { return make_memory_store(); }, .reset = [] {}};
        if (!testing::run_case(testing::conformance_cases().front(), memory_stores).empty()) step = 30;
    }
#endif
    if (step == 0)
        std::puts("host: fine");
    else
        std::printf("host: step %d went wrong\n", step);
    return step;
}
