// When a third of the machines fall silent at once the fault is likelier ours: verdicts are held.
#include <doctest/doctest.h>

#include "fleet.hpp"

using namespace statetrack;
using namespace statetrack::testing;

namespace {

void cut_off(fleet& f, std::size_t machines, bool cut) {
    for (agent& a : f.agents)
        if (std::stoul(a.machine.substr(8)) < machines) a.cut_off = cut;
}

}  // namespace

TEST_CASE("a shared outage of 100 machines marks none of them, and finds who died during it") {
    harness h;
    fleet f(h, 100, 2);
    f.run_for(6 * minute);
    cut_off(f, 100, true);
    f.kill(f.agents[17]);
    f.run_for(6 * minute);
    CHECK(h->detector().hold == "mass_silence");
    CHECK(f.false_verdicts.empty());
    cut_off(f, 100, false);
    f.run_for(5 * minute);
    CHECK_FALSE(h->detector().hold.has_value());
    CHECK(f.false_verdicts.empty());
    CHECK(f.dead_unmarked() == 0);
}

TEST_CASE("an outage of a third of the machines is held too, and of a quarter is not") {
    for (const std::size_t lost : {34u, 25u}) {
        harness h;
        fleet f(h, 100, 1);
        f.run_for(6 * minute);
        cut_off(f, lost, true);
        f.run_for(4 * minute);
        CHECK(f.false_verdicts.size() == (lost == 34 ? 0 : lost));
    }
}

TEST_CASE("a real mass death is told after the longest hold, a tenth of the sessions a minute") {
    harness h;
    fleet f(h, 50, 1);
    f.run_for(6 * minute);
    for (agent& a : f.agents) f.kill(a);
    f.run_for(15 * minute);
    CHECK(f.dead_unmarked() == 50);
    f.run_for(4 * minute);
    const std::size_t marked = 50 - f.dead_unmarked();
    CHECK(marked > 0);
    CHECK(marked <= 15);
    f.run_for(15 * minute);
    CHECK(f.dead_unmarked() == 0);
}

TEST_CASE("with fewer than three machines there is no guard") {
    harness h;
    fleet f(h, 2, 3);
    f.run_for(6 * minute);
    cut_off(f, 2, true);
    f.run_for(4 * minute);
    CHECK(f.false_verdicts.size() == 6);
}

TEST_CASE("the guard can be switched off") {
    harness h({.stall_guard = false});
    fleet f(h, 20, 1);
    f.run_for(6 * minute);
    cut_off(f, 20, true);
    f.run_for(4 * minute);
    CHECK(f.false_verdicts.size() == 20);
}

TEST_CASE("machines whose sessions announced silence do not count as lost") {
    harness h;
    fleet f(h, 20, 1);
    f.run_for(6 * minute);
    for (std::size_t i = 0; i < 10; ++i) {
        f.agents[i].cut_off = true;
        value_of(h->apply(heartbeat{.session_id = f.agents[i].id, .expect_silence_ms = 30 * minute}));
    }
    f.kill(f.agents[15]);
    f.run_for(4 * minute);
    CHECK_FALSE(h->detector().hold.has_value());
    CHECK(f.false_verdicts.empty());
    CHECK(f.dead_unmarked() == 0);
}

TEST_CASE("health calls them silent while the verdicts are held") {
    harness h;
    fleet f(h, 10, 1);
    f.run_for(6 * minute);
    cut_off(f, 10, true);
    f.run_for(4 * minute);
    REQUIRE(h->detector().hold.has_value());
    const auto health = value_of(h->health());
    CHECK(health.by_status[static_cast<std::size_t>(session_status::active)] == 0);
    CHECK(health.by_status[static_cast<std::size_t>(session_status::stalled)] == 10);
    CHECK(value_of(h->stalled_sessions({})).rows.size() == 10);
    CHECK_FALSE(value_of(h->health_of(f.agents[0].id)).is_healthy);
    CHECK(h.status(f.agents[0].id) == session_status::active);
}
