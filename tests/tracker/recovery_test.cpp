#include <doctest/doctest.h>

#include "harness.hpp"

using namespace statetrack;
using namespace statetrack::testing;

namespace {

session stalled(harness& h, const std::string& machine = "m") {
    const session s = h.create("p", machine);
    value_of(h->apply(stall_mark{.session_id = s.session_id}));
    return h.row(s.session_id);
}

task add_task(harness& h, const session& s, const std::string& name) {
    return value_of(h->apply(new_task{.session_id = s.session_id, .project_id = "p", .task_name = name}));
}

task move(harness& h, const task& t, task_status to, std::optional<std::string> text = {}) {
    task_patch patch{.task_id = t.task_id, .status = to};
    if (text) patch.error_message = *text;
    return value_of(h->apply(patch));
}

std::map<std::string, task> tasks_by_name(harness& h, const uuid& session_id) {
    std::map<std::string, task> found;
    for (const task& t : value_of(h->list_tasks({.session_id = session_id}, {.limit = 200})).rows)
        found[t.task_name] = t;
    return found;
}

}  // namespace

TEST_CASE("recover makes one successor under the next epoch, which has what it needs") {
    harness h;
    auto made = value_of(h->apply(new_session{.project_id = "p",
                                              .machine_id = "m",
                                              .docker_slot = 3,
                                              .agent_role = "fixer",
                                              .stall_threshold_ms = 5'000,
                                              .progress_threshold_ms = 6'000,
                                              .checkpoint = meta({{"resume", "abc"}}),
                                              .metadata = meta({{"keep", 1}, {"archived", true}})}));
    const uuid id = made.session.row.session_id;
    value_of(h->apply(heartbeat{.session_id = id,
                                .phase = session_phase::tool,
                                .progress = progress_mark{.seq = 9},
                                .expect_silence_ms = 1'000}));
    value_of(h->apply(failure_mark{.session_id = id, .error_message = "died"}));
    value_of(h->apply(recovery_preparation{.session_id = id}));
    const auto made2 = value_of(h->apply(recovery{.session_id = id, .new_machine_id = "n"}));
    CHECK(made2.created);
    const session& next = made2.session.row;
    const session old = h.row(id);

    CHECK(next.status == session_status::active);
    CHECK(next.recovered_from == id);
    CHECK(next.lineage_id == id);
    CHECK(next.epoch == 2);
    CHECK(next.machine_id == "n");
    CHECK_FALSE(next.docker_slot.has_value());
    CHECK(next.agent_role == "fixer");
    CHECK(next.stall_threshold_ms == 5'000);
    CHECK(next.progress_threshold_ms == 6'000);
    CHECK(next.checkpoint == meta({{"resume", "abc"}}));
    CHECK(next.metadata == meta({{"keep", 1}}));
    CHECK_FALSE(next.phase.has_value());
    CHECK_FALSE(next.silence_until.has_value());
    CHECK(next.progress_seq == 0);
    CHECK_FALSE(next.archived);

    CHECK(old.status == session_status::completed);
    CHECK(old.superseded_by == next.session_id);
    CHECK(old.completed_at.has_value());
    CHECK(old.metadata.object().at("recovered_to").as_string() == to_string(next.session_id));
    CHECK(old.metadata.object().contains("recovered_at"));
    CHECK(h->counters().recoveries == 1);
}

TEST_CASE("recover asked again answers with the same successor, and with nothing once that is deleted") {
    harness h;
    const session s = stalled(h);
    const auto first = value_of(h->apply(recovery{.session_id = s.session_id, .new_machine_id = "n"}));
    const auto again = value_of(h->apply(recovery{.session_id = s.session_id, .new_machine_id = "other"}));
    CHECK_FALSE(again.created);
    CHECK(again.session.row == first.session.row);
    value_of(h->apply(session_removal{.session_id = first.session.row.session_id}));
    const auto gone = h->apply(recovery{.session_id = s.session_id, .new_machine_id = "n"});
    CHECK(code_of(gone) == "successor_gone");
}

TEST_CASE("a deleted session's id is not given again while another session continues it") {
    harness h;
    const auto recover = [&](const uuid& id) {
        return value_of(h->apply(recovery{.session_id = id, .new_machine_id = "n"})).session.row.session_id;
    };
    const auto remove = [&](const uuid& id) { value_of(h->apply(session_removal{.session_id = id})); };
    const auto create = [&](const uuid& id, conflict_policy policy = conflict_policy::reject) {
        return h->apply(
            new_session{.project_id = "p", .machine_id = "n", .session_id = id, .on_conflict = policy});
    };
    const uuid first = stalled(h).session_id;
    const uuid second = recover(first);
    remove(first);
    for (const auto policy : {conflict_policy::reject, conflict_policy::takeover}) {
        const auto refused = create(first, policy);
        REQUIRE(code_of(refused) == "superseded");
        CHECK(refused.error().detail == "session " + to_string(first) +
                                            " has been deleted and is continued by " + to_string(second) +
                                            "; take another session_id");
        CHECK(refused.error().facts.at("superseded_by").as_string() == to_string(second));
    }
    value_of(h->apply(stall_mark{.session_id = second}));
    const uuid third = recover(second);
    remove(second);
    CHECK(code_of(create(second)) == "superseded");
    CHECK(code_of(create(first)) == "superseded");  // by its lineage: the one that named it is gone
    remove(third);
    CHECK(value_of(create(first)).created);  // nothing of the chain is left
}

TEST_CASE("another session under a deleted successor's id is not taken for the successor") {
    harness h;
    const session s = stalled(h);
    const auto made = value_of(h->apply(recovery{.session_id = s.session_id, .new_machine_id = "n"}));
    const uuid successor = made.session.row.session_id;
    value_of(h->apply(session_removal{.session_id = successor}));
    const auto other =
        value_of(h->apply(new_session{.project_id = "q", .machine_id = "n", .session_id = successor}));
    CHECK(other.session.row.lineage_id == successor);
    CHECK(code_of(h->apply(recovery{.session_id = s.session_id, .new_machine_id = "n"})) == "successor_gone");
}

TEST_CASE("only failed, stalled and expired sessions can be recovered or prepared") {
    harness h;
    const session active = h.create();
    CHECK(code_of(h->apply(recovery{.session_id = active.session_id, .new_machine_id = "n"})) ==
          "wrong_state");
    CHECK(code_of(h->apply(recovery_preparation{.session_id = active.session_id})) == "wrong_state");
    CHECK(code_of(h->apply(recovery{.session_id = uuid{}, .new_machine_id = "n"})) == "not_found");
    value_of(h->apply(session_patch{.session_id = active.session_id, .status = session_status::completed}));
    CHECK(code_of(h->apply(recovery{.session_id = active.session_id, .new_machine_id = "n"})) ==
          "wrong_state");
}

TEST_CASE("recover resets failed tasks and carries waiting ones, each once") {
    harness h;
    const session s = h.create();
    add_task(h, s, "pending");
    move(h, add_task(h, s, "running"), task_status::in_progress);
    move(h, add_task(h, s, "blocked"), task_status::blocked);
    move(h, add_task(h, s, "failed"), task_status::failed, "no");
    move(h, add_task(h, s, "done"), task_status::completed);
    value_of(h->apply(stall_mark{.session_id = s.session_id}));
    const auto made = value_of(h->apply(recovery{.session_id = s.session_id, .new_machine_id = "n"}));
    CHECK(made.tasks_reset == 2);
    CHECK(made.tasks_carried == 2);

    auto old = tasks_by_name(h, s.session_id);
    auto next = tasks_by_name(h, made.session.row.session_id);
    CHECK(old.size() == 5);
    CHECK(next.size() == 4);
    CHECK(old["running"].status == task_status::failed);
    CHECK(old["running"].error_message == "interrupted");
    CHECK(old["pending"].error_message == "carried over");
    CHECK(old["blocked"].status == task_status::failed);
    CHECK(old["done"].status == task_status::completed);
    CHECK(next["running"].status == task_status::pending);
    CHECK(next["running"].attempt == 2);
    CHECK(next["running"].retry_of == old["running"].task_id);
    CHECK(next["failed"].attempt == 2);
    CHECK(next["pending"].attempt == 1);
    CHECK(next["pending"].status == task_status::pending);
    CHECK(next["blocked"].status == task_status::blocked);
    CHECK_FALSE(h.row(s.session_id).current_task_id.has_value());
}

TEST_CASE("recover leaves failed and waiting tasks alone when told to") {
    harness h;
    const session s = h.create();
    add_task(h, s, "pending");
    move(h, add_task(h, s, "failed"), task_status::failed, "no");
    value_of(h->apply(stall_mark{.session_id = s.session_id}));
    const auto made = value_of(h->apply(recovery{.session_id = s.session_id,
                                                 .new_machine_id = "n",
                                                 .reset_failed_tasks = false,
                                                 .carry_pending_tasks = false}));
    CHECK(tasks_by_name(h, made.session.row.session_id).empty());
    CHECK(tasks_by_name(h, s.session_id)["pending"].status == task_status::pending);
}

TEST_CASE("recover onto the very same machine and slot works") {
    harness h;
    const auto made = value_of(h->apply(new_session{.project_id = "p", .machine_id = "m", .docker_slot = 0}));
    const uuid id = made.session.row.session_id;
    value_of(h->apply(stall_mark{.session_id = id}));
    const auto next = value_of(h->apply(recovery{.session_id = id, .new_machine_id = "m", .docker_slot = 0}));
    CHECK(next.session.row.docker_slot == 0);
}

TEST_CASE("recover into a place that is taken is refused, names the holder, and changes nothing") {
    harness h;
    const session holder = h.create("p", "n");
    const session s = stalled(h);
    const auto refused = h->apply(recovery{.session_id = s.session_id, .new_machine_id = "n"});
    REQUIRE(code_of(refused) == "place_taken");
    CHECK(refused.error().facts.at("holder").as_string() == to_string(holder.session_id));
    CHECK(refused.error().facts.at("holder_deadline").is_string());
    CHECK(h.row(s.session_id) == s);
}

TEST_CASE("every write of a superseded session's client is refused and leaves both rows as they were") {
    harness h;
    const session s = h.create();
    const task t = move(h, add_task(h, s, "t"), task_status::in_progress);
    value_of(h->apply(stall_mark{.session_id = s.session_id}));
    const auto made = value_of(h->apply(recovery{.session_id = s.session_id, .new_machine_id = "n"}));
    const session old = h.row(s.session_id);
    const session next = made.session.row;
    const auto refused = [&](const auto& request, const caller& by = {}) {
        const auto answer = h->apply(request, by);
        CHECK(code_of(answer) == "superseded");
        if (answer.has_value()) return;
        const auto facts = answer.error().facts;
        CHECK(facts.at("status").as_string() == "completed");
        CHECK(facts.at("superseded_by").as_string() == to_string(next.session_id));
        CHECK(facts.at("epoch").as_int64() == 1);
    };
    refused(heartbeat{.session_id = s.session_id});
    refused(heartbeat{.session_id = s.session_id, .epoch = 1});
    refused(session_patch{.session_id = s.session_id, .metadata = meta({{"x", 1}})});
    refused(session_patch{.session_id = s.session_id, .status = session_status::completed});
    refused(failure_mark{.session_id = s.session_id, .error_message = "x"});
    refused(stall_mark{.session_id = s.session_id});
    refused(new_task{.session_id = s.session_id, .project_id = "p", .task_name = "x"});
    refused(task_patch{.task_id = t.task_id, .status = task_status::pending});
    refused(task_patch{.task_id = t.task_id, .metadata = meta({{"x", 1}})}, {.epoch = 1});
    CHECK(h.row(s.session_id) == old);
    CHECK(h.row(next.session_id) == next);
}

TEST_CASE("a beat that names a predecessor's epoch is refused and is no sign of life") {
    harness h;
    const session s = stalled(h);
    const auto made = value_of(h->apply(recovery{.session_id = s.session_id, .new_machine_id = "n"}));
    const uuid next = made.session.row.session_id;
    h.run_for(170'000);
    const auto zombie = h->apply(heartbeat{.session_id = next, .epoch = 1});
    REQUIRE(code_of(zombie) == "superseded");
    CHECK(zombie.error().facts.at("epoch").as_int64() == 2);
    CHECK(code_of(h->apply(heartbeat{.session_id = next}, {.epoch = 1})) == "superseded");
    h.run_for(15'000);
    CHECK(h.status(next) == session_status::stalled);
}

TEST_CASE("preparing a recovery can free the machine, and a beat is refused then") {
    harness h;
    const session s = stalled(h);
    const auto state =
        value_of(h->apply(recovery_preparation{.session_id = s.session_id, .clear_machine = true}));
    CHECK_FALSE(state.row.machine_id.has_value());
    CHECK(state.row.metadata.object().contains("recovery_prepared_at"));
    CHECK(code_of(h->apply(heartbeat{.session_id = s.session_id})) == "illegal_transition");
    CHECK(code_of(h->apply(session_patch{.session_id = s.session_id, .status = session_status::active})) ==
          "illegal_transition");
}

TEST_CASE("the recovery state shows the last completed task and those of every other state") {
    harness h;
    const session s = h.create();
    move(h, add_task(h, s, "first"), task_status::completed);
    h.clock.advance(10);
    move(h, add_task(h, s, "second"), task_status::completed);
    add_task(h, s, "pending");
    const auto state = value_of(h->recovery_state_of(s.session_id));
    REQUIRE(state.last_successful_task.has_value());
    CHECK(state.last_successful_task->task_name == "second");
    CHECK(state.pending_tasks.size() == 1);
    CHECK(state.failed_tasks.empty());
}

TEST_CASE("takeover supersedes the newest live session of the place in one step") {
    for (const auto status : {session_status::active, session_status::paused, session_status::stalled}) {
        harness h;
        const session s = h.create();
        const task t = move(h, add_task(h, s, "t"), task_status::in_progress);
        if (status != session_status::active)
            value_of(h->apply(session_patch{.session_id = s.session_id, .status = status}));
        CHECK(code_of(h->apply(new_session{.project_id = "p", .machine_id = "m"})) ==
              (status == session_status::active ? "place_taken" : "ok"));
        if (status != session_status::active) continue;
        const auto made = value_of(h->apply(new_session{.project_id = "p",
                                                        .machine_id = "m",
                                                        .agent_role = "new",
                                                        .on_conflict = conflict_policy::takeover}));
        CHECK(made.taken_over_from == s.session_id);
        CHECK(made.session.row.epoch == 2);
        CHECK(made.session.row.agent_role == "new");
        CHECK(h.row(s.session_id).superseded_by == made.session.row.session_id);
        auto tasks = tasks_by_name(h, made.session.row.session_id);
        CHECK(tasks["t"].retry_of == t.task_id);
    }
}

TEST_CASE("takeover takes a stalled session, and where there is none is a plain create") {
    harness h;
    const session s = stalled(h);
    const auto made = value_of(h->apply(
        new_session{.project_id = "p", .machine_id = "m", .on_conflict = conflict_policy::takeover}));
    CHECK(made.taken_over_from == s.session_id);
    const auto plain = value_of(h->apply(
        new_session{.project_id = "q", .machine_id = "m", .on_conflict = conflict_policy::takeover}));
    CHECK_FALSE(plain.taken_over_from.has_value());
    CHECK(plain.session.row.epoch == 1);
}

TEST_CASE("takeover does not reach a slot that another project holds") {
    harness h;
    value_of(h->apply(new_session{.project_id = "p", .machine_id = "m", .docker_slot = 1}));
    CHECK(code_of(h->apply(new_session{.project_id = "q",
                                       .machine_id = "m",
                                       .docker_slot = 1,
                                       .on_conflict = conflict_policy::takeover})) == "place_taken");
}

TEST_CASE("a session with more tasks than a page is recovered whole") {
    harness h;
    const session s = h.create();
    for (int i = 0; i < 10'050; ++i) add_task(h, s, "t" + std::to_string(i));
    value_of(h->apply(stall_mark{.session_id = s.session_id}));
    const auto made = value_of(h->apply(recovery{.session_id = s.session_id, .new_machine_id = "n"}));
    CHECK(made.tasks_carried == 10'050);
    CHECK(value_of(h->list_tasks({.session_id = made.session.row.session_id}, {})).total == 10'050);
}
