// What verify finds: a whole store in which nothing is wrong, shown with one thing changed at a time.
#include <doctest/doctest.h>

#include <algorithm>

#include "harness.hpp"
#include "hooked_store.hpp"
#include "statetrack/entities.hpp"

using namespace statetrack;
using namespace statetrack::testing;

namespace {

struct scene {
    harness h{};
    session old{}, next{}, slotted{};  // a lineage of two, the second live; another live one in a slot
    task failed{}, retried{};

    scene() {
        value_of(h->apply(machine_registration{.hostname = "h", .docker_slots = {1}, .machine_id = "m"}));
        old = h.create("p", "m");
        const task t = value_of(
            h->apply(new_task{.session_id = old.session_id, .project_id = "p", .task_name = "build"}));
        failed = value_of(
            h->apply(task_patch{.task_id = t.task_id, .status = task_status::failed, .error_message = "no"}));
        value_of(h->apply(stall_mark{.session_id = old.session_id}));
        next = value_of(h->apply(recovery{.session_id = old.session_id, .new_machine_id = "m"})).session.row;
        old = h.row(old.session_id);
        retried = value_of(h->list_tasks({.session_id = next.session_id}, {})).rows.front();
        slotted = value_of(h->apply(new_session{.project_id = "q", .machine_id = "m", .docker_slot = 1}))
                      .session.row;
    }

    // What is found where each row that is read has been through `changed` before.
    template <class T>
    std::vector<std::string> found_with(std::function<void(T&)> changed) {
        hooks by;
        by.select = [&](reader& inner, const table& in, const query& what) {
            auto rows = inner.select(in, what);
            if (!rows || in.name != table_of<T>().name) return rows;
            for (auto& one : *rows) {
                T row = from_row<T>(one.values);
                changed(row);
                one.values = to_row(row);
            }
            return rows;
        };
        return found_by(by);
    }

    std::vector<std::string> found_by(hooks by) {
        hooked_store shown(std::shared_ptr<store>(h.keep.get(), [](store*) {}), std::move(by));
        return value_of(verify(shown)).broken;
    }
};

std::string name(const session& s) { return "session " + to_string(s.session_id); }
std::string name(const task& t) { return "task " + to_string(t.task_id); }

bool has(const std::vector<std::string>& found, std::string_view line) {
    return std::find(found.begin(), found.end(), line) != found.end();
}

}  // namespace

TEST_CASE("verify finds nothing in a whole store, and nothing in what stands outside the history") {
    scene in;
    CHECK(in.found_by({}).empty());
    CHECK(in.found_with<session>([](session& s) {
                s.last_heartbeat.ms += 5;
                s.progress_seq = 7;
            }).empty());
    CHECK(in.found_with<machine>([](machine& m) { m.last_heartbeat = timestamp{1}; }).empty());
}

TEST_CASE("verify names each session that breaks an invariant") {
    scene in;
    struct wrong {
        const session& of;
        std::function<void(session&)> change;
        const session& named;
        std::string said;
    };
    const std::string unfit = " and its successor " + to_string(in.next.session_id) + " do not fit together";
    const wrong cases[] = {
        {in.slotted,
         [](session& s) {
             s.project_id = "p";
             s.docker_slot.reset();
         },
         in.slotted, " is active in a place that another active session holds"},
        {in.slotted, [](session& s) { s.machine_id.reset(); }, in.slotted, " is active without a machine"},
        {in.next, [](session& s) { s.docker_slot = 1; }, in.slotted,
         " holds a docker slot that another session holds"},
        {in.next, [](session& s) { s.completed_at = s.created_at; }, in.next,
         " is active and has completed_at"},
        {in.old, [](session& s) { s.completed_at.reset(); }, in.old, " is completed and has no completed_at"},
        {in.next, [](session& s) { s.archived = true; }, in.next,
         " is marked archived otherwise than its metadata says"},
        {in.next, [](session& s) { s.recovered_from.reset(); }, in.next,
         " has an epoch that its origin contradicts"},
        {in.old, [](session& s) { s.status = session_status::failed; }, in.old,
         " was superseded and is not completed"},
        {in.next, [](session& s) { s.recovered_from = s.session_id; }, in.old, unfit},
        {in.next, [](session& s) { s.epoch = 3; }, in.old, unfit},
        {in.next,
         [](session& s) {
             s.lineage_id = s.session_id;
             s.created_at.ms -= 1;  // before the other one ended
         },
         in.old, unfit},
        {in.slotted, [](session& s) { s.agent_role = "other"; }, in.slotted,
         ": agent_role is otherwise than its events, replayed, say"},
    };
    for (const auto& one : cases) {
        CAPTURE(one.said);
        const auto found = in.found_with<session>([&](session& s) {
            if (s.session_id == one.of.session_id) one.change(s);
        });
        CHECK(has(found, name(one.named) + one.said));
    }
}

TEST_CASE("verify finds a chain that forks") {
    scene in;
    const auto found = in.found_with<session>([&](session& s) {
        if (s.session_id != in.slotted.session_id) return;
        s.lineage_id = in.next.lineage_id;
        s.epoch = in.next.epoch;
        s.recovered_from = in.next.recovered_from;
    });
    for (const auto* what : {" has an epoch that another session of its lineage has",
                             " continues a session that another one continues"}) {
        CAPTURE(what);
        CHECK(has(found, name(in.slotted) + what) != has(found, name(in.next) + what));
    }
}

TEST_CASE("verify takes no session for a successor that was given a deleted one's id") {
    scene in;
    const auto found = in.found_with<session>([&](session& s) {
        if (s.session_id != in.next.session_id) return;
        s.lineage_id = s.session_id;
        s.epoch = 1;
        s.recovered_from.reset();
    });
    CHECK_FALSE(found.empty());  // the history says otherwise
    for (const auto& line : found) CHECK(line.starts_with(name(in.next) + ": "));
}

TEST_CASE("verify names each task that breaks an invariant") {
    scene in;
    CHECK(has(in.found_with<task>([](task& t) { t.session_id = uuid{}; }),
              name(in.retried) + " names a session that does not exist"));
    CHECK(has(in.found_with<task>([&](task& t) {
        t.session_id = in.next.session_id;
        t.retry_of = in.failed.task_id;
    }),
              name(in.retried) + " retries a task that another task of its session retries"));
    CHECK(has(in.found_with<task>([](task& t) { t.task_name = "other"; }),
              name(in.failed) + ": task_name is otherwise than its events, replayed, say"));
}

TEST_CASE("verify finds a row without a history, a history without its row, and counts that are not kept") {
    scene in;
    const auto without = [&](const table& lost, std::function<bool(const row&)> which) {
        return in.found_by({.select = [&lost, which](reader& inner, const table& of, const query& what) {
            auto rows = inner.select(of, what);
            if (rows && of.name == lost.name)
                std::erase_if(*rows, [&](const stored_row& one) { return which(one.values); });
            return rows;
        }});
    };
    const value id = in.slotted.session_id;
    CHECK(without(table_of<event>(), [&](const row& r) {
              return r[column_of<&event::session_id>()] == id;
          }) == std::vector<std::string>{name(in.slotted) + " has no history"});
    CHECK(without(table_of<session>(),
                  [&](const row& r) { return r[column_of<&session::session_id>()] == id; }) ==
          std::vector<std::string>{name(in.slotted) + " has a history and is not there",
                                   "the kept count of sessions is 3 where there are 2",
                                   "the kept count of active sessions is 2 where there are 1"});
}
