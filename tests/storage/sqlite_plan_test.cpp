// Every query that the API's lists and the tracker's own passes can ask for goes through an index, or walks
// the rows in order for one page.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "index_runs.hpp"
#include "planner.hpp"
#include "sql/verb_text.hpp"
#include "sqlite/sqlite_dialect.hpp"
#include "sqlite/tallies.hpp"
#include "statetrack/entities.hpp"
#include "statetrack/idempotency.hpp"

using namespace statetrack;
using namespace statetrack::sqlite;
using statetrack::testing::planner;

namespace {

template <auto Member>
std::size_t at() {
    return column_of<Member>();
}

std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const auto& line : lines) text += (text.empty() ? "" : "; ") + line;
    return text;
}

bool begins(const std::string& line, std::string_view with) { return line.starts_with(with); }

bool has(const std::string& line, std::string_view text) { return line.find(text) != std::string::npos; }

// A walk through an index without parts is as good as a search: it has what meets its predicate, and nothing
// else.
bool searches(const std::string& line) {
    if (begins(line, "SEARCH ") && has(line, " USING ")) return true;
    return begins(line, "SCAN ") && std::ranges::any_of(schema(), [&](const table* in) {
               return std::ranges::any_of(in->indexes, [&](const index_description& index) {
                   return index.parts.empty() && has(line, " INDEX " + std::string(index.name));
               });
           });
}

// What is wrong with how the rows are found: empty, nothing is. Without a condition a walk in order is right,
// as every query has a limit; with one, only a search is.
std::string fault_of(const std::vector<std::string>& plan, bool has_conditions) {
    if (plan.empty()) return "no plan";
    const bool only_searches = std::ranges::all_of(
        plan, [](const std::string& line) { return searches(line) || begins(line, "USE TEMP B-TREE"); });
    if (only_searches && searches(plan.front())) return {};
    const bool walks = begins(plan.front(), "SCAN ") && plan.size() == 1;
    if (!has_conditions && walks) return {};
    return "reads the whole table";
}

struct shape {
    const table* in = nullptr;
    query what{};
    bool may_sort = false;  // few rows by nature, or several values of one column
    std::string index{};    // where only one will do
};

// Of an enumeration each, one by one: which index has the rows may depend on it.
std::vector<condition> single_values(const table& in, std::size_t column) {
    const auto& c = in.columns[column];
    std::vector<condition> all;
    switch (c.kind) {
        case column_kind::enumeration:
            for (const auto name : c.enumerators) all.push_back({column, {std::string(name)}, false});
            return all;
        case column_kind::boolean:
            return {{column, {true}, false}};
        case column_kind::uuid:
            return {{column, {uuid{}}, false}};
        default:
            return {{column, {std::string("x")}, false}};
    }
}

condition one_value(const table& in, std::size_t column) { return single_values(in, column).front(); }

// Every subset of the filters, newest first, from the beginning and after an ordinal.
std::vector<shape> lists_of(const table& in, const std::vector<std::size_t>& filters) {
    std::vector<std::vector<condition>> subsets{{}};
    for (const auto column : filters) {
        const auto without = subsets;
        for (const auto& one : single_values(in, column))
            for (auto longer : without) {
                longer.push_back(one);
                subsets.push_back(std::move(longer));
            }
    }
    std::vector<shape> all;
    for (const auto& where : subsets)
        for (const bool after : {false, true}) {
            shape s{.in = &in, .what = {.where = where, .order = direction::descending, .limit = 51}};
            if (after) s.what.after = 1'000;
            all.push_back(std::move(s));
        }
    return all;
}

bool filters_by(const shape& s, std::size_t column) {
    return std::ranges::any_of(s.what.where, [&](const condition& c) { return c.column == column; });
}

std::vector<shape> session_shapes() {
    const auto& in = table_of<session>();
    auto all = lists_of(in, {at<&session::project_id>(), at<&session::machine_id>(), at<&session::status>(),
                             at<&session::archived>()});
    const condition successor{at<&session::epoch>(), {std::int64_t{1}}, true};
    const auto successors = [&](const condition& of) { return std::vector{of, successor}; };
    const auto of_lineage = one_value(in, at<&session::lineage_id>());
    all.push_back({&in, {.where = successors(of_lineage)}, true, "sessions_lineage"});
    const condition live{
        at<&session::status>(),
        {std::string("pending"), std::string("active"), std::string("paused"), std::string("stalled")}};
    const condition ended{at<&session::status>(),
                          {std::string("completed"), std::string("failed"), std::string("expired")}};
    const condition idle{at<&session::status>(), {std::string("paused"), std::string("stalled")}};
    const condition holding{at<&session::status>(),
                            {std::string("pending"), std::string("active"), std::string("paused")}};
    const condition of_both{at<&session::status>(), {std::string("active"), std::string("completed")}};
    const auto of_machine = one_value(in, at<&session::machine_id>());
    for (const auto& several : {live, ended, idle, holding, of_both}) {
        all.push_back({&in, {.where = {several}}});
        all.push_back({&in, {.where = {one_value(in, at<&session::project_id>()), several}}});
        all.push_back({&in, {.where = {of_machine, several}}});
        all.push_back({&in, {.where = {of_lineage, successor, several}}, true, "sessions_lineage"});
        all.push_back(
            {&in,
             {.where = {of_machine, several, {at<&session::docker_slot>(), {std::int64_t{1}, value{}}}}}});
    }
    all.push_back(
        {&in, {.where = {one_value(in, at<&session::recovered_from>())}}, true, "sessions_recovered_from"});
    all.push_back({&in, {.where = {one_value(in, at<&session::session_id>())}}});
    const uuid one{}, other{{1}};
    all.push_back(
        {&in, {.where = successors({at<&session::lineage_id>(), {one, other}})}, true, "sessions_lineage"});
    all.push_back(
        {&in, {.where = {{at<&session::recovered_from>(), {one, other}}}}, true, "sessions_recovered_from"});
    const query old{.range = at<&session::completed_at>(), .max = 1, .order_by_range = true};
    for (const bool with_states : {false, true})
        for (const bool with_min : {false, true})
            for (const bool unarchived : {false, true}) {
                shape s{&in, old, false, "sessions_completed_at"};
                if (with_states) s.what.where.push_back(ended);
                if (unarchived) s.what.where.push_back({at<&session::archived>(), {false}});
                if (with_min) s.what.min = 0;
                s.what.offset = with_min ? 3 : 0;
                all.push_back(std::move(s));
            }
    return all;
}

std::vector<shape> other_shapes() {
    std::vector<shape> all =
        lists_of(table_of<task>(), {at<&task::session_id>(), at<&task::project_id>(), at<&task::status>()});
    for (auto& one : lists_of(table_of<machine>(), {at<&machine::status>()})) all.push_back(std::move(one));
    for (auto& one : lists_of(table_of<memo>(), {})) all.push_back(std::move(one));
    const auto& events = table_of<event>();
    const auto of_session = one_value(events, at<&event::session_id>());
    const condition of_kind{at<&event::kind>(), {std::string("stalled")}};
    all.push_back({&events, {.where = {of_session}, .after = 5}, false, "events_session"});
    all.push_back(
        {&events, {.where = {of_session, of_kind}, .order = direction::descending}, false, "events_session"});
    all.push_back({&events, {.after = 5}});
    const condition of_machines{at<&event::entity>(), {std::string("machine")}};
    all.push_back({&events,
                   {.where = {of_machines, one_value(events, at<&event::entity_id>())}},
                   false,
                   "events_machine"});
    const condition deleted{at<&event::to>(), {value{}}};
    const condition of_either{at<&event::entity>(), {std::string("session"), std::string("machine")}};
    for (const auto& where : {std::vector{deleted}, std::vector{deleted, of_either}})
        all.push_back(
            {&events,
             {.where = where, .range = at<&event::at>(), .max = 1, .order_by_range = true, .limit = 1},
             false,
             "events_deleted"});
    const auto& records = table_of<idempotency_record>();
    all.push_back({&records, {.after = 5}});  // as verify walks
    all.push_back({&records,
                   {.where = {one_value(records, at<&idempotency_record::caller>()),
                              one_value(records, at<&idempotency_record::key>())},
                    .limit = 1},
                   false,
                   "idempotency_caller_key"});
    all.push_back({&records,
                   {.range = at<&idempotency_record::expires_at>(), .max = 1, .order_by_range = true},
                   false,
                   "idempotency_expires_at"});
    return all;
}

// How many conditions the best of the described indexes answers at once: the planner must not do with fewer.
std::ptrdiff_t best_answers(const shape& s) {
    std::ptrdiff_t best = 0;
    for (const auto& index : s.in->indexes) {
        const auto unanswered =
            std::ranges::find_if(index.parts, [&](const auto& part) { return !filters_by(s, part); });
        // Archived rows may be few or many: either index will do.
        if (filters_by(s, at<&session::archived>()) && s.in == &table_of<session>()) continue;
        if (holds_all(index, *s.in, s.what.where, {}))
            best = std::max(best, unanswered - index.parts.begin());
    }
    return best;
}

std::ptrdiff_t answers_in(const std::string& line) { return std::ranges::count(line, '='); }

std::string text_of(const shape& s) { return sql::select_text(sqlite_dialect(), *s.in, s.what).sql; }
std::string ordinals_text_of(const shape& s) {
    return sql::select_ordinals_text(sqlite_dialect(), *s.in, s.what).sql;
}

std::string fault_of(const planner& plans, const shape& s, std::string (*text)(const shape&) = text_of) {
    const auto plan = plans.plan_of(text(s));
    // A walk after an ordinal is a search by the primary key; that is no use to a condition.
    if (!s.what.where.empty() && joined(plan).find("USING INTEGER PRIMARY KEY") != std::string::npos)
        return "looks through the rows one by one";
    if (!s.index.empty() && plan.front().find("INDEX " + s.index + " ") == std::string::npos)
        return "does not use " + s.index;
    if (s.index.empty() && answers_in(plan.front()) < best_answers(s)) return "uses the lesser index";
    if (!s.may_sort && joined(plan).find("TEMP B-TREE") != std::string::npos) return "sorts";
    return fault_of(plan, !s.what.where.empty() || s.what.range);
}

std::vector<shape> every_shape() {
    auto all = session_shapes();
    for (auto& one : other_shapes()) all.push_back(std::move(one));
    return all;
}

}  // namespace

TEST_CASE("Every list and every pass of the tracker finds its rows by an index") {
    const planner plans;
    for (const auto& s : every_shape())
        CHECK_MESSAGE(fault_of(plans, s).empty(), fault_of(plans, s), ": ", text_of(s), " -- ",
                      joined(plans.plan_of(text_of(s))));
}

TEST_CASE("Which rows a list has is found by the same indexes, and a project's are in one") {
    const planner plans;
    for (const auto& s : every_shape())
        CHECK_MESSAGE(fault_of(plans, s, ordinals_text_of).empty(), ordinals_text_of(s), " -- ",
                      joined(plans.plan_of(ordinals_text_of(s))));
    const shape by_project{&table_of<session>(),
                           {.where = {one_value(table_of<session>(), at<&session::project_id>())},
                            .order = direction::descending}};
    const auto plan = plans.plan_of(ordinals_text_of(by_project));
    CHECK(plan.size() == 4);
    const auto steps_by = [&](std::string_view index) {
        return std::ranges::count_if(plan, [&](const auto& step) { return has(step, index); });
    };
    CHECK_MESSAGE(steps_by(" INDEX sessions_project_live ") == 1, joined(plan));
    CHECK_MESSAGE(steps_by(" INDEX sessions_project_ended ") == 3, joined(plan));
    CHECK(!plans.looks_into_rows(ordinals_text_of(by_project)));
    CHECK(plans.looks_into_rows(text_of(by_project)));
}

TEST_CASE("Few states are looked for among the few rows that have them") {
    const planner plans;
    const auto& in = table_of<session>();
    const auto index_of = [&](std::vector<condition> where) {
        const shape s{&in, {.where = std::move(where), .order = direction::descending}};
        const auto line = plans.plan_of(text_of(s)).front();
        const auto begin = line.find(" INDEX ") + 7;
        return line.substr(begin, line.find(' ', begin) - begin);
    };
    const auto of_project = one_value(in, at<&session::project_id>());
    const auto of_machine = one_value(in, at<&session::machine_id>());
    for (const auto& state : single_values(in, at<&session::status>())) {
        const auto name = text_of(state.one_of.front());
        CAPTURE(name);
        const bool has_ended = name == "completed" || name == "failed" || name == "expired";
        const std::string part = name == "active" ? "live" : has_ended ? "ended" : "idle";
        CHECK(index_of({of_project, state}) == "sessions_project_" + part);
        CHECK(index_of({of_machine, state}) == "sessions_machine_" + part);
        CHECK(index_of({state}) == (name == "active" ? "sessions_live" : "sessions_status"));
    }
}

TEST_CASE("No query is prepared anew because its parameters have changed") {
    const planner plans;
    for (const auto& s : every_shape()) CHECK_MESSAGE(plans.prepared_again(text_of(s)) == 0, text_of(s));

    plans.let_plans_depend_on_parameters();
    const auto all = every_shape();
    CHECK(std::ranges::any_of(all, [&](const auto& s) { return plans.prepared_again(text_of(s)) > 0; }));
}

TEST_CASE("Verbs by key search by the key") {
    const planner plans;
    const auto& d = sqlite_dialect();
    for (const auto* in : schema()) {
        std::vector<std::string> verbs{sql::find_text(d, *in), sql::erase_text(d, *in),
                                       sql::patch_text(d, *in, 2, in->version.has_value())};
        if (!in->beat_columns.empty()) verbs.push_back(sql::fold_text(d, *in));
        if (!in->key_is_ordinal) verbs.push_back(sql::ordinal_text(d, *in));
        verbs.push_back(sql::find_at_text(d, *in));
        for (const auto& sql : verbs)
            CHECK_MESSAGE(fault_of(plans.plan_of(sql), true).empty(), sql, " -- ",
                          joined(plans.plan_of(sql)));
    }
}

TEST_CASE("A patch of a row whose ordinal is known looks through no index") {
    planner p;
    const auto& d = sqlite_dialect();
    for (const auto* in : schema()) {
        if (in->key_is_ordinal) continue;
        CAPTURE(in->name);
        const std::size_t changed = in->version.value_or(0);
        for (const bool versioned : {false, in->version.has_value()}) {
            const auto plan =
                p.plan_of(sql::patch_text(d, *in, sql::column_mask{1} << changed, versioned, true));
            CHECK(joined(plan).find("USING INTEGER PRIMARY KEY") != std::string::npos);
            CHECK(joined(plan).find("INDEX") == std::string::npos);
        }
    }
}

TEST_CASE("Counts by the lists' filters come from a tally, the others from an index") {
    const planner plans;
    for (const auto& s : every_shape()) {
        if (s.what.range) continue;
        const bool tally = sqlite::tally_entries(*s.in, s.what.where, sqlite::name_book{}).has_value();
        const auto sql = tally ? std::string(sqlite::tally_text)
                               : sql::count_text(sqlite_dialect(), *s.in, s.what.where).sql;
        CHECK_MESSAGE((tally || !s.what.where.empty() || s.in->tallies.empty()), sql);
        if (s.what.where.empty() && !tally) continue;
        const auto plan = plans.plan_of(sql);
        CHECK_MESSAGE(fault_of(plan, true).empty(), sql, " -- ", joined(plan));
    }
}

TEST_CASE("Control: each index that serves a list is missed when it is gone") {
    for (const auto* in : schema()) {
        for (const auto& index : in->indexes) {
            // Kept for its uniqueness alone.
            if (index.name == "sessions_active_place" || index.name == "sessions_slot" ||
                index.name == "tasks_retry")
                continue;
            const planner plans;
            plans.drop(std::string(index.name));
            const auto shapes = every_shape();
            const auto faults =
                std::ranges::count_if(shapes, [&](const shape& s) { return !fault_of(plans, s).empty(); });
            CHECK_MESSAGE(faults > 0, index.name);
        }
    }
}
