// Our own absence is never their silence: each way of being away, with deaths in the middle of it.
#include <doctest/doctest.h>

#include "fleet.hpp"
#include "outage_store.hpp"
#include "statetrack/deadline.hpp"

using namespace statetrack;
using namespace statetrack::testing;

namespace {

constexpr std::int64_t threshold = 180 * second;
constexpr std::int64_t grace = 70 * second;
constexpr std::int64_t alive_lag_ms = 5 * second;  // the alive mark is written that often

// After an absence that ended at `back_ms`, a death is found at the latest by then.
std::int64_t bound_after(const agent& dead, std::int64_t back_ms) {
    return std::max(*dead.died_ms + threshold, back_ms + grace) + verdict_delay_ms_max;
}

// Nobody alive was marked; the dead ones were, in time.
void check_verdicts(const fleet& f, std::int64_t back_ms) {
    CHECK(f.false_verdicts.empty());
    for (const agent& a : f.agents) {
        if (!a.died_ms) continue;
        REQUIRE(a.stalled_ms.has_value());
        CHECK(*a.stalled_ms <= bound_after(a, back_ms));
    }
}

}  // namespace

TEST_CASE("a beat is told the deadline that the detector goes by, absences behind its receipt included") {
    harness h({.stall_threshold_ms = second});
    const uuid id = h.create().session_id;
    std::optional<heartbeat_answer> told;
    const auto beat = [&] {
        h->enqueue(heartbeat{.session_id = id}, {},
                   [&](result<heartbeat_answer> r) { told = std::move(r).value(); });
    };
    beat();
    h->commit_pending();
    CHECK(told->deadline == timestamp{h.clock.read().wall.ms + second});
    beat();
    h.clock.suspend(10 * second);
    h->sweep();  // which notices
    h->commit_pending();
    CHECK(told->deadline == timestamp{h.clock.read().wall.ms + listening_grace_ms(second)});
    CHECK(to_string(*told->deadline) == value_of(h->explain(id)).at("deadline").as_string());
}

TEST_CASE("a death in quiet times is found within a second of its deadline") {
    harness h;
    fleet f(h, 10, 2);
    f.run_for(5 * minute);
    f.kill(f.agents[3]);
    f.run_for(5 * minute);
    CHECK(f.false_verdicts.empty());
    CHECK(f.dead_unmarked() == 0);
    CHECK(f.worst_detection_ms() <= threshold + verdict_delay_ms_max);
    CHECK(h->counters().stall_delay_ms_max <= verdict_delay_ms_max);
}

TEST_CASE("a restart makes no false verdict, and finds who died while the tracker was down") {
    harness h;
    fleet f(h, 10, 2);
    f.run_for(5 * minute);
    f.listening = f.sweeping = false;
    f.kill(f.agents[0]);
    f.run_for(10 * minute);
    f.kill(f.agents[1]);
    h.open();
    f.listening = f.sweeping = true;
    const std::int64_t back = f.now_ms();
    f.run_for(6 * minute);
    check_verdicts(f, back);
}

TEST_CASE("a restart with the host's reboot makes no false verdict") {
    harness h;
    fleet f(h, 6, 1);
    f.run_for(5 * minute);
    h.t.reset();
    const std::int64_t before = f.now_ms();
    h.clock.reboot(10 * minute);
    h.open();
    // The agents' own clock goes on: bring their next beats onto the new age clock.
    for (agent& a : f.agents) a.next_ms = a.next_ms - before;
    f.run_for(6 * minute);
    CHECK(f.false_verdicts.empty());
}

TEST_CASE("a suspended host makes no false verdict, and finds who died meanwhile") {
    harness h;
    fleet f(h, 10, 2);
    f.run_for(5 * minute);
    f.kill(f.agents[2]);
    h.clock.suspend(40 * minute);
    const std::int64_t back = f.now_ms();
    f.beat_due();
    f.run_for(6 * minute);
    check_verdicts(f, back);
}

TEST_CASE("a suspended host makes no false verdict although the sweep is the first to wake") {
    harness h;
    fleet f(h, 10, 2);
    f.run_for(5 * minute);
    h.clock.suspend(40 * minute);
    f.sweep_once();
    f.run_for(6 * minute);
    CHECK(f.false_verdicts.empty());
}

TEST_CASE("a sweep that comes ten minutes late makes no false verdict, and finds who died meanwhile") {
    harness h;
    fleet f(h, 10, 2);
    f.run_for(5 * minute);
    f.listening = f.sweeping = false;  // the process is stopped: neither beats nor sweeps get through
    f.kill(f.agents[4]);
    f.run_for(10 * minute);
    f.listening = f.sweeping = true;
    const std::int64_t back = f.now_ms();
    f.sweep_once();
    f.run_for(6 * minute);
    check_verdicts(f, back);
}

TEST_CASE("a wall clock that steps an hour changes no verdict and makes no negative duration") {
    for (const std::int64_t step : {60 * minute, -60 * minute}) {
        harness h;
        fleet f(h, 10, 2);
        f.run_for(5 * minute);
        f.kill(f.agents[5]);
        f.run_for(1 * minute);
        h.clock.step_wall(step);
        for (const agent& a : f.agents) {
            const auto health = value_of(h->health_of(a.id));
            CHECK(health.time_since_heartbeat_ms >= 0);
            CHECK(health.time_since_heartbeat_ms <= 3 * minute);
            CHECK(health.is_healthy);
        }
        f.run_for(6 * minute);
        CHECK(f.false_verdicts.empty());
        CHECK(f.dead_unmarked() == 0);
        CHECK(f.worst_detection_ms() <= threshold + verdict_delay_ms_max);
    }
}

TEST_CASE("a wall clock that steps while the tracker is down makes no false verdict") {
    for (const std::int64_t step : {60 * minute, -60 * minute}) {
        harness h;
        fleet f(h, 6, 1);
        f.run_for(5 * minute);
        f.listening = f.sweeping = false;
        f.kill(f.agents[0]);
        f.run_for(1 * minute);
        h.clock.step_wall(step);
        h.open();
        f.listening = f.sweeping = true;
        f.run_for(6 * minute);
        CHECK(f.false_verdicts.empty());
        CHECK(f.dead_unmarked() == 0);
    }
}

TEST_CASE("a store outage makes no false verdict, and finds who died meanwhile") {
    auto owned = std::make_unique<outage_store>(make_memory_store());
    outage_store& over = *owned;
    harness h({}, std::move(owned));
    fleet f(h, 10, 2);
    f.run_for(5 * minute);
    over.down = true;
    f.kill(f.agents[6]);
    f.run_for(10 * minute);
    CHECK_FALSE(h->detector().store_available);
    over.down = false;
    const std::int64_t back = f.now_ms();
    f.run_for(6 * minute);
    CHECK(h->detector().store_available);
    check_verdicts(f, back);
}

TEST_CASE("beats that a store outage turned away still count as signs of life") {
    auto owned = std::make_unique<outage_store>(make_memory_store());
    outage_store& over = *owned;
    harness h({}, std::move(owned));
    const session s = h.create();
    h.run_for(1 * minute);
    over.down = true;
    h.clock.advance(30 * second);
    CHECK(code_of(h->apply(heartbeat{.session_id = s.session_id})) == "store_unavailable");
    h->note_alive(s.session_id, s.epoch);
    const timestamp heard = h->now();
    over.down = false;
    h.run_for(2 * second);
    CHECK(h.row(s.session_id).last_heartbeat == heard);
}

TEST_CASE("a tracker that restarts for ever keeps nobody alive for ever") {
    harness h;
    fleet f(h, 4, 1);
    f.run_for(2 * minute);
    f.kill(f.agents[0]);
    const std::int64_t died = f.now_ms();
    // Twenty restarts in ten minutes: 28 s up, 2 s down. The grace of 70 s is never reached.
    for (int i = 0; i < 20; ++i) {
        f.run_for(28 * second);
        f.listening = f.sweeping = false;
        f.run_for(2 * second);
        f.listening = f.sweeping = true;
        h.open();
    }
    CHECK(f.false_verdicts.empty());
    f.run_for(60 * second);
    CHECK(f.false_verdicts.empty());
    REQUIRE(f.agents[0].stalled_ms.has_value());
    // Three thresholds listened, and the two seconds of each restart, and what the alive mark lags behind.
    CHECK(*f.agents[0].stalled_ms - died <=
          3 * threshold + 20 * (2 * second + alive_lag_ms) + verdict_delay_ms_max);
}
