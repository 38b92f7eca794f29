#include <doctest/doctest.h>

#include "harness.hpp"

using namespace statetrack;
using namespace statetrack::testing;

namespace {

constexpr std::int64_t hour = 3'600'000;
constexpr std::int64_t day = 24 * hour;

session completed(harness& h, const std::string& project) {
    const session s = h.create(project);
    value_of(h->apply(new_task{.session_id = s.session_id, .project_id = project, .task_name = "t"}));
    value_of(h->apply(session_patch{.session_id = s.session_id, .status = session_status::completed}));
    return h.row(s.session_id);
}

bool exists(harness& h, const uuid& id) { return h->find_session(id).has_value(); }

}  // namespace

TEST_CASE("ended sessions go with their tasks after their time, and no sooner") {
    harness h;
    const session s = completed(h, "old");
    h.clock.advance(20 * day);
    const session young = completed(h, "young");
    h.clock.advance(10 * day - 1'000);
    CHECK(value_of(h->cleanup()).deleted_sessions == 0);
    h.clock.advance(2'000);
    const auto done = value_of(h->cleanup());
    CHECK(done.deleted_sessions == 1);
    CHECK(done.deleted_tasks == 1);
    CHECK_FALSE(exists(h, s.session_id));
    CHECK(exists(h, young.session_id));
    CHECK(value_of(h->cleanup(0)).deleted_sessions == 1);
}

TEST_CASE("the sweep retains by itself, once an interval, all that is due") {
    harness h;
    for (int i = 0; i < 300; ++i) completed(h, "p" + std::to_string(i));
    h->sweep();
    h.clock.advance(31 * day);
    std::int64_t deleted = 0;
    for (int i = 0; i < 100; ++i) {
        const auto report = h->sweep();
        deleted += report.deleted_sessions;
        if (deleted < 300) CHECK(report.next_in_ms <= 25);
        h.clock.advance(1'000);
    }
    CHECK(deleted == 300);
}

TEST_CASE("whoever is spared keeps none behind him waiting, while others write too") {
    harness h;
    for (int i = 0; i < 64; ++i) {
        const auto kept = completed(h, "kept" + std::to_string(i));
        value_of(h->apply(archiving{.session_id = kept.session_id}));
    }
    completed(h, "last");
    h->sweep();
    h.clock.advance(31 * day);
    int sweeps = 0;
    for (std::int64_t deleted = 0; deleted == 0 && sweeps < 64; ++sweeps) {
        for (int i = 0; i < 3; ++i) h.create("p" + std::to_string(sweeps) + "-" + std::to_string(i));
        deleted = h->sweep().deleted_sessions;
        h.clock.advance(20);
    }
    CHECK(sweeps < 16);
}

TEST_CASE("a cleanup gives way to whoever writes meanwhile, and ends when it is told to") {
    harness h;
    const session alive = h.create("alive");
    for (int i = 0; i < 20; ++i) completed(h, "p" + std::to_string(i));
    h.clock.advance(1'000);
    const auto somebody_beats = [&] {
        h->enqueue(heartbeat{.session_id = alive.session_id}, {}, [](auto&&) {});
    };
    CHECK(value_of(h->cleanup(0, {}, [] { return false; })).deleted_sessions == 20);  // nobody else is there

    for (int i = 0; i < 20; ++i) completed(h, "q" + std::to_string(i));
    h.clock.advance(1'000);
    somebody_beats();
    const auto cut_short = value_of(h->cleanup(0, {}, [] { return false; })).deleted_sessions;
    CHECK(cut_short == 1);  // of whoever writes no more is asked than to wait for one
    int pauses = 0;
    somebody_beats();
    const auto rest = value_of(h->cleanup(0, {}, [&] {
        if (++pauses < 3) somebody_beats();
        return true;
    }));
    CHECK(rest.deleted_sessions + cut_short == 20);
    CHECK(pauses == 3);
    h->commit_pending();

    // Whoever has written in a pause was there too, though no batch met him.
    for (int i = 0; i < 20; ++i) completed(h, "r" + std::to_string(i));
    h.clock.advance(1'000);
    pauses = 0;
    somebody_beats();
    value_of(h->cleanup(0, {}, [&] {
        if (++pauses < 5) h.beat(alive.session_id);
        return true;
    }));
    CHECK(pauses == 5);
}

TEST_CASE("archived sessions are spared always, and their like behind them are still found") {
    harness h;
    std::vector<session> kept;
    for (int i = 0; i < 40; ++i) {
        const session s = completed(h, "p" + std::to_string(i));
        if (i % 2 == 0) {
            value_of(h->apply(archiving{.session_id = s.session_id}));
            kept.push_back(s);
        }
        if (i % 4 == 3) h.clock.advance(1'000);
    }
    h.clock.advance(400 * day);
    CHECK(value_of(h->cleanup()).deleted_sessions == 20);
    for (const session& s : kept) CHECK(exists(h, s.session_id));
    CHECK(value_of(h->list_tasks({}, {})).total == 20);
}

TEST_CASE("a lineage is spared while any of it lives, and goes as a whole afterwards") {
    harness h;
    const session first = h.create();
    value_of(h->apply(stall_mark{.session_id = first.session_id}));
    const auto second = value_of(h->apply(recovery{.session_id = first.session_id, .new_machine_id = "m"}));
    const uuid id = second.session.row.session_id;
    for (int i = 0; i < 40; ++i) {
        h.clock.advance(day);
        h.beat(id);
    }
    CHECK(value_of(h->cleanup()).deleted_sessions == 0);
    value_of(h->apply(session_patch{.session_id = id, .status = session_status::completed}));
    CHECK(value_of(h->cleanup(0)).deleted_sessions == 2);
}

TEST_CASE("live sessions without a sign of life expire after a day, paused and pending ones too") {
    harness h;
    const session active = h.create("active");
    const session paused = h.create("paused");
    value_of(h->apply(session_patch{.session_id = paused.session_id, .status = session_status::paused}));
    const auto pending = value_of(
        h->apply(new_session{.project_id = "pending", .machine_id = "m", .status = initial_status::pending}));
    const task t =
        value_of(h->apply(new_task{.session_id = active.session_id, .project_id = "p", .task_name = "t"}));
    value_of(h->apply(task_patch{.task_id = t.task_id, .status = task_status::in_progress}));
    CHECK(h.run_for(24 * hour).expired.empty());
    CHECK(h.run_for(2'000).expired.size() == 3);
    const session ended = h.row(active.session_id);
    CHECK(ended.status == session_status::expired);
    CHECK(ended.metadata.object().at("error_message").as_string() == "expired");
    CHECK(value_of(h->find_task(t.task_id)).error_message == "expired");
    // What expired can still be recovered.
    value_of(h->apply(recovery{.session_id = active.session_id, .new_machine_id = "n"}));
}

TEST_CASE("a day in which the tracker was away is no day of the sessions' silence alone") {
    harness h;
    const session s = h.create();
    h->sweep();
    h.clock.advance(30 * hour);
    h.open();
    CHECK(h.run_for(60'000).expired.empty());
    CHECK(h.run_for(15'000).expired.size() == 1);
    CHECK(h.status(s.session_id) == session_status::expired);
}

TEST_CASE("the history of a deleted session is kept its time longer, then forgotten") {
    harness h;
    const session s = completed(h, "p");
    value_of(h->apply(session_removal{.session_id = s.session_id}));
    CHECK(value_of(h->session_events(s.session_id, 0, 100)).events.size() == 4);
    h.clock.advance(89 * day);
    h->sweep();
    CHECK(value_of(h->session_events(s.session_id, 0, 100)).events.size() == 4);
    h.clock.advance(2 * day);
    h->sweep();
    CHECK(code_of(h->session_events(s.session_id, 0, 100)) == "not_found");
}

TEST_CASE("an id used anew keeps the history of its new life") {
    harness h;
    const uuid id = h.ids->next();
    const new_session request{.project_id = "p", .machine_id = "m", .session_id = id};
    value_of(h->apply(request));
    value_of(h->apply(session_removal{.session_id = id}));
    h.clock.advance(80 * day);
    value_of(h->apply(request));
    h.clock.advance(11 * day);
    h.open();
    h->sweep();
    const auto events = value_of(h->session_events(id, 0, 100)).events;
    REQUIRE_FALSE(events.empty());
    CHECK(events.front().kind == "created");
}

TEST_CASE("cleanup refuses a negative age") {
    harness h;
    CHECK(code_of(h->cleanup(-1)) == "validation_failed");
}
