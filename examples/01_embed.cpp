// An agent falls silent; its work goes on elsewhere, and the old agent cannot come back.
#include <iostream>

#include "statetrack/manual_clock.hpp"
#include "statetrack/memory_store.hpp"
#include "statetrack/tracker.hpp"
using namespace statetrack;

int main() {
    const auto store = make_memory_store();
    const auto ids = make_random_ids();
    manual_clock time;  // three minutes pass at once; in earnest: make_system_clock()
    const auto fleet = tracker::open(*store, time, *ids).value();

    const uuid agent = ids->next();
    fleet->apply(new_session{.project_id = "site", .machine_id = "laptop", .session_id = agent}).value();
    fleet->apply(heartbeat{.session_id = agent, .epoch = 1}).value();
    while (fleet->sweep().stalled.empty()) time.advance(1'000);  // nobody beats any more

    const auto made = fleet->apply(recovery{.session_id = agent, .new_machine_id = "server"}).value();
    const auto late = fleet->apply(heartbeat{.session_id = agent, .epoch = 1});
    std::cout << "continued on the server as epoch " << made.session.row.epoch
              << "; the laptop, back: " << late.error().code.message() << '\n';
    return made.created && late.error().is(errc::superseded) ? 0 : 1;
}
