#include "statetrack/table.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>

#include "printers.hpp"
#include "statetrack/entities.hpp"

using namespace statetrack;

TEST_CASE("A column admits what it can hold, and a null only where it may be null") {
    const value of_each[] = {value{}, std::int64_t{5}, true, std::string("a"), uuid{}};
    const auto admitted = [&](const column& in) {
        std::string pattern;
        for (const auto& v : of_each) pattern += admits(in, v) ? '1' : '0';
        return pattern;
    };
    CHECK(admitted({.name = "c", .kind = column_kind::text}) == "00010");
    CHECK(admitted({.name = "c", .kind = column_kind::json}) == "00010");
    CHECK(admitted({.name = "c", .kind = column_kind::integer}) == "01000");
    CHECK(admitted({.name = "c", .kind = column_kind::time}) == "01000");
    CHECK(admitted({.name = "c", .kind = column_kind::boolean}) == "00100");
    CHECK(admitted({.name = "c", .kind = column_kind::uuid}) == "00001");
    CHECK(admitted({.name = "c", .kind = column_kind::enumeration, .enumerators = {"a", "b"}}) == "00010");
    CHECK(admitted({.name = "c", .kind = column_kind::enumeration, .enumerators = {"b"}}) == "00000");
    CHECK(admitted({.name = "c", .kind = column_kind::text, .nullable = true}) == "10010");
    CHECK(admitted({.name = "c", .kind = column_kind::integer, .min = 5}) == "01000");
    CHECK(admitted({.name = "c", .kind = column_kind::integer, .nullable = true, .min = 6}) == "10000");
}

TEST_CASE("A condition holds for its values, negated for all others, nulls among them") {
    const row values{std::string("a"), value{}, std::int64_t{3}};
    CHECK(meets(values, condition{0, {std::string("a"), std::string("b")}, false}));
    CHECK(!meets(values, condition{0, {std::string("b")}, false}));
    CHECK(!meets(values, condition{0, {}, false}));
    CHECK(meets(values, condition{0, {}, true}));
    CHECK(meets(values, condition{1, {value{}}, false}));
    CHECK(!meets(values, condition{1, {value{}}, true}));
    CHECK(!meets(values, condition{1, {std::int64_t{0}, std::string()}, false}));
    CHECK(meets(values, condition{1, {std::int64_t{5}}, true}));
    CHECK(!meets(values, condition{2, {std::string("3"), true}, false}));
    const std::vector<condition> both{{0, {std::string("a")}, false}, {2, {std::int64_t{3}}, false}};
    CHECK(meets(values, both));
    const std::vector<condition> one_of_them{{0, {std::string("a")}, false}, {2, {std::int64_t{4}}, false}};
    CHECK(!meets(values, one_of_them));
    CHECK(meets(values, std::vector<condition>{}));
}

TEST_CASE("The schema names referenced tables first and nothing twice") {
    std::set<std::string_view> tables, indexes;
    for (std::size_t i = 0; i < schema().size(); ++i) {
        const auto& in = *schema()[i];
        CAPTURE(in.name);
        CHECK(in.id == i);
        for (const auto& to : in.references) CHECK(tables.contains(to.table));
        CHECK(tables.insert(in.name).second);
        for (const auto& one : in.indexes) CHECK(indexes.insert(one.name).second);
        std::set<std::string_view> columns;
        for (const auto& one : in.columns) CHECK(columns.insert(one.name).second);
    }
    CHECK(tables == std::set<std::string_view>{"sessions", "tasks", "machines", "events", "memos",
                                               "idempotency_records"});
}

TEST_CASE("Every description of a table points at columns that it has") {
    for (const auto* in : schema()) {
        CAPTURE(in->name);
        const auto within = [&](std::size_t column) { CHECK(column < in->columns.size()); };
        const auto all_within = [&](const std::vector<condition>& where) {
            for (const auto& one : where) within(one.column);
        };
        within(in->key);
        CHECK(!in->columns[in->key].nullable);
        if (in->version) CHECK(in->columns[*in->version].name == "version");
        for (const auto& one : in->indexes) {
            CHECK((!one.parts.empty() || (!one.unique && !one.where.empty())));
            for (const auto part : one.parts) within(part);
            all_within(one.where);
            if (one.unique) CHECK(one.violation != errc::conflict);
        }
        for (const auto& one : in->references) within(one.column);
        for (const auto& one : in->null_checks) {
            CHECK(in->columns[one.column].nullable);
            within(one.when.column);
        }
        for (const auto& one : in->same_checks) {
            within(one.column);
            within(one.same_as);
            within(one.when.column);
            CHECK(in->columns[one.column].kind == in->columns[one.same_as].kind);
        }
        for (const auto& one : in->tallies) {
            for (const auto column : one.columns) within(column);
            all_within(one.where);
        }
    }
}

TEST_CASE("No index is rewritten by a plain heartbeat") {
    const auto& in = table_of<session>();
    REQUIRE(in.beat_columns.size() == 4);
    const std::string_view names[] = {"last_heartbeat", "last_progress_at", "progress_seq", "silence_until"};
    for (std::size_t i = 0; i < 4; ++i) CHECK(in.columns[in.beat_columns[i]].name == names[i]);
    const std::set<std::size_t> beaten(in.beat_columns.begin(), in.beat_columns.end());
    for (const auto& one : in.indexes) {
        for (const auto part : one.parts) CHECK(!beaten.contains(part));
        for (const auto& where : one.where) CHECK(!beaten.contains(where.column));
    }
    for (const auto& one : in.tallies)
        for (const auto column : one.columns) CHECK(!beaten.contains(column));
}

TEST_CASE("What stalls a session rewrites no index that has all that are live") {
    using enum session_status;
    const auto& in = table_of<session>();
    const auto status = column_of<&session::status>();
    const auto depends_on_status = [&](const index_description& one) {
        return std::ranges::find(one.parts, status) != one.parts.end() ||
               std::ranges::any_of(one.where, [&](const condition& c) { return c.column == status; });
    };
    std::set<std::string_view> kept;
    for (const auto& one : in.indexes)
        if (!depends_on_status(one)) kept.insert(one.name);
    for (const auto name : {"sessions_project_live", "sessions_machine_live", "sessions_live"})
        CHECK_MESSAGE(kept.contains(name), name);
    // Those that it does write to have not had it before, but for the slot that it gives up.
    row values(in.columns.size());
    values[status] = std::string(enum_name(active));
    values[column_of<&session::machine_id>()] = std::string("m");
    values[column_of<&session::docker_slot>()] = std::int64_t{1};
    for (const auto& one : in.indexes)
        if (!kept.contains(one.name) && meets(values, one.where)) CHECK_MESSAGE(one.unique, one.name);
}

TEST_CASE("A member's column is found by its pointer and by its name") {
    const auto& in = table_of<session>();
    CHECK(column_of<&session::session_id>() == 0);
    CHECK(in.columns[column_of<&session::docker_slot>()].name == "docker_slot");
    CHECK(in.columns[column_of<&session::completed_at>()].name == "completed_at");
    CHECK(in.columns[column_of<&session::archived>()].name == "archived");
    CHECK(in.column_named("epoch") == column_of<&session::epoch>());
}
