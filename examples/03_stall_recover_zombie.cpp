// Stall, explain, recover, and the zombie that comes back: what happens when an agent falls silent while it
// works, told on the manual clock, so that minutes pass at once.
#include <boost/json/serialize.hpp>

#include "expect.hpp"
#include "let_pass.hpp"
#include "statetrack/memory_store.hpp"

using namespace statetrack;

namespace {

void print_members(const boost::json::object& of) {
    for (const auto& [name, value] : of)
        std::cout << "    " << name << ": " << boost::json::serialize(value) << '\n';
}

void print_tasks(const tracker& fleet, const uuid& session_id) {
    for (const task& t : fleet.list_tasks({.session_id = session_id}, {}).value().rows)
        std::cout << "    " << t.task_name << ": " << enum_name(t.status) << ", attempt " << t.attempt
                  << (t.error_message ? " (" + *t.error_message + ")" : "") << '\n';
}

uuid start_work(tracker& fleet) {
    const session agent = fleet
                              .apply(new_session{.project_id = "website",
                                                 .machine_id = "laptop",
                                                 .checkpoint = json_text({{"resume", "conversation-17"}})})
                              .value()
                              .session.row;
    const auto add = [&](std::string name) {
        return fleet
            .apply(new_task{.session_id = agent.session_id, .project_id = "website", .task_name = name})
            .value()
            .task_id;
    };
    const uuid schema = add("design the schema"), endpoint = add("write the endpoint");
    add("write the tests");
    fleet.apply(task_patch{.task_id = schema, .status = task_status::completed}).value();
    fleet.apply(task_patch{.task_id = endpoint, .status = task_status::in_progress}).value();
    return agent.session_id;
}

void tell(tracker& fleet, manual_clock& clock) {
    std::cout << "An agent works on the laptop, and beats as often as it is asked to.\n";
    const uuid agent = start_work(fleet);
    for (int beats = 0; beats < 3; ++beats) {
        const auto answer = fleet.apply(heartbeat{.session_id = agent, .epoch = 1}).value();
        expect(let_pass(fleet, clock, answer.next_heartbeat_ms).empty(),
               "alive; beat again in " + std::to_string(answer.next_heartbeat_ms) + " ms");
    }

    std::cout << "\nThe laptop is closed. The agent is silent.\n";
    const auto stalled = let_pass(fleet, clock, 180'000);
    expect(stalled == std::vector{agent}, "the session is stalled once its threshold has passed");

    std::cout << "\nWhy? Every verdict keeps its inputs:\n";
    const auto told = fleet.explain(agent).value();
    const auto& verdict = told.at("last_verdict").as_object();
    print_members(verdict.at("data").as_object().at("verdict").as_object());
    expect(verdict.at("reason").as_string() == "silent", "the reason: silent");

    std::cout << "\nThe server takes over. What it gets to go on with:\n";
    const auto made = fleet.apply(recovery{.session_id = agent, .new_machine_id = "server"}).value();
    const session& next = made.session.row;
    std::cout << "    checkpoint: " << next.checkpoint.value().text() << '\n';
    print_tasks(fleet, next.session_id);
    expect(next.status == session_status::active && next.epoch == 2, "the successor is active, epoch 2");
    expect(made.tasks_reset == 1 && made.tasks_carried == 1,
           "the interrupted task starts anew, the waiting one came along, the finished one stays done");

    const auto again = fleet.apply(recovery{.session_id = agent, .new_machine_id = "desktop"}).value();
    expect(!again.created && again.session.row.session_id == next.session_id,
           "whoever else asks for the recovery gets the very same successor");

    std::cout << "\nThe laptop is opened again. The old agent knows of nothing, and beats:\n";
    const session before = fleet.find_session(next.session_id).value().row;
    const auto zombie = fleet.apply(heartbeat{.session_id = agent, .epoch = 1, .suspended_ms = 180'000});
    expect(!zombie && zombie.error().is(errc::superseded), "refused as superseded: " + zombie.error().detail);
    print_members(zombie.error().facts);
    expect(zombie.error().facts.at("superseded_by").as_string() == to_string(next.session_id),
           "the refusal names the successor, so the old agent knows that it can stop");
    expect(fleet.find_session(next.session_id).value().row == before, "the successor noticed nothing of it");
}

}  // namespace

int main() try {
    const auto store = make_memory_store();
    const auto ids = make_random_ids();
    manual_clock clock;
    const auto fleet = tracker::open(*store, clock, *ids).value();
    tell(*fleet, clock);
} catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
}
