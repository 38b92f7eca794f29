#include <stdexcept>
#include <string>

#include "testing/cases.hpp"
#include "testing/recount.hpp"

namespace statetrack::testing {
namespace {

unit_of_work inserting(const session& s) {
    return {.body = [s](transaction& tx) -> result<> {
        if (auto inserted = tx.insert(sessions(), to_row(s)); !inserted) return inserted.error();
        return {};
    }};
}

unit_of_work inserting_and_refusing(const session& s, errc why) {
    return {.body = [s, why](transaction& tx) -> result<> {
        if (auto inserted = tx.insert(sessions(), to_row(s)); !inserted) return inserted.error();
        return error(why);
    }};
}

void a_refused_unit_spoils_no_neighbour(trial& t) {
    std::vector<session> all;
    all.reserve(5);
    for (int i = 0; i < 5; ++i) all.push_back(t.some_session());
    std::vector<unit_of_work> units{inserting_and_refusing(all[0], errc::in_use), inserting(all[1]),
                                    inserting_and_refusing(all[2], errc::terminal), inserting(all[3]),
                                    inserting_and_refusing(all[4], errc::wrong_state)};
    run_group(t.subject(), units);
    t.expect_error(units[0].outcome, errc::in_use, "the first");
    t.expect_success(units[1].outcome, "the second");
    t.expect_error(units[2].outcome, errc::terminal, "the third");
    t.expect_success(units[3].outcome, "the fourth");
    t.expect_error(units[4].outcome, errc::wrong_state, "the last");
    for (std::size_t i = 0; i < all.size(); ++i)
        t.expect_equal(t.entity<session>(key_of(all[i])),
                       i % 2 ? std::optional<session>(all[i]) : std::nullopt, "session " + std::to_string(i));
    expect_counts_agree(t, "after the group");
}

void every_kind_of_write_is_undone(trial& t) {
    const auto s = t.some_session(), doomed = t.some_session(), added = t.some_session();
    const auto work = t.some_task(doomed), kept_work = t.some_task(s);
    for (const auto& one : {s, doomed}) t.must_insert(one);
    for (const auto& one : {work, kept_work}) t.must_insert(one);
    const auto dump = [&] {
        std::vector<std::vector<stored_row>> tables;
        for (const auto* in : schema()) tables.push_back(t.all(*in));
        return tables;
    };
    const auto before = dump();
    const auto refused = t.write([&](transaction& tx) -> result<> {
        const std::vector<assignment> changes{set<&session::project_id>(std::string("p")),
                                              set<&session::status>(session_status::stalled),
                                              set<&session::version>(2)};
        result<> steps[] = {
            tx.patch(sessions(), key_of(s), 1, changes),
            tx.beat(std::vector<struct beat>{{s.session_id, {1}, timestamp{2}, 3, timestamp{4}}}),
            tx.patch(sessions(), key_of(s), 2, std::vector{set<&session::project_id>(std::string("q"))}),
            tx.erase(table_of<task>(), key_of(kept_work)),
            tx.erase(sessions(), key_of(doomed)),
        };
        for (const auto& step : steps)
            if (!step) return step;
        for (const auto& [in, values] : {std::pair{&sessions(), to_row(added)},
                                         {&table_of<task>(), to_row(t.some_task(added))},
                                         {&table_of<event>(), to_row(t.some_event(added))},
                                         {&sessions(), to_row(doomed)}})
            if (auto inserted = tx.insert(*in, values); !inserted) return inserted.error();
        return error(errc::illegal_transition);
    });
    t.expect_error(refused, errc::illegal_transition, "the unit");
    const auto after = dump();
    for (std::size_t i = 0; i < before.size(); ++i)
        t.expect_equal(after[i], before[i], std::string(schema()[i]->name) + " after the refused unit");
    expect_counts_agree(t, "after the refused unit");
    const query of_old{.where = {is<&session::project_id>(s.project_id)}};
    t.expect_equal(t.select(sessions(), of_old).size(), std::size_t{1}, "found by the project it still has");
    const query of_new{.where = {is<&session::project_id>(std::string("p"), std::string("q"))}};
    t.expect_equal(t.select(sessions(), of_new).size(), std::size_t{0}, "found by the projects it never had");
}

void later_units_see_earlier_ones(trial& t) {
    const auto s = t.some_session();
    const auto seen = [&](bool expected, std::int64_t of_all) {
        return unit_of_work{.body = [&s, expected, of_all](transaction& tx) -> result<> {
            const auto found = tx.find(sessions(), key_of(s));
            if (!found) return found.error();
            const auto counted = tx.count(sessions(), {});
            if (!counted) return counted.error();
            const auto selected = tx.select(sessions(), {});
            if (!selected) return selected.error();
            if (found->has_value() != expected || *counted != of_all ||
                selected->size() != static_cast<std::size_t>(of_all))
                return error(errc::store_corrupt, "a unit does not see what those before it have left");
            return {};
        }};
    };
    std::vector<unit_of_work> units{
        seen(false, 0), inserting_and_refusing(s, errc::in_use),
        seen(false, 0), inserting(s),
        seen(true, 1),  inserting(s),
        seen(true, 1),  {.body = [&](transaction& tx) { return tx.erase(sessions(), key_of(s)); }},
        seen(false, 0)};
    run_group(t.subject(), units);
    for (const std::size_t i : {0u, 2u, 3u, 4u, 6u, 7u, 8u})
        t.expect_success(units[i].outcome, "unit " + std::to_string(i));
    t.expect_error(units[1].outcome, errc::in_use, "the refused one");
    t.expect_error(units[5].outcome, errc::already_exists, "the second insert");
}

void a_throwing_body_is_refused(trial& t) {
    const auto first = t.some_session(), last = t.some_session();
    const auto thrown = t.some_session();
    const auto throwing = [&](auto what) {
        return unit_of_work{.body = [&thrown, what](transaction& tx) -> result<> {
            (void)tx.insert(sessions(), to_row(thrown));
            throw what;
        }};
    };
    std::vector<unit_of_work> units{inserting(first),
                                    throwing(std::runtime_error("thrown by a body")),
                                    throwing(std::bad_alloc()),
                                    throwing(7),
                                    throwing(boost::system::system_error(make_error_code(errc::in_use))),
                                    inserting(last)};
    try {
        run_group(t.subject(), units);
    } catch (...) {
        t.fail("execute let a body's exception through", place::current());
        throw case_ended();
    }
    t.expect_success(units.front().outcome, "the unit before");
    for (std::size_t i = 1; i + 1 < units.size(); ++i)
        t.expect(!units[i].outcome, "unit " + std::to_string(i) + " that threw to be refused");
    t.expect_error(units[4].outcome, errc::in_use, "an exception with a code");
    t.expect_success(units.back().outcome, "the unit after");
    t.expect(!t.find(sessions(), key_of(thrown)), "no trace of the units that threw");
    t.expect_equal(t.count(sessions(), {}), std::int64_t{2}, "sessions");
}

void outcomes_are_the_bodies_own(trial& t) {
    std::vector<unit_of_work> units;
    const errc codes[] = {errc::terminal, errc::superseded, errc::validation_failed, errc::successor_gone};
    for (const auto code : codes)
        units.push_back({.body = [code](transaction&) -> result<> {
            error e(code, "detail", {{"epoch", 3}, {"status", "failed"}});
            e.problems = {{"field", "is wrong"}};
            return e;
        }});
    units.push_back({.body = [](transaction&) -> result<> { return {}; }});
    units.back().outcome = error(errc::in_use, "left from before");
    run_group(t.subject(), units);
    for (std::size_t i = 0; i < std::size(codes); ++i) {
        if (!t.expect_error(units[i].outcome, codes[i], "outcome " + std::to_string(i))) continue;
        const auto e = units[i].outcome.error();
        t.expect(e.detail == "detail" && e.facts.at("epoch") == 3 && e.facts.at("status") == "failed" &&
                     e.problems == std::vector<field_problem>{{"field", "is wrong"}},
                 "the error to arrive with its detail, facts and problems");
    }
    t.expect_success(units.back().outcome, "a unit that does nothing");
}

void a_failed_verb_changes_nothing(trial& t) {
    const auto there = t.some_session(), added = t.some_session();
    t.must_insert(there);
    auto twin = t.some_session(), fork = t.some_session(), wrong = t.some_session();
    twin.session_id = there.session_id;
    fork.lineage_id = there.lineage_id;
    wrong.completed_at = timestamp{1};
    const auto orphan = t.some_task(t.some_session());
    std::vector<std::pair<errc, result<>>> answers;
    t.must([&](transaction& tx) -> result<> {
        answers.clear();
        const auto noted = [&](errc expected, const auto& answer) {
            if (answer)
                answers.emplace_back(expected, result<>{});
            else
                answers.emplace_back(expected, answer.error());
        };
        noted(errc::already_exists, tx.insert(sessions(), to_row(twin)));
        noted(errc::superseded, tx.insert(sessions(), to_row(fork)));
        noted(errc::conflict, tx.insert(sessions(), to_row(wrong)));
        if (auto inserted = tx.insert(sessions(), to_row(added)); !inserted) return inserted.error();
        noted(errc::not_found, tx.insert(table_of<task>(), to_row(orphan)));
        noted(errc::version_mismatch, tx.patch(sessions(), key_of(added), 2,
                                               std::vector{set<&session::agent_role>(std::string("x"))}));
        noted(errc::superseded, tx.patch(sessions(), key_of(added), 1,
                                         std::vector{set<&session::agent_role>(std::string("x")),
                                                     set<&session::lineage_id>(there.lineage_id)}));
        noted(errc::conflict,
              tx.patch(sessions(), key_of(added), 1,
                       std::vector{set<&session::agent_role>(std::string("x")), set<&session::epoch>(0)}));
        noted(errc::not_found, tx.erase(sessions(), value{orphan.session_id}));
        return tx.patch(sessions(), key_of(there), 1, std::vector{set<&session::version>(2)});
    });
    for (const auto& [expected, answer] : answers)
        t.expect_error(answer, expected, "a verb in the middle of a unit");
    t.expect_equal(answers.size(), std::size_t{8}, "answers");
    t.expect_equal(t.entity<session>(key_of(added)), std::optional<session>(added),
                   "what was inserted in between");
    t.expect_equal(t.entity<session>(key_of(there)).value_or(session{}).version, std::int64_t{2},
                   "the last patch");
    t.expect_equal(t.count(sessions(), {}), std::int64_t{2}, "sessions");
    t.expect_equal(t.count(table_of<task>(), {}), std::int64_t{0}, "tasks");
    expect_counts_agree(t, "after verbs that failed");
}

void a_thousand_units_in_a_group(trial& t) {
    constexpr std::size_t many = 1'000;
    std::vector<session> all;
    std::vector<unit_of_work> units;
    for (std::size_t i = 0; i < many; ++i) {
        all.push_back(t.some_session());
        units.push_back(i % 10 == 3 ? inserting_and_refusing(all[i], errc::in_use) : inserting(all[i]));
    }
    run_group(t.subject(), units);
    for (std::size_t i = 0; i < many; ++i) {
        if (i % 10 == 3)
            t.expect_error(units[i].outcome, errc::in_use, "unit " + std::to_string(i));
        else
            t.expect_success(units[i].outcome, "unit " + std::to_string(i));
    }
    const auto stored = t.all(sessions());
    std::vector<value> found, expected;
    for (const auto& one : stored) found.push_back(one.values[sessions().key]);
    for (std::size_t i = 0; i < many; ++i)
        if (i % 10 != 3) expected.push_back(key_of(all[i]));
    t.expect(found == expected, "the rows to stand in the order of their units");
    t.expect_equal(t.count(sessions(), {}), std::int64_t{900}, "sessions");
}

void nothing_to_do_is_done(trial& t) {
    t.subject().execute({});
    std::vector<unit_of_work> units{inserting_and_refusing(t.some_session(), errc::in_use)};
    run_group(t.subject(), units);
    t.expect_error(units[0].outcome, errc::in_use, "a unit refused alone");
    t.expect_equal(t.count(sessions(), {}), std::int64_t{0}, "sessions");
    t.expect_success(t.insert(t.some_session()), "a unit after it");
}

void a_unit_can_be_run_again(trial& t) {
    const auto s = t.some_session();
    std::vector<unit_of_work> units{inserting(s)};
    t.must_insert(s);
    run_group(t.subject(), units);
    t.expect_error(units[0].outcome, errc::already_exists, "the first run");
    t.expect_success(t.erase(sessions(), key_of(s)), "erase");
    run_group(t.subject(), units);
    t.expect_success(units[0].outcome, "the second run");
    t.expect_equal(t.entity<session>(key_of(s)), std::optional<session>(s), "the session");
}

}  // namespace

void add_group_cases(case_list& to) {
    to.insert(to.end(),
              {{"A refused unit leaves no trace and spoils no neighbour", a_refused_unit_spoils_no_neighbour},
               {"Every kind of write is undone with its unit", every_kind_of_write_is_undone},
               {"A unit sees what those before it have left, and nothing of the refused",
                later_units_see_earlier_ones},
               {"A body that throws is refused, and only that one", a_throwing_body_is_refused},
               {"Every unit has its body's own answer for its outcome", outcomes_are_the_bodies_own},
               {"A verb that fails has changed nothing, and the unit goes on", a_failed_verb_changes_nothing},
               {"A thousand units go in one group, in their order", a_thousand_units_in_a_group},
               {"An empty group, and a group of one refused unit, are fine", nothing_to_do_is_done},
               {"A unit can be run again and gets a new outcome", a_unit_can_be_run_again}});
}

}  // namespace statetrack::testing
