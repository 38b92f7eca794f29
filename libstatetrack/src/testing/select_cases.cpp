#include <algorithm>
#include <limits>
#include <string>

#include "statetrack/lifecycle.hpp"
#include "testing/cases.hpp"
#include "testing/trial.hpp"

namespace statetrack::testing {
namespace {

std::size_t completed_at() { return column_of<&session::completed_at>(); }

// Ten sessions, known by their places 0..9 in the order of insertion.
struct ten_sessions {
    trial& t;
    std::vector<std::int64_t> ordinals{};
    std::vector<uuid> ids{};

    explicit ten_sessions(trial& in) : t(in) {
        using enum session_status;
        struct given {
            const char* project;
            session_status status;
            std::int64_t completed;  // 0: not yet
            const char* role;
        };
        const given all[] = {{"a", completed, 30, "x"},     {"b", active, 0, nullptr},
                             {"a", failed, 10, "y"},        {"a", active, 0, nullptr},
                             {"b", completed, 30, "x"},     {"c", expired, 20, ""},
                             {"a", completed, 20, "x"},     {"b", active, 0, "null"},
                             {"c", completed, 30, nullptr}, {"a", paused, 0, "x"}};
        for (const auto& one : all) {
            auto s = t.some_session();
            s.project_id = one.project;
            s.status = one.status;
            if (one.completed) s.completed_at = timestamp{one.completed};
            if (one.role) s.agent_role = one.role;
            ids.push_back(s.session_id);
            ordinals.push_back(t.must_insert(s));
        }
    }

    void expect(const query& what, const std::vector<std::size_t>& places, std::string_view of,
                place at = place::current()) {
        std::vector<std::int64_t> found, expected;
        for (const auto& stored : t.select(sessions(), what, at)) found.push_back(stored.ordinal);
        for (const auto n : places) expected.push_back(ordinals[n]);
        t.expect_equal(found, expected, of, at);
    }
};

void walks_by_ordinal(trial& t) {
    ten_sessions ten(t);
    ten.expect({}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, "all, as by default");
    ten.expect({.order = direction::descending}, {9, 8, 7, 6, 5, 4, 3, 2, 1, 0}, "all, newest first");
    const auto page = t.select(sessions(), {.order = direction::descending, .limit = 2});
    t.expect(page.size() == 2 && page[0].values[sessions().key] == value{ten.ids[9]} &&
                 page[1].values[sessions().key] == value{ten.ids[8]},
             "each ordinal to come with its own row");
}

void one_of_several_values(trial& t) {
    ten_sessions ten(t);
    using enum session_status;
    const auto a = is<&session::project_id>(std::string("a"));
    const auto ended = is<&session::status>(completed, failed);
    ten.expect({.where = {a}}, {0, 2, 3, 6, 9}, "project a");
    ten.expect({.where = {a}, .order = direction::descending}, {9, 6, 3, 2, 0}, "project a, newest first");
    ten.expect({.where = {is<&session::project_id>(std::string("c"), std::string("b"))}}, {1, 4, 5, 7, 8},
               "c or b");
    ten.expect({.where = {is<&session::project_id>(std::string("b"), std::string("b"))}}, {1, 4, 7},
               "b named twice");
    ten.expect({.where = {is<&session::project_id>(std::string("z"))}}, {}, "an unknown project");
    ten.expect({.where = {{column_of<&session::project_id>(), {}, false}}}, {}, "one of no values");
    ten.expect({.where = {ended}, .order = direction::descending}, {8, 6, 4, 2, 0}, "completed or failed");
    ten.expect({.where = {a, ended}}, {0, 2, 6}, "project a, completed or failed");
    ten.expect({.where = {ended, a}, .order = direction::descending}, {6, 2, 0},
               "the same, the other way round");
    ten.expect({.where = {a, is<&session::project_id>(std::string("b"))}}, {}, "a and b at once");
    ten.expect({.where = {is<&session::session_id>(ten.ids[4], ten.ids[2])}}, {2, 4}, "two keys, in order");
    ten.expect({.where = {is<&session::session_id>(ten.ids[4]), a}}, {}, "a key of another project");
    ten.expect({.where = {is<&session::agent_role>(std::string("x"))}}, {0, 4, 6, 9},
               "a column without index");
}

// Whichever states are asked for: a store may have them in several places.
void states_come_in_the_order_of_insertion(trial& t) {
    constexpr std::size_t sessions_made = 42;  // six of each state
    const auto& names = enum_names<session_status>();
    std::vector<std::pair<std::int64_t, row>> all;
    for (std::size_t n = 0; n < sessions_made; ++n) {
        auto s = t.some_session();
        s.project_id = n % 2 == 0 ? "even" : "odd";
        s.machine_id.reset();
        if (n % 3 != 0) s.machine_id = n % 3 == 1 ? "one" : "two";
        s.docker_slot = static_cast<std::int64_t>(n);
        s.status = enum_from_name<session_status>(names[n * 5 % names.size()]).value();
        if (is_terminal(s.status)) s.completed_at = timestamp{1};
        const auto ordinal = t.must_insert(s);
        all.emplace_back(ordinal, to_row(s));
    }
    const std::vector<std::vector<condition>> others{
        {},
        {is<&session::project_id>(std::string("odd"))},
        {is<&session::machine_id>(std::string("one"))},
        {is<&session::project_id>(std::string("even")), is<&session::machine_id>(std::string("two"))}};
    for (std::size_t mask = 0; mask < std::size_t{1} << names.size(); ++mask) {
        condition states{.column = column_of<&session::status>()};
        for (std::size_t i = 0; i < names.size(); ++i)
            if (mask >> i & 1) states.one_of.emplace_back(std::string(names[i]));
        for (auto where : others) {
            if (mask != 0) where.push_back(states);
            for (const auto order : {direction::ascending, direction::descending}) {
                std::vector<std::int64_t> found, expected;
                for (const auto& one : t.select(sessions(), {.where = where, .order = order}))
                    found.push_back(one.ordinal);
                for (const auto& [ordinal, values] : all)
                    if (meets(values, where)) expected.push_back(ordinal);
                if (order == direction::descending) std::ranges::reverse(expected);
                t.expect_equal(found, expected, "states " + std::to_string(mask));
            }
            t.expect_equal(t.count(sessions(), where),
                           static_cast<std::int64_t>(std::ranges::count_if(
                               all, [&](const auto& one) { return meets(one.second, where); })),
                           "count of states " + std::to_string(mask));
        }
    }
}

void a_condition_has_many_values(trial& t) {
    constexpr std::size_t many = 1'000;
    ten_sessions ten(t);
    condition keys{.column = sessions().key};
    condition roles{.column = column_of<&session::agent_role>()};
    while (keys.one_of.size() < many) {
        keys.one_of.emplace_back(t.some_id());
        roles.one_of.emplace_back("role " + std::to_string(roles.one_of.size()));
    }
    keys.one_of.emplace_back(ten.ids[7]);
    keys.one_of.emplace_back(ten.ids[3]);
    roles.one_of.emplace_back(std::string("y"));
    ten.expect({.where = {keys}}, {3, 7}, "two of a thousand keys");
    ten.expect({.where = {roles}}, {2}, "one of a thousand roles");
    ten.expect({.where = {negation(keys)}, .limit = 3}, {0, 1, 2}, "none of a thousand keys");
    t.expect_equal(t.count(sessions(), {keys}), std::int64_t{2}, "count of a thousand keys");
}

void null_is_a_value_among_them(trial& t) {
    ten_sessions ten(t);
    const auto role = column_of<&session::agent_role>();
    ten.expect({.where = {{role, {value{}}, false}}}, {1, 3, 8}, "role is null");
    ten.expect({.where = {{role, {std::string("y"), value{}}, false}}}, {1, 2, 3, 8}, "role is y or null");
    ten.expect({.where = {{role, {std::string("null")}, false}}}, {7}, "role is the text null");
    ten.expect({.where = {{role, {std::string()}, false}}}, {5}, "role is empty");
    ten.expect({.where = {{completed_at(), {value{}}, false}}}, {1, 3, 7, 9}, "not completed");
}

void negated_conditions_turn_round(trial& t) {
    ten_sessions ten(t);
    const auto role = column_of<&session::agent_role>();
    ten.expect({.where = {{role, {value{}}, true}}}, {0, 2, 4, 5, 6, 7, 9}, "role is not null");
    ten.expect({.where = {{role, {std::string("x")}, true}}}, {1, 2, 3, 5, 7, 8},
               "role is not x, nulls included");
    ten.expect({.where = {{role, {std::string("x"), value{}}, true}}}, {2, 5, 7},
               "role is neither x nor null");
    ten.expect({.where = {{role, {}, true}}}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, "role is none of no values");
    ten.expect({.where = {negation(is<&session::project_id>(std::string("a"), std::string("c")))}}, {1, 4, 7},
               "neither a nor c");
    ten.expect(
        {.where = {negation(is<&session::project_id>(std::string("a"))), {completed_at(), {value{}}, true}}},
        {4, 5, 8}, "not a, completed");
}

void ranges_hold_both_ends(trial& t) {
    ten_sessions ten(t);
    const auto range = completed_at();
    ten.expect({.range = range}, {0, 2, 4, 5, 6, 8}, "no null is in a range without ends");
    ten.expect({.range = range, .min = 20}, {0, 4, 5, 6, 8}, "20 and later");
    ten.expect({.range = range, .max = 20}, {2, 5, 6}, "20 and earlier");
    ten.expect({.range = range, .min = 20, .max = 20}, {5, 6}, "20 exactly");
    ten.expect({.range = range, .min = 11, .max = 29}, {5, 6}, "between values");
    ten.expect({.range = range, .min = 30, .max = 10}, {}, "from late to early");
    ten.expect({.range = range, .min = lowest, .max = highest}, {0, 2, 4, 5, 6, 8},
               "everything that is a number");
    ten.expect({.where = {is<&session::project_id>(std::string("a"))}, .range = range, .max = 20}, {2, 6},
               "project a, 20 and earlier");
    ten.expect({.range = column_of<&session::epoch>(), .min = 2}, {}, "an integer's range");
    ten.expect({.range = column_of<&session::docker_slot>(), .max = 100}, {}, "a range of nulls");
}

void ties_go_by_ordinal(trial& t) {
    ten_sessions ten(t);
    const auto range = completed_at();
    ten.expect({.range = range, .order_by_range = true}, {2, 5, 6, 0, 4, 8}, "by completion");
    ten.expect({.range = range, .order_by_range = true, .order = direction::descending}, {8, 4, 0, 6, 5, 2},
               "by completion, latest first");
    ten.expect({.range = range, .max = 20, .order_by_range = true}, {2, 5, 6},
               "20 and earlier by completion");
    ten.expect({.range = range, .min = 20, .order = direction::descending}, {8, 6, 5, 4, 0},
               "a range, but by ordinal");
    const auto a_or_b = is<&session::project_id>(std::string("a"), std::string("b"));
    ten.expect({.where = {a_or_b}, .range = range, .order_by_range = true}, {2, 6, 0, 4},
               "a or b by completion");
    ten.expect({.where = {a_or_b},
                .range = range,
                .order_by_range = true,
                .order = direction::descending,
                .limit = 2},
               {4, 0}, "the two latest of a or b");
    ten.expect({.range = range, .order_by_range = true, .offset = 2, .limit = 3}, {6, 0, 4},
               "a page among ties");
    ten.expect(
        {.range = column_of<&session::version>(), .order_by_range = true, .order = direction::descending},
        {9, 8, 7, 6, 5, 4, 3, 2, 1, 0}, "nothing but ties");
}

// By an index whose next part says another order.
void successors_come_in_the_order_of_insertion(trial& t) {
    const auto first = t.some_session();
    std::vector<std::int64_t> inserted{t.must_insert(first)};
    for (const std::int64_t epoch : {4, 2, 5, 3}) {
        auto later = t.some_session();
        later.lineage_id = first.session_id;
        later.epoch = epoch;
        inserted.push_back(t.must_insert(later));
        t.must_insert(t.some_session());
    }
    query what{.where = {is<&session::lineage_id>(first.session_id),
                         negation(is<&session::epoch>(std::int64_t{1}))}};
    const auto found = [&] {
        std::vector<std::int64_t> ordinals;
        for (const auto& stored : t.select(sessions(), what)) ordinals.push_back(stored.ordinal);
        return ordinals;
    };
    using ordinals = std::vector<std::int64_t>;
    t.expect_equal(found(), ordinals(inserted.begin() + 1, inserted.end()), "the successors");
    what.order = direction::descending;
    what.offset = 1;
    what.limit = 2;
    t.expect_equal(found(), ordinals{inserted[3], inserted[2]}, "a page of them, newest first");
    what.offset = 0;
    what.after = inserted[2];
    t.expect_equal(found(), ordinals{inserted[1]}, "those before one of them");
}

void after_goes_on_from_an_ordinal(trial& t) {
    ten_sessions ten(t);
    const auto a = is<&session::project_id>(std::string("a"));
    ten.expect({.after = ten.ordinals[6]}, {7, 8, 9}, "after the seventh");
    ten.expect({.order = direction::descending, .after = ten.ordinals[2]}, {1, 0}, "before the third");
    ten.expect({.where = {a}, .after = ten.ordinals[2]}, {3, 6, 9}, "project a after its second");
    ten.expect({.where = {a}, .order = direction::descending, .after = ten.ordinals[5]}, {3, 2, 0},
               "project a before a row of another");
    ten.expect({.after = ten.ordinals[9]}, {}, "after the last");
    ten.expect({.order = direction::descending, .after = ten.ordinals[0]}, {}, "before the first");
    ten.expect({.after = lowest}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, "after nothing");
    ten.expect({.after = highest}, {}, "after everything");
    ten.expect({.order = direction::descending, .after = highest, .limit = 1}, {9},
               "before everything to come");
    ten.expect({.order = direction::descending, .after = lowest}, {}, "before all there could be");
    ten.expect({.range = completed_at(), .order_by_range = true, .after = ten.ordinals[4]}, {5, 6, 8},
               "by completion, ordinals after the fifth only");
    ten.expect({.range = completed_at(),
                .order_by_range = true,
                .order = direction::descending,
                .after = ten.ordinals[4]},
               {0, 2}, "latest first, ordinals before the fifth only");
}

void pages_fit_together(trial& t) {
    ten_sessions ten(t);
    ten.expect({.limit = 0}, {}, "no row at all");
    ten.expect({.limit = 1}, {0}, "one row");
    ten.expect({.offset = 3, .limit = 3}, {3, 4, 5}, "a page in the middle");
    ten.expect({.offset = 8, .limit = 3}, {8, 9}, "the last page");
    ten.expect({.offset = 10, .limit = 3}, {}, "beyond the end");
    ten.expect({.offset = 1'000'000'000}, {}, "far beyond the end");
    ten.expect({.order = direction::descending, .offset = 1, .limit = 2}, {8, 7}, "newest first");
    ten.expect({.where = {is<&session::project_id>(std::string("a"))}, .offset = 1, .limit = 2}, {2, 3},
               "of project a");
    ten.expect({.after = ten.ordinals[1], .offset = 2, .limit = 2}, {4, 5}, "an offset after an ordinal");
    ten.expect({.range = completed_at(), .min = 20, .offset = 1, .limit = 2}, {4, 5}, "in a range");
}

void no_page_is_longer_than_the_longest(trial& t) {
    constexpr std::size_t units = 10, rows_a_unit = select_rows_max / units;
    for (std::size_t i = 0; i <= units; ++i) {
        t.must([&](transaction& tx) -> result<> {
            for (std::size_t n = 0; n < (i < units ? rows_a_unit : 1); ++n)
                if (auto inserted = tx.insert(table_of<memo>(), to_row(t.some_memo())); !inserted)
                    return inserted.error();
            return {};
        });
    }
    const auto longest = t.select(table_of<memo>(), {.limit = select_rows_max});
    t.expect_equal(longest.size(), select_rows_max, "rows of the longest page");
    t.expect_equal(t.select(table_of<memo>(), {.limit = select_rows_max + 1}).size(), select_rows_max,
                   "rows where more are asked for");
    t.expect_equal(t.select(table_of<memo>(), {.limit = std::numeric_limits<std::size_t>::max()}).size(),
                   select_rows_max, "rows where as many as there can be are asked for");
    t.expect_equal(t.select(table_of<memo>(), {.after = longest.back().ordinal}).size(), std::size_t{1},
                   "rows after the longest page");
}

void indexes_find_what_was_written_in_the_unit(trial& t) {
    const auto s = t.some_session();
    t.must([&](transaction& tx) -> result<> {
        if (auto inserted = tx.insert(sessions(), to_row(s)); !inserted) return inserted.error();
        const query of_project{.where = {is<&session::project_id>(s.project_id)}};
        const auto seen = tx.select(sessions(), of_project);
        if (!seen) return seen.error();
        if (seen->size() != 1) return error(errc::store_corrupt, "the unit does not select its own insert");
        if (auto erased = tx.erase(sessions(), key_of(s)); !erased) return erased;
        const auto left = tx.select(sessions(), of_project);
        if (!left) return left.error();
        if (!left->empty()) return error(errc::store_corrupt, "the unit selects what it erased");
        return {};
    });
}

// In lists that are merged out of runs too.
void what_is_needed_comes(trial& t) {
    const auto s = t.some_session();
    t.must_insert(s);
    const std::vector<std::size_t> needed{column_of<&session::session_id>(),
                                          column_of<&session::machine_id>(), column_of<&session::status>()};
    const auto expected = to_row(s);
    for (const bool by_project : {false, true}) {
        query some{.columns = needed};
        if (by_project) some.where.push_back(is<&session::project_id>(s.project_id));
        const auto rows = t.select(sessions(), some);
        if (!t.expect_equal(rows.size(), std::size_t{1}, "rows")) continue;
        if (!t.expect_equal(rows.front().values.size(), needed.size(), "columns")) continue;
        for (std::size_t i = 0; i < needed.size(); ++i)
            t.expect(rows.front().values[i] == expected[needed[i]], "a column that is needed");
    }
}

// Beaten rows too, and in pages that are partly in a store's memory.
void rows_are_shown_as_they_are_selected(trial& t) {
    std::vector<session> all;
    for (int n = 0; n < 8; ++n) {
        all.push_back(t.some_session());
        all.back().project_id = n % 2 == 0 ? "even" : "odd";
        all.back().agent_role = std::string(static_cast<std::size_t>(n) * 40, 'r');
        t.must_insert(all.back());
    }
    const auto as_selected = [&](std::string_view when, place at = place::current()) {
        for (const auto order : {direction::ascending, direction::descending})
            for (const auto& where : {std::vector<condition>{}, {is<&session::project_id>("odd")}}) {
                const query what{.where = where, .order = order, .offset = 1, .limit = 5};
                t.expect(t.look_through(sessions(), what, at) == t.select(sessions(), what, at),
                         std::string(when) + ": what is selected to be shown", at);
            }
    };
    as_selected("inserted");
    t.expect(t.find(sessions(), key_of(all[5])).has_value(), "a session to be found");
    t.expect_success(t.beat({{all[5].session_id, {7}, timestamp{8}, 9, timestamp{10}}}), "beat");
    as_selected("beaten");
    t.expect_success(t.patch(sessions(), key_of(all[3]), 1,
                             {{column_of<&session::version>(), std::int64_t{2}},
                              {column_of<&session::project_id>(), std::string("even")}}),
                     "patch");
    as_selected("patched");
    t.expect_success(t.erase(sessions(), key_of(all[1])), "erase");
    as_selected("erased");
    t.expect_equal(t.look_through(sessions(), {.limit = 0}).size(), std::size_t{0}, "rows of an empty page");
}

}  // namespace

void add_select_cases(case_list& to) {
    to.insert(to.end(),
              {{"A walk goes by ordinal, either way", walks_by_ordinal},
               {"A condition holds where the column has one of its values", one_of_several_values},
               {"Sessions come in the order of insertion, whichever states are asked for",
                states_come_in_the_order_of_insertion},
               {"A condition may have a thousand values", a_condition_has_many_values},
               {"A null among the values of a condition means is null", null_is_a_value_among_them},
               {"A negated condition holds exactly where it would not, nulls included",
                negated_conditions_turn_round},
               {"A range holds both its ends and no null", ranges_hold_both_ends},
               {"An order by range breaks ties by ordinal, the same way", ties_go_by_ordinal},
               {"A lineage's successors come in the order of insertion, whatever their epochs",
                successors_come_in_the_order_of_insertion},
               {"A query goes on after an ordinal, in its direction", after_goes_on_from_an_ordinal},
               {"Pages by offset and limit fit together", pages_fit_together},
               {"Of a row all comes that is needed", what_is_needed_comes},
               {"No page is longer than select_rows_max", no_page_is_longer_than_the_longest},
               {"Rows are shown where they lie as they are selected", rows_are_shown_as_they_are_selected},
               {"A unit selects what it has written", indexes_find_what_was_written_in_the_unit}});
}

}  // namespace statetrack::testing
