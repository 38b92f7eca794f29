#include "testing/cases.hpp"
#include "testing/recount.hpp"

namespace statetrack::testing {
namespace {

using enum session_status;

std::vector<session> a_mixed_lot(trial& t) {
    std::vector<session> lot;
    for (int i = 0; i < 24; ++i) {
        auto s = t.some_session();
        s.project_id = i % 3 == 0 ? "a" : i % 3 == 1 ? "b" : "a, b";
        if (i % 4 == 0) s.machine_id = "m";
        if (i % 8 == 1) s.machine_id.reset();
        s.docker_slot = i;
        if (i % 2) {
            s.status = i % 4 == 1 ? completed : failed;
            s.completed_at = timestamp{i};
            s.archived = i % 6 == 1;
        } else {
            s.status = i % 4 == 0 ? active : stalled;
        }
        t.must_insert(s);
        for (int n = 0; n < i % 4; ++n) t.must_insert(t.some_task(s));
        lot.push_back(std::move(s));
    }
    t.must_insert(t.some_machine());
    t.must_insert(t.some_machine());
    return lot;
}

void counts_of_what_was_inserted(trial& t) {
    a_mixed_lot(t);
    expect_counts_agree(t, "after inserts");
    t.expect_equal(t.count(sessions(), {}), std::int64_t{24}, "sessions");
    t.expect_equal(t.count(sessions(), {is<&session::status>(active, stalled)}), std::int64_t{12},
                   "active or stalled");
    t.expect_equal(t.count(sessions(), {is<&session::archived>(true)}), std::int64_t{4}, "archived");
    t.expect_equal(t.count(sessions(), {is<&session::machine_id>(std::nullopt)}), std::int64_t{3},
                   "without a machine");
    t.expect_equal(t.count(table_of<task>(), {}), std::int64_t{36}, "tasks");
}

void counts_that_no_tally_keeps(trial& t) {
    const auto lot = a_mixed_lot(t);
    const auto a = is<&session::project_id>(std::string("a"));
    const auto count = [&](const std::vector<condition>& where) { return t.count(sessions(), where); };
    t.expect_equal(count({is<&session::archived>(false)}), std::int64_t{20}, "not archived");
    t.expect_equal(count({negation(a)}), std::int64_t{16}, "of other projects");
    t.expect_equal(count({negation(is<&session::machine_id>(std::nullopt))}), std::int64_t{21},
                   "with a machine");
    t.expect_equal(count({negation(is<&session::machine_id>(std::string("m")))}), std::int64_t{18},
                   "on no machine or another");
    t.expect_equal(count({is<&session::docker_slot>(1, 2, 3, 99)}), std::int64_t{3},
                   "by a column without index");
    t.expect_equal(count({a, a}), std::int64_t{8}, "the same condition twice");
    t.expect_equal(count({a, is<&session::project_id>(std::string("b"))}), std::int64_t{0},
                   "a and b at once");
    t.expect_equal(count({is<&session::project_id>(std::string("a"), std::string("a"))}), std::int64_t{8},
                   "a value named twice");
    t.expect_equal(count({{column_of<&session::project_id>(), {}, false}}), std::int64_t{0},
                   "one of no values");
    t.expect_equal(count({is<&session::lineage_id>(lot[3].lineage_id)}), std::int64_t{1},
                   "by a unique index");
    t.expect_equal(t.count(table_of<task>(), {is<&task::session_id>(lot[3].session_id)}), std::int64_t{3},
                   "tasks of one session");
    t.expect_equal(t.count(table_of<event>(), {is<&event::kind>(std::string("created"))}), std::int64_t{0},
                   "events");
}

void counts_follow_patches(trial& t) {
    const auto lot = a_mixed_lot(t);
    t.expect_success(t.patch(sessions(), key_of(lot[0]), {}, {set<&session::project_id>(std::string("new"))}),
                     "project");
    t.expect_success(t.patch(sessions(), key_of(lot[2]), {}, {set<&session::status>(paused)}), "status");
    t.expect_success(t.patch(sessions(), key_of(lot[4]), {}, {set<&session::machine_id>(std::nullopt)}),
                     "machine");
    t.expect_success(t.patch(sessions(), key_of(lot[1]), {}, {set<&session::archived>(false)}), "archived");
    t.expect_success(t.patch(sessions(), key_of(lot[3]), {}, {set<&session::archived>(true)}), "archived");
    t.expect_success(t.patch(sessions(), key_of(lot[5]), {},
                             {set<&session::status>(expired), set<&session::project_id>(std::string("c")),
                              set<&session::machine_id>(std::string("m")), set<&session::archived>(true)}),
                     "everything at once");
    t.expect_success(t.patch(sessions(), key_of(lot[6]), {}, {set<&session::status>(lot[6].status)}),
                     "nothing new");
    t.expect_success(t.patch(sessions(), key_of(lot[8]), {}, {set<&session::agent_role>(std::string("x"))}),
                     "a column that is not counted");
    expect_counts_agree(t, "after patches");
}

void counts_follow_erasures(trial& t) {
    const auto lot = a_mixed_lot(t);
    for (const std::size_t n : {1u, 2u, 3u, 7u, 11u})
        t.expect_success(t.erase(sessions(), key_of(lot[n])), "erase");
    expect_counts_agree(t, "after erasures");
    t.expect_equal(t.count(table_of<task>(), {}), std::int64_t{24}, "tasks after their sessions were erased");
    for (std::size_t n = 0; n < lot.size(); ++n)
        if (t.find(sessions(), key_of(lot[n])))
            t.expect_success(t.erase(sessions(), key_of(lot[n])), "erase");
    expect_counts_agree(t, "after everything was erased");
    t.expect_equal(t.count(table_of<task>(), {}), std::int64_t{0}, "tasks in the end");
}

void refused_units_are_not_counted(trial& t) {
    const auto lot = a_mixed_lot(t);
    const auto refused = t.write([&](transaction& tx) -> result<> {
        for (int i = 0; i < 3; ++i) (void)tx.insert(sessions(), to_row(t.some_session()));
        (void)tx.patch(sessions(), key_of(lot[0]), {},
                       std::vector{set<&session::project_id>(std::string("new"))});
        (void)tx.erase(sessions(), key_of(lot[3]));
        return error(errc::in_use);
    });
    t.expect_error(refused, errc::in_use, "the unit");
    expect_counts_agree(t, "after a refused unit");
    t.expect_equal(t.count(sessions(), {}), std::int64_t{24}, "sessions after a refused unit");
    t.expect_error(t.insert(lot[0]), errc::already_exists, "the same again");
    auto twin = t.some_session();
    twin.lineage_id = lot[5].lineage_id;
    t.expect_error(t.insert(twin), errc::superseded, "a fork");
    t.expect_error(t.patch(sessions(), key_of(lot[0]), 99, {set<&session::status>(stalled)}),
                   errc::version_mismatch, "another version");
    expect_counts_agree(t, "after refused verbs");
    t.expect_equal(t.count(sessions(), {}), std::int64_t{24}, "sessions");
}

void hostile_values_are_counted_apart(trial& t) {
    const std::string projects[] = {"a",       "a|b",    "a,b", "a'b", "a\"b", "NULL",     "null",     "",
                                    "[\"a\"]", "a\037b", "A",   "a ",  "1",    "\xC3\xA9", "e\xCC\x81"};
    for (const auto& project : projects) {
        for (const bool with_machine : {true, false}) {
            auto s = t.some_session();
            s.project_id = project;
            s.machine_id = with_machine ? std::optional<std::string>("b" + project) : std::nullopt;
            t.must_insert(s);
        }
    }
    // Joined carelessly, these two are one.
    auto one = t.some_session(), other = t.some_session();
    one.project_id = "x";
    one.machine_id = "y|z";
    other.project_id = "x|y";
    other.machine_id = "z";
    t.must_insert(one);
    t.must_insert(other);
    expect_counts_agree(t, "of hostile values");
}

void a_unit_counts_what_it_has_written(trial& t) {
    a_mixed_lot(t);
    const auto s = t.some_session();
    t.must([&](transaction& tx) -> result<> {
        const auto expect = [&](std::int64_t expected) -> result<> {
            const auto all = tx.count(sessions(), {});
            if (!all) return all.error();
            const auto of_project = tx.count(sessions(), std::vector{is<&session::project_id>(s.project_id)});
            if (!of_project) return of_project.error();
            if (*all == 24 + expected && *of_project == expected) return {};
            return error(errc::store_corrupt, "the unit does not count its own writes");
        };
        if (auto inserted = tx.insert(sessions(), to_row(s)); !inserted) return inserted.error();
        if (auto counted = expect(1); !counted) return counted;
        if (auto erased = tx.erase(sessions(), key_of(s)); !erased) return erased;
        return expect(0);
    });
}

}  // namespace

void add_count_cases(case_list& to) {
    to.insert(to.end(), {{"Counts are those of the rows inserted", counts_of_what_was_inserted},
                         {"What no tally keeps is counted all the same", counts_that_no_tally_keeps},
                         {"Counts follow every patch", counts_follow_patches},
                         {"Counts follow every erasure, of referencing rows too", counts_follow_erasures},
                         {"What is refused is not counted", refused_units_are_not_counted},
                         {"Values that look alike are counted apart", hostile_values_are_counted_apart},
                         {"A unit counts what it has written", a_unit_counts_what_it_has_written}});
}

}  // namespace statetrack::testing
