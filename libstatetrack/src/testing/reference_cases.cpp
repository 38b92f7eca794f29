#include "testing/cases.hpp"
#include "testing/trial.hpp"

namespace statetrack::testing {
namespace {

void no_task_without_a_session(trial& t) {
    const auto s = t.some_session();
    const auto orphan = t.some_task(s);
    t.expect_error(t.insert(orphan), errc::not_found, "a task of no session");
    t.expect_equal(t.count(table_of<task>(), {}), std::int64_t{0}, "tasks");
    t.must_insert(s);
    t.expect_success(t.insert(orphan), "the same task once its session is there");
    t.expect_error(t.patch(table_of<task>(), key_of(orphan), {}, {set<&task::session_id>(t.some_id())}),
                   errc::not_found, "moving it to no session");
    t.expect_equal(t.entity<task>(key_of(orphan)), std::optional<task>(orphan), "the task");
}

void session_and_task_in_one_unit(trial& t) {
    const auto s = t.some_session();
    const auto work = t.some_task(s);
    const auto both = t.write([&](transaction& tx) -> result<> {
        if (auto first = tx.insert(table_of<session>(), to_row(s)); !first) return first.error();
        if (auto second = tx.insert(table_of<task>(), to_row(work)); !second) return second.error();
        return {};
    });
    t.expect_success(both, "a session and its task in one unit");
    const auto other = t.some_session();
    const auto too_early = t.write([&](transaction& tx) -> result<> {
        if (auto first = tx.insert(table_of<task>(), to_row(t.some_task(other))); !first)
            return first.error();
        return {};
    });
    t.expect_error(too_early, errc::not_found, "a task before its session");
}

void erasing_takes_the_tasks_along(trial& t) {
    const auto s = t.some_session(), other = t.some_session();
    t.must_insert(s);
    t.must_insert(other);
    std::vector<task> theirs;
    for (int i = 0; i < 5; ++i) {
        t.must_insert(t.some_task(s));
        theirs.push_back(t.some_task(other));
        t.must_insert(theirs.back());
    }
    t.expect_success(t.erase(table_of<session>(), key_of(s)), "erase");
    t.expect_equal(t.count(table_of<task>(), {}), std::int64_t{5}, "tasks by the tally");
    t.expect_equal(t.count(table_of<task>(), {is<&task::session_id>(s.session_id)}), std::int64_t{0},
                   "its tasks");
    t.expect_equal(t.count(table_of<task>(), {is<&task::project_id>(s.project_id)}), std::int64_t{0},
                   "tasks of its project by the tally");
    for (const auto& work : theirs)
        t.expect_equal(t.entity<task>(key_of(work)), std::optional<task>(work), "another session's task");
}

void erasing_is_undone_with_its_tasks(trial& t) {
    const auto s = t.some_session();
    const auto work = t.some_task(s);
    t.must_insert(s);
    t.must_insert(work);
    const auto refused = t.write([&](transaction& tx) -> result<> {
        if (auto erased = tx.erase(table_of<session>(), key_of(s)); !erased) return erased;
        if (const auto left = tx.find(table_of<task>(), key_of(work)); !left || *left)
            return error(errc::store_corrupt, "the task outlives its session within the unit");
        return error(errc::in_use);
    });
    t.expect_error(refused, errc::in_use, "the unit");
    t.expect_equal(t.entity<session>(key_of(s)), std::optional<session>(s), "the session");
    t.expect_equal(t.entity<task>(key_of(work)), std::optional<task>(work), "the task");
    t.expect_equal(t.count(table_of<task>(), {}), std::int64_t{1}, "tasks");
}

void history_outlives_the_session(trial& t) {
    auto s = t.some_session();
    auto successor = t.some_session();
    successor.recovered_from = s.session_id;
    t.must_insert(s);
    t.must_insert(successor);
    const auto sequence = t.must_insert(t.some_event(s));
    t.expect_success(t.erase(table_of<session>(), key_of(s)), "erase");
    t.expect(t.find(table_of<event>(), value{sequence}).has_value(), "its event to stay");
    t.expect_equal(t.entity<session>(key_of(successor)), std::optional<session>(successor), "its successor");
}

void erasing_what_is_not_there(trial& t) {
    const auto s = t.some_session();
    t.must_insert(s);
    t.expect_error(t.erase(table_of<session>(), value{t.some_id()}), errc::not_found, "erase");
    t.expect_error(t.erase(table_of<task>(), value{s.session_id}), errc::not_found, "erase in another table");
    t.expect_equal(t.count(table_of<session>(), {}), std::int64_t{1}, "sessions");
}

}  // namespace

void add_reference_cases(case_list& to) {
    to.insert(
        to.end(),
        {{"A task names a session that exists", no_task_without_a_session},
         {"A session and its task come in one unit, the session first", session_and_task_in_one_unit},
         {"A session takes its tasks along, and nobody else's", erasing_takes_the_tasks_along},
         {"A refused unit gives back an erased session with its tasks", erasing_is_undone_with_its_tasks},
         {"Events and successors outlive the session that they name", history_outlives_the_session},
         {"Erasing what is not there is not_found", erasing_what_is_not_there}});
}

}  // namespace statetrack::testing
