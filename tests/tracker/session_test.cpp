#include <doctest/doctest.h>

#include "harness.hpp"
#include "hooked_store.hpp"

using namespace statetrack;
using namespace statetrack::testing;

namespace {

std::vector<std::string> fields_of(const error& e) {
    std::vector<std::string> names;
    for (const auto& p : e.problems) names.push_back(p.field);
    return names;
}

std::vector<std::string> kinds_of(harness& h, const uuid& id) {
    std::vector<std::string> kinds;
    for (const event& e : value_of(h->session_events(id, 0, 1'000)).events) kinds.push_back(e.kind);
    return kinds;
}

}  // namespace

TEST_CASE("a created session is active, in its own lineage, and has its history") {
    harness h;
    const session s = h.create("p", "m");
    CHECK(s.status == session_status::active);
    CHECK(s.lineage_id == s.session_id);
    CHECK(s.epoch == 1);
    CHECK(s.version == 1);
    CHECK(s.started_at == s.created_at);
    CHECK(s.last_heartbeat == s.created_at);
    CHECK(s.metadata.text() == "{}");
    CHECK(kinds_of(h, s.session_id) == std::vector<std::string>{"created"});
}

TEST_CASE("every wrong field of a request is named in one answer") {
    harness h;
    const auto refused = h->apply(new_session{.project_id = "",
                                              .machine_id = std::string(257, 'm'),
                                              .docker_slot = -1,
                                              .stall_threshold_ms = 999,
                                              .progress_threshold_ms = 86'400'001});
    REQUIRE(code_of(refused) == "validation_failed");
    CHECK(fields_of(refused.error()) == std::vector<std::string>{"project_id", "machine_id", "docker_slot",
                                                                 "stall_threshold_ms",
                                                                 "progress_threshold_ms"});
    CHECK(value_of(h->list_sessions({}, {})).total == 0);
}

TEST_CASE("an active session needs a machine, a pending one may do without") {
    harness h;
    CHECK(code_of(h->apply(new_session{.project_id = "p"})) == "validation_failed");
    const auto pending =
        value_of(h->apply(new_session{.project_id = "p", .status = initial_status::pending}));
    CHECK_FALSE(pending.session.row.started_at.has_value());
    CHECK(code_of(h->apply(heartbeat{.session_id = pending.session.row.session_id})) == "illegal_transition");
}

TEST_CASE("one active session a place, and two slots are two places") {
    harness h;
    const session first = h.create("p", "m");
    const auto refused = h->apply(new_session{.project_id = "p", .machine_id = "m"});
    REQUIRE(code_of(refused) == "place_taken");
    CHECK(refused.error().facts.at("holder").as_string() == to_string(first.session_id));
    CHECK(refused.error().facts.at("holder_deadline").as_string() ==
          to_string(timestamp{h->now().ms + 180'000}));
    value_of(h->apply(new_session{.project_id = "p", .machine_id = "m", .docker_slot = 0}));
    value_of(h->apply(new_session{.project_id = "p", .machine_id = "m", .docker_slot = 1}));
    value_of(h->apply(new_session{.project_id = "q", .machine_id = "m"}));
}

TEST_CASE("one pending, active or paused session a slot whatever its project, a stalled one holds none") {
    harness h;
    const auto make = [&](const std::string& project, initial_status status = initial_status::active) {
        return h->apply(
            new_session{.project_id = project, .machine_id = "m", .docker_slot = 7, .status = status});
    };
    const auto first = value_of(make("p", initial_status::pending));
    const uuid id = first.session.row.session_id;
    CHECK(code_of(make("q")) == "place_taken");
    h.beat(id);
    CHECK(code_of(make("q")) == "place_taken");
    value_of(h->apply(session_patch{.session_id = id, .status = session_status::paused}));
    CHECK(code_of(make("q")) == "place_taken");
    value_of(h->apply(session_patch{.session_id = id, .status = session_status::active}));
    value_of(h->apply(stall_mark{.session_id = id}));
    value_of(make("q"));
    // The stalled one is refused its return.
    CHECK(code_of(h->apply(heartbeat{.session_id = id})) == "place_taken");
    CHECK(code_of(h->apply(session_patch{.session_id = id, .status = session_status::active})) ==
          "place_taken");
    CHECK(h.status(id) == session_status::stalled);
}

TEST_CASE("a client's own session_id makes create repeatable") {
    harness h;
    const uuid id = h.ids->next();
    const new_session request{.project_id = "p", .machine_id = "m", .session_id = id};
    CHECK(value_of(h->apply(request)).created);
    const auto again = value_of(h->apply(request));
    CHECK_FALSE(again.created);
    CHECK(again.session.row.session_id == id);
    auto other = request;
    other.machine_id = "n";
    CHECK(code_of(h->apply(other)) == "already_exists");
}

TEST_CASE("a registered machine's slots bind its sessions") {
    harness h;
    value_of(h->apply(machine_registration{.hostname = "host", .docker_slots = {0, 1}, .machine_id = "m"}));
    value_of(h->apply(new_session{.project_id = "p", .machine_id = "m", .docker_slot = 1}));
    const auto refused = h->apply(new_session{.project_id = "p", .machine_id = "m", .docker_slot = 2});
    CHECK(code_of(refused) == "validation_failed");
    CHECK(fields_of(refused.error()) == std::vector<std::string>{"docker_slot"});
}

TEST_CASE("a plain heartbeat changes its four fields and leaves version, updated_at and history alone") {
    harness h;
    const session s = h.create();
    h.clock.advance(1'000);
    const auto answer = value_of(h->apply(heartbeat{
        .session_id = s.session_id, .progress = progress_mark{.seq = 4}, .expect_silence_ms = 60'000}));
    CHECK(answer.plain);
    CHECK(answer.next_heartbeat_ms == 55'000);
    session expected = s;
    expected.last_heartbeat = h->now();
    expected.last_progress_at = h->now();
    expected.progress_seq = 4;
    expected.silence_until = timestamp{h->now().ms + 60'000};
    CHECK(h.row(s.session_id) == expected);
    CHECK(kinds_of(h, s.session_id) == std::vector<std::string>{"created"});
    CHECK(answer.deadline == timestamp{h->now().ms + 180'000});
}

TEST_CASE("a heartbeat that changes anything else raises the version and leaves one event") {
    harness h;
    const session s = h.create();
    const auto answer = value_of(h->apply(heartbeat{.session_id = s.session_id,
                                                    .current_task_id = "task 7",
                                                    .metadata = meta({{"a", 1}}),
                                                    .phase = session_phase::tool,
                                                    .checkpoint = meta({{"r", true}})}));
    CHECK_FALSE(answer.plain);
    const session now = h.row(s.session_id);
    CHECK(now.version == 2);
    CHECK(now.current_task_id == "task 7");
    CHECK(now.phase == session_phase::tool);
    CHECK(now.checkpoint == meta({{"r", true}}));
    CHECK(kinds_of(h, s.session_id) == std::vector<std::string>{"created", "heartbeat"});
    value_of(h->apply(
        heartbeat{.session_id = s.session_id, .current_task_id = std::nullopt, .phase = std::nullopt}));
    CHECK_FALSE(h.row(s.session_id).current_task_id.has_value());
}

TEST_CASE("two heartbeats in the same millisecond both succeed") {
    harness h;
    const session s = h.create();
    h.beat(s.session_id);
    h.beat(s.session_id);
    CHECK(h.row(s.session_id).version == 1);
}

TEST_CASE("a heartbeat makes a pending session active and leaves a paused one paused") {
    harness h;
    const auto made = value_of(
        h->apply(new_session{.project_id = "p", .machine_id = "m", .status = initial_status::pending}));
    const uuid id = made.session.row.session_id;
    h.clock.advance(5);
    const auto first = h.beat(id);
    CHECK(first.first);
    CHECK(first.session.row.status == session_status::active);
    CHECK(first.session.row.started_at == h->now());
    value_of(h->apply(session_patch{.session_id = id, .status = session_status::paused}));
    h.clock.advance(5);
    const auto paused = h.beat(id);
    CHECK(paused.session.row.status == session_status::paused);
    CHECK(paused.session.row.last_heartbeat == h->now());
    CHECK_FALSE(paused.deadline.has_value());
}

TEST_CASE("metadata is patched as a merge, and only up to its bound") {
    harness h;
    const session s = h.create();
    value_of(
        h->apply(session_patch{.session_id = s.session_id, .metadata = meta({{"a", 1}, {"b", {{"c", 2}}}})}));
    value_of(h->apply(
        session_patch{.session_id = s.session_id, .metadata = meta({{"a", nullptr}, {"b", {{"d", 3}}}})}));
    CHECK(h.row(s.session_id).metadata == meta({{"b", {{"c", 2}, {"d", 3}}}}));
    const std::string half(40'000, 'x');
    value_of(h->apply(session_patch{.session_id = s.session_id, .metadata = meta({{"h1", half}})}));
    CHECK(code_of(h->apply(session_patch{.session_id = s.session_id, .metadata = meta({{"h2", half}})})) ==
          "validation_failed");
    CHECK_FALSE(h.row(s.session_id).metadata.object().contains("h2"));
}

TEST_CASE("a patch to the present state applies its other fields, an illegal one nothing at all") {
    harness h;
    const session s = h.create();
    value_of(h->apply(
        session_patch{.session_id = s.session_id, .status = session_status::active, .current_task_id = "x"}));
    const session now = h.row(s.session_id);
    CHECK(now.current_task_id == "x");
    CHECK(code_of(h->apply(session_patch{
              .session_id = s.session_id, .status = session_status::pending, .current_task_id = "y"})) ==
          "illegal_transition");
    CHECK(h.row(s.session_id) == now);
    // Nothing to change: nothing happens.
    value_of(h->apply(session_patch{.session_id = s.session_id, .current_task_id = "x"}));
    CHECK(h.row(s.session_id) == now);
}

TEST_CASE("a patch is refused when the caller's version is not the stored one") {
    harness h;
    const session s = h.create();
    const session_patch patch{.session_id = s.session_id, .current_task_id = "x"};
    CHECK(code_of(h->apply(patch, {.if_version = 2})) == "version_mismatch");
    value_of(h->apply(patch, {.if_version = 1}));
}

TEST_CASE("mark-failed ends the session and its running tasks in one step, and can be repeated") {
    harness h;
    const session s = h.create();
    const task t =
        value_of(h->apply(new_task{.session_id = s.session_id, .project_id = "p", .task_name = "work"}));
    value_of(h->apply(task_patch{.task_id = t.task_id, .status = task_status::in_progress}));
    value_of(h->apply(
        failure_mark{.session_id = s.session_id, .error_message = "it broke", .metadata = meta({{"k", 1}})}));
    const session now = h.row(s.session_id);
    CHECK(now.status == session_status::failed);
    CHECK(now.completed_at == h->now());
    CHECK_FALSE(now.current_task_id.has_value());
    CHECK(now.metadata == meta({{"k", 1}, {"error_message", "it broke"}}));
    CHECK(value_of(h->find_task(t.task_id)).error_message == "it broke");
    value_of(h->apply(failure_mark{.session_id = s.session_id, .error_message = "again"}));
    CHECK(h.row(s.session_id) == now);
}

TEST_CASE("a patch to failed does what mark-failed does") {
    harness h;
    const session s = h.create();
    value_of(h->apply(session_patch{.session_id = s.session_id, .status = session_status::failed}));
    CHECK(h.row(s.session_id).metadata == meta({{"error_message", "failed"}}));
    CHECK(h.row(s.session_id).completed_at.has_value());
}

TEST_CASE("a session that has ended takes no beat, task, status or current task, but metadata") {
    for (const auto end : {session_status::completed, session_status::failed}) {
        harness h;
        const session s = h.create();
        value_of(h->apply(session_patch{.session_id = s.session_id, .status = end}));
        CHECK(code_of(h->apply(heartbeat{.session_id = s.session_id})) == "terminal");
        CHECK(code_of(h->apply(new_task{.session_id = s.session_id, .project_id = "p", .task_name = "x"})) ==
              "terminal");
        const auto refused =
            h->apply(session_patch{.session_id = s.session_id, .status = session_status::active});
        REQUIRE(code_of(refused) == "terminal");
        CHECK(refused.error().facts.at("status").as_string() == enum_name(end));
        CHECK(code_of(h->apply(session_patch{.session_id = s.session_id, .current_task_id = "x"})) ==
              "terminal");
        value_of(h->apply(session_patch{.session_id = s.session_id, .metadata = meta({{"later", true}})}));
        CHECK(h.row(s.session_id).metadata.object().contains("later"));
    }
}

TEST_CASE("mark-stalled stalls an active session, repeats without change, and nothing else") {
    harness h;
    const session s = h.create();
    value_of(h->apply(stall_mark{.session_id = s.session_id}));
    const session now = h.row(s.session_id);
    CHECK_FALSE(now.completed_at.has_value());
    value_of(h->apply(stall_mark{.session_id = s.session_id}));
    CHECK(h.row(s.session_id) == now);
    const session paused = h.create("q");
    value_of(h->apply(session_patch{.session_id = paused.session_id, .status = session_status::paused}));
    CHECK(code_of(h->apply(stall_mark{.session_id = paused.session_id})) == "illegal_transition");
}

TEST_CASE("only ended sessions are archived") {
    harness h;
    const session s = h.create();
    CHECK(code_of(h->apply(archiving{.session_id = s.session_id})) == "wrong_state");
    value_of(h->apply(session_patch{.session_id = s.session_id, .status = session_status::completed}));
    value_of(h->apply(archiving{.session_id = s.session_id}));
    CHECK(h.row(s.session_id).archived);
    CHECK(h.row(s.session_id).metadata.object().contains("archived_at"));
    CHECK(value_of(h->list_sessions({.archived_only = true}, {})).total == 1);
}

TEST_CASE("a deleted session leaves no task behind, and its history stays") {
    harness h;
    const session s = h.create();
    const task t =
        value_of(h->apply(new_task{.session_id = s.session_id, .project_id = "p", .task_name = "x"}));
    CHECK(value_of(h->apply(session_removal{.session_id = s.session_id})).deleted_tasks == 1);
    CHECK(code_of(h->find_session(s.session_id)) == "not_found");
    CHECK(code_of(h->find_task(t.task_id)) == "not_found");
    CHECK(kinds_of(h, s.session_id) == std::vector<std::string>{"created", "created", "deleted"});
    CHECK(code_of(h->apply(session_removal{.session_id = s.session_id})) == "not_found");
}

TEST_CASE("lists are newest first, filtered, paged by offset and cursor, with the whole list's total") {
    harness h;
    std::vector<uuid> made;
    for (int i = 0; i < 7; ++i)
        made.push_back(h.create("p" + std::to_string(i % 2), "m" + std::to_string(i)).session_id);
    const auto all = value_of(h->list_sessions({}, {.limit = 3}));
    CHECK(all.total == 7);
    REQUIRE(all.rows.size() == 3);
    CHECK(all.rows[0].row.session_id == made[6]);
    REQUIRE(all.next.has_value());
    const auto second = value_of(h->list_sessions({}, {.limit = 3, .after = all.next}));
    CHECK(second.rows[0].row.session_id == made[3]);
    const auto third = value_of(h->list_sessions({}, {.limit = 3, .after = second.next}));
    CHECK(third.rows.size() == 1);
    CHECK_FALSE(third.next.has_value());
    const auto by_offset = value_of(h->list_sessions({}, {.limit = 3, .offset = 5}));
    CHECK(by_offset.rows.size() == 2);
    CHECK(value_of(h->list_sessions({.project_id = "p1"}, {})).total == 3);
    CHECK(value_of(h->list_sessions({.project_id = "p1", .machine_id = "m1"}, {})).total == 1);
    CHECK(value_of(h->list_sessions({.machine_id = "m1", .status = session_status::failed}, {})).total == 0);
    CHECK(value_of(h->list_sessions({.lineage_id = made[2]}, {})).rows.at(0).row.session_id == made[2]);
}

TEST_CASE("the health of all counts by status") {
    harness h;
    h.create("a");
    const session s = h.create("b");
    value_of(h->apply(session_patch{.session_id = s.session_id, .status = session_status::paused}));
    const auto health = value_of(h->health());
    CHECK(health.total == 2);
    CHECK(health.by_status[static_cast<std::size_t>(session_status::active)] == 1);
    CHECK(health.by_status[static_cast<std::size_t>(session_status::paused)] == 1);
    CHECK(health.last_updated == h->now());
}

TEST_CASE("hostile text is kept as it is, and what no backend can keep is refused") {
    harness h;
    const std::string text = "\xF0\x9F\x90\x9B \xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D \"';-- \\ \n\t\x01";
    const session s = h.create(text, text);
    CHECK(h.row(s.session_id).project_id == text);
    CHECK(value_of(h->list_sessions({.project_id = text}, {})).total == 1);
    CHECK(code_of(h->apply(new_session{.project_id = "bad \xFF", .machine_id = "m"})) == "validation_failed");
    CHECK(code_of(h->apply(new_session{.project_id = std::string("nul\0", 4), .machine_id = "m"})) ==
          "validation_failed");
}

TEST_CASE("a page is looked through for no more rows than there are, and for none where there are none") {
    std::vector<std::size_t> asked;
    hooks watching;
    watching.look_through = [&](reader& inner, const table& in, const query& what,
                                const reader::row_look& at) {
        asked.push_back(what.limit);
        return inner.look_through(in, what, at);
    };
    harness h({}, std::make_unique<hooked_store>(make_memory_store(), watching));
    for (int i = 0; i < 3; ++i) h.create("p", std::to_string(i));
    asked.clear();

    const auto listed = [&](const session_filter& filter, const page& which) {
        return value_of(h->list_sessions(filter, which));
    };
    CHECK(listed({.project_id = "p"}, {.limit = 2}).rows.size() == 2);
    CHECK(listed({.project_id = "p"}, {.limit = 50}).rows.size() == 3);
    CHECK(listed({.project_id = "p"}, {.limit = 50, .offset = 2}).rows.size() == 1);
    CHECK(asked == std::vector<std::size_t>{3, 3, 1});

    const auto none = listed({.project_id = "p", .status = session_status::stalled}, {});
    CHECK((none.rows.empty() && none.total == 0 && !none.next));
    const auto beyond = listed({.project_id = "p"}, {.offset = 3});
    CHECK((beyond.rows.empty() && beyond.total == 3 && !beyond.next));
    CHECK(asked.size() == 3);
}
