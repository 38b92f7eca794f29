#include <doctest/doctest.h>

#include "fleet.hpp"
#include "statetrack/deadline.hpp"

using namespace statetrack;
using namespace statetrack::testing;

namespace {

event last_event(harness& h, const uuid& id) {
    const auto found = value_of(h->session_events(id, 0, 1'000));
    REQUIRE_FALSE(found.events.empty());
    return found.events.back();
}

std::string string_at(const boost::json::object& o, const char* key) {
    return std::string(o.at(key).as_string());
}

}  // namespace

TEST_CASE("a session is stalled strictly after its threshold, and within a second") {
    harness h;
    const session s = h.create();
    h.run_for(180 * second);
    CHECK(h.status(s.session_id) == session_status::active);
    h.run_for(1 * second);
    CHECK(h.status(s.session_id) == session_status::stalled);
    CHECK_FALSE(h.row(s.session_id).completed_at.has_value());
}

TEST_CASE("100 000 sessions with mixed thresholds are each marked within a second of their deadline") {
    harness h({.stall_guard = false});
    const std::int64_t thresholds[] = {1'000, 7'777, 30'000, 61'234, 180'000};
    std::map<uuid, std::int64_t> deadline_ms;
    for (int i = 0; i < 100'000; ++i) {
        const std::int64_t threshold = thresholds[i % 5];
        const auto made = value_of(h->apply(new_session{.project_id = "p" + std::to_string(i),
                                                        .machine_id = "m" + std::to_string(i % 1'000),
                                                        .stall_threshold_ms = threshold}));
        deadline_ms[made.session.row.session_id] = h.clock.read().age.ms + threshold;
        if (i % 100 == 0) h.clock.advance(1);
        if (i % 10'000 == 0) h->sweep();
    }
    std::size_t marked = 0;
    std::int64_t early = 0, late = 0;
    while (h.clock.read().age.ms < 190 * second) {
        const auto report = h->sweep();
        REQUIRE(report.errors.empty());
        for (const uuid& id : report.stalled) {
            const std::int64_t off = h.clock.read().age.ms - deadline_ms.at(id);
            early = std::min(early, off);
            late = std::max(late, off);
            ++marked;
        }
        h.clock.advance(std::max<std::int64_t>(1, report.next_in_ms));
    }
    CHECK(marked == 100'000);
    CHECK(early >= 0);
    CHECK(late <= verdict_delay_ms_max);
}

TEST_CASE("pending and paused sessions never stall") {
    harness h;
    const auto pending = value_of(
        h->apply(new_session{.project_id = "p", .machine_id = "m", .status = initial_status::pending}));
    const session paused = h.create("q");
    value_of(h->apply(session_patch{.session_id = paused.session_id, .status = session_status::paused}));
    h.run_for(60 * minute);
    CHECK(h.status(pending.session.row.session_id) == session_status::pending);
    CHECK(h.status(paused.session_id) == session_status::paused);
}

TEST_CASE("announced silence postpones the stall to its end and the grace, and a plain beat ends it") {
    harness h;
    const session s = h.create();
    value_of(h->apply(heartbeat{.session_id = s.session_id, .expect_silence_ms = 10 * minute}));
    h.run_for(10 * minute + 70 * second);
    CHECK(h.status(s.session_id) == session_status::active);
    h.run_for(1 * second);
    CHECK(h.status(s.session_id) == session_status::stalled);

    const session other = h.create("q");
    value_of(h->apply(heartbeat{.session_id = other.session_id, .expect_silence_ms = 10 * minute}));
    h.clock.advance(1'000);
    h.beat(other.session_id);
    CHECK_FALSE(h.row(other.session_id).silence_until.has_value());
    h.run_for(181 * second);
    CHECK(h.status(other.session_id) == session_status::stalled);
}

TEST_CASE("announced silence is capped") {
    harness h({.announced_silence_ms_max = 5 * minute});
    const session s = h.create();
    value_of(h->apply(heartbeat{.session_id = s.session_id, .expect_silence_ms = 600 * minute}));
    CHECK(h.row(s.session_id).silence_until == timestamp{h->now().ms + 5 * minute});
}

TEST_CASE("a threshold that is shortened takes effect at once") {
    harness h;
    const session s = h.create();
    h.run_for(20 * second);
    value_of(h->apply(session_patch{.session_id = s.session_id, .stall_threshold_ms = 10'000}));
    h.run_for(1 * second);
    CHECK(h.status(s.session_id) == session_status::stalled);
}

TEST_CASE("every stall has its reason and its inputs") {
    harness h;
    const session never = h.create("never");
    const session silent = h.create("silent");
    const session other = h.create("other");
    h.clock.advance(1'000);
    h.beat(silent.session_id);
    for (int i = 0; i < 5; ++i) {
        h.run_for(50'000);
        h.beat(other.session_id);
    }
    const event e = last_event(h, never.session_id);
    CHECK(e.kind == "stalled");
    CHECK(e.actor == "detector");
    CHECK(e.reason == "never_beat");
    CHECK(e.from == "active");
    CHECK(e.to == "stalled");
    const auto verdict = e.data.object().at("verdict").as_object();
    CHECK(verdict.at("stall_threshold_ms").as_int64() == 180'000);
    CHECK(string_at(verdict, "threshold_origin") == "default");
    CHECK(verdict.at("lateness_ms").as_int64() >= 0);
    CHECK(verdict.contains("absences"));
    CHECK(verdict.contains("hold"));
    CHECK(verdict.contains("others_in_this_pass"));
    CHECK(verdict.contains("machine_last_heard"));
    CHECK(last_event(h, silent.session_id).reason == "silent");

    // Now the machine falls silent as a whole.
    h.run_for(4 * minute);
    CHECK(last_event(h, other.session_id).reason == "machine_silent");

    value_of(h->apply(new_session{.project_id = "manual", .machine_id = "m2"}));
    const session manual = h.create("manual2", "m3");
    value_of(h->apply(stall_mark{.session_id = manual.session_id}));
    CHECK(last_event(h, manual.session_id).reason == "manual");
    CHECK(h->counters().stalls ==
          std::map<std::string, std::int64_t>{
              {"machine_silent", 1}, {"manual", 1}, {"never_beat", 1}, {"silent", 1}});
}

TEST_CASE("a stalled session that beats again was a false stall, counted by its reason") {
    harness h;
    const session s = h.create();
    h.clock.advance(1'000);
    h.beat(s.session_id);
    h.run_for(200 * second);
    REQUIRE(h.status(s.session_id) == session_status::stalled);
    h.beat(s.session_id);
    CHECK(h.status(s.session_id) == session_status::active);
    CHECK(last_event(h, s.session_id).reason == "silent");
    h.run_for(200 * second);
    REQUIRE(h.status(s.session_id) == session_status::stalled);
    value_of(h->apply(heartbeat{.session_id = s.session_id, .suspended_ms = 190 * second}));
    CHECK(last_event(h, s.session_id).reason == "client_suspended");
    CHECK(h->counters().false_stalls ==
          std::map<std::string, std::int64_t>{{"client_suspended", 1}, {"silent", 1}});
}

TEST_CASE("a write under the session's epoch is a sign of life, one without it is not") {
    harness h;
    const session with = h.create("with");
    const session without = h.create("without");
    h.run_for(170 * second);
    const json_text note(boost::json::object{{"k", 1}});
    value_of(h->apply(session_patch{.session_id = with.session_id, .metadata = note}, {.epoch = 1}));
    value_of(h->apply(session_patch{.session_id = without.session_id, .metadata = note}));
    h.run_for(20 * second);
    CHECK(h.status(with.session_id) == session_status::active);
    CHECK(h.status(without.session_id) == session_status::stalled);
}

TEST_CASE("observe mode records the verdict once a silence and leaves the state") {
    harness h({.mode = stall_mode::observe});
    const session s = h.create();
    h.run_for(20 * minute);
    CHECK(h.status(s.session_id) == session_status::active);
    const auto count = [&] {
        int n = 0;
        for (const event& e : value_of(h->session_events(s.session_id, 0, 100)).events)
            n += e.kind == "stall_observed";
        return n;
    };
    CHECK(count() == 1);
    CHECK(value_of(h->health()).by_status[static_cast<std::size_t>(session_status::stalled)] == 1);
    h.open();  // a restart does not repeat it
    h.run_for(10 * minute);
    CHECK(count() == 1);
    h.beat(s.session_id);
    h.run_for(10 * minute);
    CHECK(count() == 2);
}

TEST_CASE("a session that beats without progress is alive and not progressing, one event an episode") {
    harness h;
    const auto made = value_of(
        h->apply(new_session{.project_id = "p", .machine_id = "m", .progress_threshold_ms = 5 * minute}));
    const uuid id = made.session.row.session_id;
    const auto live = [&](std::int64_t minutes) {
        for (std::int64_t i = 0; i < minutes; ++i) {
            h.run_for(1 * minute);
            h.beat(id);
        }
    };
    const auto episodes = [&] {
        int n = 0;
        for (const event& e : value_of(h->session_events(id, 0, 100)).events)
            n += e.kind == "not_progressing";
        return n;
    };
    live(4);
    CHECK_FALSE(value_of(h->health_of(id)).alive_not_progressing);
    live(6);
    CHECK(value_of(h->health_of(id)).alive_not_progressing);
    CHECK(value_of(h->health_of(id)).is_healthy);
    CHECK(value_of(h->find_session(id)).alive_not_progressing);
    CHECK(value_of(h->list_sessions({}, {})).rows.front().alive_not_progressing);
    CHECK(value_of(h->health()).alive_not_progressing == 1);
    CHECK(h.status(id) == session_status::active);
    CHECK(episodes() == 1);
    value_of(h->apply(heartbeat{.session_id = id, .progress = progress_mark{.seq = 1}}));
    CHECK_FALSE(value_of(h->health_of(id)).alive_not_progressing);
    live(10);
    CHECK(episodes() == 2);
    // A mark that is not higher moves nothing.
    value_of(h->apply(heartbeat{.session_id = id, .progress = progress_mark{.seq = 1}}));
    CHECK(value_of(h->health_of(id)).alive_not_progressing);
}

TEST_CASE("while it waits for a person progress is not judged, and the next mark ends the waiting") {
    harness h;
    const auto made = value_of(
        h->apply(new_session{.project_id = "p", .machine_id = "m", .progress_threshold_ms = 2 * minute}));
    const uuid id = made.session.row.session_id;
    value_of(h->apply(heartbeat{.session_id = id, .phase = session_phase::waiting_permission}));
    for (int i = 0; i < 20; ++i) {
        h.run_for(1 * minute);
        h.beat(id);
    }
    CHECK_FALSE(value_of(h->health_of(id)).alive_not_progressing);
    value_of(h->apply(heartbeat{.session_id = id, .progress = progress_mark{.seq = 5}}));
    CHECK_FALSE(h.row(id).phase.has_value());
    for (int i = 0; i < 3; ++i) {
        h.run_for(1 * minute);
        h.beat(id);
    }
    CHECK(value_of(h->health_of(id)).alive_not_progressing);
}

TEST_CASE("health never calls a silent session healthy because no sweep ran") {
    harness h;
    const session s = h.create();
    h.clock.advance(10 * minute);
    CHECK_FALSE(value_of(h->health_of(s.session_id)).is_healthy);
    CHECK(value_of(h->health_of(s.session_id)).is_stalled);
    const auto list = value_of(h->stalled_sessions({}));
    REQUIRE(list.rows.size() == 1);
    CHECK(list.rows[0].session_id == s.session_id);
    CHECK(list.rows[0].time_since_heartbeat_ms == 10 * minute);
}

TEST_CASE("explain says what the detector thinks now and what it last recorded") {
    harness h;
    const session s = h.create();
    h.clock.advance(1'000);
    h.beat(s.session_id);
    auto told = value_of(h->explain(s.session_id));
    CHECK(string_at(told, "verdict") == "alive");
    CHECK(told.at("last_verdict").is_null());
    CHECK(string_at(told.at("inputs").as_object(), "threshold_origin") == "default");
    h.run_for(200 * second);
    told = value_of(h->explain(s.session_id));
    CHECK(string_at(told, "verdict") == "stalled");
    CHECK(string_at(told.at("last_verdict").as_object(), "reason") == "silent");
    CHECK(code_of(h->explain(uuid{})) == "not_found");
}

TEST_CASE("detect_failures looks at once at everything that is due") {
    harness h;
    const session s = h.create();
    for (int i = 0; i < 170; ++i) {
        h.clock.advance(1'000);
        h->sweep();
    }
    h.clock.advance(1'000);
    CHECK(value_of(h->detect_failures()).stalled.empty());
    for (int i = 0; i < 10; ++i) {
        h.clock.advance(1'000);
        if (const auto report = value_of(h->detect_failures()); !report.stalled.empty()) {
            CHECK(report.stalled == std::vector<uuid>{s.session_id});
            return;
        }
    }
    FAIL("it was never marked");
}

TEST_CASE("the sweep never asks to be called later than in a second") {
    harness h;
    CHECK(h->sweep().next_in_ms <= 1'000);
    h.create();
    CHECK(h->sweep().next_in_ms <= 1'000);
}

TEST_CASE("a stall that was only observed is judged anew, on time, once the session has beaten again") {
    tracker_options options;
    options.mode = stall_mode::observe;
    harness h(options);
    const auto s = h.create();
    CHECK(h.run_for(4 * minute).stalled.size() == 1);
    h.beat(s.session_id);
    CHECK(h.run_for(3 * minute).stalled.empty());
    CHECK(h.run_for(2 * second).stalled.size() == 1);
    CHECK(h.run_for(10 * minute).stalled.empty());
}
