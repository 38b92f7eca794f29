#include <doctest/doctest.h>

#include "harness.hpp"

using namespace statetrack;
using namespace statetrack::testing;

namespace {

task add(harness& h, const uuid& session_id, const std::string& name = "t") {
    return value_of(h->apply(new_task{.session_id = session_id, .project_id = "p", .task_name = name}));
}

}  // namespace

TEST_CASE("a task belongs to a session that exists and lives") {
    harness h;
    const auto orphan = h->apply(new_task{.session_id = uuid{}, .project_id = "p", .task_name = "x"});
    REQUIRE(code_of(orphan) == "validation_failed");
    CHECK(orphan.error().problems.at(0).field == "session_id");
    const session s = h.create();
    const task t = add(h, s.session_id);
    CHECK(t.status == task_status::pending);
    CHECK(t.attempt == 1);
}

TEST_CASE("starting a task makes it the session's current one, ending it clears that") {
    harness h;
    const session s = h.create();
    const task t = add(h, s.session_id);
    const task started =
        value_of(h->apply(task_patch{.task_id = t.task_id, .status = task_status::in_progress}));
    CHECK(started.started_at == h->now());
    CHECK(h.row(s.session_id).current_task_id == to_string(t.task_id));
    const task done = value_of(h->apply(task_patch{.task_id = t.task_id, .status = task_status::completed}));
    CHECK(done.completed_at == h->now());
    CHECK_FALSE(h.row(s.session_id).current_task_id.has_value());
}

TEST_CASE("blocking clears the end and the current task, resetting clears everything") {
    harness h;
    const session s = h.create();
    const task t = add(h, s.session_id);
    value_of(h->apply(task_patch{.task_id = t.task_id, .status = task_status::in_progress}));
    value_of(
        h->apply(task_patch{.task_id = t.task_id, .status = task_status::failed, .error_message = "no"}));
    const task blocked = value_of(h->apply(task_patch{.task_id = t.task_id, .status = task_status::blocked}));
    CHECK_FALSE(blocked.completed_at.has_value());
    CHECK(blocked.started_at.has_value());
    const task reset = value_of(h->apply(task_patch{.task_id = t.task_id, .status = task_status::pending}));
    CHECK_FALSE(reset.started_at.has_value());
    CHECK_FALSE(reset.error_message.has_value());
}

TEST_CASE("a failing task needs its error message") {
    harness h;
    const session s = h.create();
    const task t = add(h, s.session_id);
    const auto refused = h->apply(task_patch{.task_id = t.task_id, .status = task_status::failed});
    REQUIRE(code_of(refused) == "validation_failed");
    CHECK(refused.error().problems.at(0).field == "error_message");
    CHECK(value_of(h->find_task(t.task_id)) == t);
}

TEST_CASE("a completed task stays so, and a task of an ended session cannot start") {
    harness h;
    const session s = h.create();
    const task done = add(h, s.session_id, "done");
    value_of(h->apply(task_patch{.task_id = done.task_id, .status = task_status::completed}));
    CHECK(code_of(h->apply(task_patch{.task_id = done.task_id, .status = task_status::blocked})) ==
          "illegal_transition");
    const task t = add(h, s.session_id);
    value_of(h->apply(session_patch{.session_id = s.session_id, .status = session_status::completed}));
    CHECK(code_of(h->apply(task_patch{.task_id = t.task_id, .status = task_status::in_progress})) ==
          "terminal");
    value_of(h->apply(task_patch{.task_id = t.task_id, .status = task_status::completed}));
}

TEST_CASE("a write under another epoch than the session's is refused, for its tasks too") {
    harness h;
    const session s = h.create();
    const task t = add(h, s.session_id);
    CHECK(code_of(h->apply(task_patch{.task_id = t.task_id, .status = task_status::in_progress},
                           {.epoch = 2})) == "superseded");
    CHECK(code_of(h->apply(new_task{.session_id = s.session_id, .project_id = "p", .task_name = "x"},
                           {.epoch = 2})) == "superseded");
    CHECK(code_of(h->apply(task_removal{.task_id = t.task_id}, {.epoch = 2})) == "superseded");
}

TEST_CASE("deleting the task that a session works on clears its current task") {
    harness h;
    const session s = h.create();
    const task t = add(h, s.session_id);
    value_of(h->apply(task_patch{.task_id = t.task_id, .status = task_status::in_progress}));
    value_of(h->apply(task_removal{.task_id = t.task_id}));
    CHECK_FALSE(h.row(s.session_id).current_task_id.has_value());
    CHECK(code_of(h->find_task(t.task_id)) == "not_found");
}

TEST_CASE("a task's version guards its patches") {
    harness h;
    const session s = h.create();
    const task t = add(h, s.session_id);
    CHECK(code_of(h->apply(task_patch{.task_id = t.task_id, .status = task_status::blocked},
                           {.if_version = 4})) == "version_mismatch");
    CHECK(value_of(
              h->apply(task_patch{.task_id = t.task_id, .status = task_status::blocked}, {.if_version = 1}))
              .version == 2);
}

TEST_CASE("tasks are listed by session, project and status") {
    harness h;
    const session a = h.create("a"), b = h.create("b");
    add(h, a.session_id);
    add(h, a.session_id);
    const task t = add(h, b.session_id);
    value_of(h->apply(task_patch{.task_id = t.task_id, .status = task_status::blocked}));
    CHECK(value_of(h->list_tasks({}, {})).total == 3);
    CHECK(value_of(h->list_tasks({.session_id = a.session_id}, {})).total == 2);
    CHECK(value_of(h->list_tasks({.project_id = "p", .status = task_status::blocked}, {})).total == 1);
    CHECK(value_of(h->list_tasks({.status = task_status::pending}, {})).rows.size() == 2);
}
