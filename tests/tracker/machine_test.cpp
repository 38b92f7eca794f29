#include <doctest/doctest.h>

#include <algorithm>

#include "harness.hpp"

using namespace statetrack;
using namespace statetrack::testing;

namespace {

machine_registered add(harness& h, const std::string& id = "m", std::vector<std::int64_t> slots = {0, 1}) {
    return value_of(h->apply(
        machine_registration{.hostname = "host-" + id, .docker_slots = std::move(slots), .machine_id = id}));
}

machine_view seen(harness& h, const std::string& id = "m") { return value_of(h->find_machine(id)); }

}  // namespace

TEST_CASE("a machine is registered, registered again under its name, and refused under another") {
    harness h;
    CHECK(add(h).created);
    const auto again = value_of(
        h->apply(machine_registration{.hostname = "host-m", .docker_slots = {0, 1, 2}, .machine_id = "m"}));
    CHECK_FALSE(again.created);
    CHECK(again.machine.row.docker_slots == std::vector<std::int64_t>{0, 1, 2});
    CHECK(code_of(h->apply(machine_registration{
              .hostname = "other", .docker_slots = {}, .machine_id = "m"})) == "machine_mismatch");
    const auto made = value_of(h->apply(machine_registration{.hostname = "x", .docker_slots = {}}));
    CHECK(parse_uuid_v4(made.machine.row.machine_id).has_value());
}

TEST_CASE("slots are distinct and not negative") {
    harness h;
    const auto refused = h->apply(machine_registration{.hostname = "x", .docker_slots = {1, 1, -2}});
    REQUIRE(code_of(refused) == "validation_failed");
    CHECK(refused.error().problems.size() == 2);
}

TEST_CASE("a slot that a session holds cannot be taken away, a stalled session's can") {
    harness h;
    add(h);
    const auto made = value_of(h->apply(new_session{.project_id = "p", .machine_id = "m", .docker_slot = 1}));
    CHECK(code_of(h->apply(machine_patch{.machine_id = "m", .docker_slots = std::vector<std::int64_t>{0}})) ==
          "in_use");
    CHECK(code_of(h->apply(machine_registration{
              .hostname = "host-m", .docker_slots = {}, .machine_id = "m"})) == "in_use");
    value_of(h->apply(stall_mark{.session_id = made.session.row.session_id}));
    value_of(h->apply(machine_patch{.machine_id = "m", .docker_slots = std::vector<std::int64_t>{0}}));
}

TEST_CASE("a machine with live sessions is not deleted") {
    harness h;
    add(h);
    const session s = h.create("p", "m");
    CHECK(seen(h).active_sessions == std::vector<uuid>{s.session_id});
    CHECK(code_of(h->apply(machine_removal{.machine_id = "m"})) == "in_use");
    value_of(h->apply(session_patch{.session_id = s.session_id, .status = session_status::completed}));
    value_of(h->apply(machine_removal{.machine_id = "m"}));
    CHECK(code_of(h->find_machine("m")) == "not_found");
}

TEST_CASE("a silent machine goes offline on time, and comes back with its heartbeat") {
    harness h;
    add(h);
    h.run_for(180'000);
    CHECK(seen(h).row.status == machine_status::online);
    CHECK(h.run_for(1'000).offline == std::vector<std::string>{"m"});
    CHECK(seen(h).row.status == machine_status::offline);
    const auto back = value_of(h->apply(machine_heartbeat{.machine_id = "m"}));
    CHECK(back.machine.row.status == machine_status::online);
}

TEST_CASE("each machine goes offline on time, whatever the others' deadlines are and whenever it came") {
    harness h;
    add(h, "a");
    h.run_for(60'000);
    add(h, "b");
    h.run_for(30'000);
    add(h, "c");
    value_of(h->apply(machine_heartbeat{.machine_id = "a"}));
    const auto offline_in = [&](std::int64_t ms) { return h.run_for(ms).offline; };
    using names = std::vector<std::string>;
    CHECK(offline_in(150'000) == names{});
    CHECK(offline_in(1'000) == names{"b"});
    CHECK(offline_in(29'000) == names{});
    auto both = offline_in(1'000);
    std::ranges::sort(both);
    CHECK(both == names{"a", "c"});

    // Silent for long, and judged again from one moment to the next.
    value_of(h->apply(machine_patch{.machine_id = "b", .status = machine_status::maintenance}));
    CHECK(offline_in(400'000) == names{});
    value_of(h->apply(machine_patch{.machine_id = "b", .status = machine_status::online}));
    CHECK(offline_in(1'000) == names{"b"});
}

TEST_CASE("a machine in maintenance stays so, beating or silent") {
    harness h;
    add(h);
    value_of(h->apply(machine_patch{.machine_id = "m", .status = machine_status::maintenance}));
    value_of(h->apply(machine_heartbeat{.machine_id = "m"}));
    CHECK(seen(h).row.status == machine_status::maintenance);
    h.run_for(400'000);
    CHECK(seen(h).row.status == machine_status::maintenance);
}

TEST_CASE("a machine is as fresh as its freshest session, without its row being written") {
    harness h;
    add(h);
    const session s = h.create("p", "m");
    for (int i = 0; i < 10; ++i) {
        h.run_for(50'000);
        h.beat(s.session_id);
    }
    const auto view = seen(h);
    CHECK(view.row.status == machine_status::online);
    CHECK(view.row.last_heartbeat == h->now());
    CHECK(view.row.version == 1);
    const auto listed = value_of(h->list_machines({}, {}));
    REQUIRE(listed.rows.size() == 1);
    CHECK(listed.rows.front().row == view.row);
    CHECK(listed.rows.front().active_sessions == view.active_sessions);
}

TEST_CASE("a plain machine heartbeat leaves version and history alone, one with metadata does not") {
    harness h;
    add(h);
    h.clock.advance(5);
    value_of(h->apply(machine_heartbeat{.machine_id = "m"}));
    CHECK(seen(h).row.version == 1);
    CHECK(seen(h).row.last_heartbeat == h->now());
    value_of(h->apply(
        machine_heartbeat{.machine_id = "m", .metadata = json_text(boost::json::object{{"load", 2}})}));
    CHECK(seen(h).row.version == 2);
    CHECK(code_of(h->apply(machine_heartbeat{.machine_id = "none"})) == "not_found");
}

TEST_CASE("a machine beats for its sessions, each with its own result") {
    harness h;
    add(h);
    add(h, "n");
    const session mine = h.create("p", "m");
    const session ended = h.create("q", "m");
    value_of(h->apply(session_patch{.session_id = ended.session_id, .status = session_status::completed}));
    const session foreign = h.create("p", "n");
    h.clock.advance(1'000);
    const std::vector<heartbeat> beats{{.session_id = mine.session_id, .phase = session_phase::working},
                                       {.session_id = ended.session_id},
                                       {.session_id = foreign.session_id},
                                       {.session_id = uuid{}},
                                       {.session_id = mine.session_id, .epoch = 9}};
    const auto answer = value_of(h->apply(machine_heartbeat{.machine_id = "m", .sessions = beats}));
    REQUIRE(answer.results.size() == 5);
    CHECK(code_of(answer.results[0].outcome) == "ok");
    CHECK(code_of(answer.results[1].outcome) == "terminal");
    CHECK(code_of(answer.results[2].outcome) == "in_use");
    CHECK(code_of(answer.results[3].outcome) == "not_found");
    CHECK(code_of(answer.results[4].outcome) == "superseded");
    CHECK(h.row(mine.session_id).phase == session_phase::working);
    CHECK(h.row(foreign.session_id) == foreign);
}

TEST_CASE("a malformed element refuses the whole machine heartbeat and names its place") {
    harness h;
    add(h);
    const session s = h.create("p", "m");
    const std::vector<heartbeat> beats{{.session_id = s.session_id},
                                       {.session_id = s.session_id, .expect_silence_ms = -1}};
    h.clock.advance(1'000);
    const auto refused = h->apply(machine_heartbeat{.machine_id = "m", .sessions = beats});
    REQUIRE(code_of(refused) == "validation_failed");
    CHECK(refused.error().problems.at(0).field == "sessions[1].expect_silence_ms");
    CHECK(h.row(s.session_id) == s);
}
