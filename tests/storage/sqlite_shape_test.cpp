// The shape of a query, under which its statement is kept: whatever makes another text makes another shape,
// and a value that makes none makes no other.
#include <doctest/doctest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "sql/query_shape.hpp"
#include "sql/verb_text.hpp"
#include "sqlite/sqlite_dialect.hpp"
#include "statetrack/entities.hpp"
#include "statetrack/idempotency.hpp"

using namespace statetrack;

namespace {

class random_queries {
public:
    query next(const table& in) {
        query made;
        for (auto n = below(4); n > 0; --n) made.where.push_back(some_condition(in));
        if (below(4) == 0) {
            made.range = some_column(in);
            if (below(2) == 0) made.min = 5;
            if (below(2) == 0) made.max = 7;
            made.order_by_range = below(2) == 0;
        }
        if (below(2) == 0) made.order = direction::descending;
        if (below(3) == 0) made.after = 12;
        if (below(3) == 0) made.offset = 3;
        if (below(4) == 0) made.columns = {0, in.columns.size() - 1};
        return made;
    }

private:
    std::size_t below(std::size_t n) { return random_() % n; }
    std::size_t some_column(const table& in) { return below(in.columns.size()); }

    condition some_condition(const table& in) {
        // Mostly such as an index or its predicate is about.
        auto column = some_column(in);
        if (below(3) > 0 && !in.indexes.empty()) {
            const auto& index = in.indexes[below(in.indexes.size())];
            if (!index.where.empty() && below(2) == 0)
                column = index.where[below(index.where.size())].column;
            else if (!index.parts.empty())
                column = index.parts[below(index.parts.size())];
        }
        condition made{.column = column, .one_of = {}, .negated = below(4) == 0};
        for (auto n = 1 + below(2) * below(3); n > 0; --n)
            made.one_of.push_back(some_value(in.columns[column]));
        return made;
    }

    value some_value(const column& of) {
        if (below(6) == 0) return {};
        if (below(8) == 0) return std::string("of another type");
        if (!of.enumerators.empty()) return std::string(of.enumerators[below(of.enumerators.size())]);
        switch (of.kind) {
            case column_kind::integer:
            case column_kind::time:
                return static_cast<std::int64_t>(below(4));
            case column_kind::boolean:
                return below(2) == 0;
            case column_kind::uuid:
                return uuid{{static_cast<std::uint8_t>(below(3))}};
            default:
                return std::string(1, static_cast<char>('a' + below(3)));
        }
    }

    std::mt19937 random_{1};
};

std::string whole_text(const sql::statement_text& of) {
    std::string all = of.sql + (of.ordered ? " ordered" : "");
    for (const auto& p : of.parameters)
        all += " " + std::to_string(static_cast<int>(p.from)) + "," + std::to_string(p.condition) + "," +
               std::to_string(p.place);
    return all;
}

std::string texts_of(const table& in, const query& what) {
    const auto& d = sqlite::sqlite_dialect();
    return whole_text(sql::select_text(d, in, what)) + "\n" +
           whole_text(sql::select_ordinals_text(d, in, what));
}

condition is(std::size_t column, value v, bool negated = false) { return {column, {std::move(v)}, negated}; }

std::string shape_by(const condition& c) { return sql::shape_of(table_of<session>(), query{.where = {c}}); }

}  // namespace

TEST_CASE("Queries of one shape have one text and the same placeholders") {
    random_queries queries;
    std::map<std::string, std::string> selects, counts;
    int again = 0;
    for (int n = 0; n < 20'000; ++n) {
        const auto& in = *schema()[static_cast<std::size_t>(n) % schema().size()];
        const auto what = queries.next(in);
        const auto [select, is_new] = selects.emplace(sql::shape_of(in, what), texts_of(in, what));
        CHECK(select->second == texts_of(in, what));
        if (!is_new) ++again;
        const auto text = whole_text(sql::count_text(sqlite::sqlite_dialect(), in, what.where));
        CHECK(counts.emplace(sql::shape_of(in, what.where), text).first->second == text);
    }
    CHECK(again > 3'000);
}

TEST_CASE("Values that an index is not about make no shape of their own") {
    constexpr auto project = column_of<&session::project_id>(), machine = column_of<&session::machine_id>(),
                   status = column_of<&session::status>(), epoch = column_of<&session::epoch>();
    CHECK(shape_by(is(project, std::string("a"))) == shape_by(is(project, std::string("another"))));
    CHECK(shape_by(is(machine, std::string("a"))) == shape_by(is(machine, std::string("another"))));
    CHECK(shape_by(is(machine, std::string("a"))) != shape_by(is(machine, {})));
    CHECK(shape_by(is(machine, std::string("a"))) != shape_by(is(machine, std::string("a"), true)));
    CHECK(shape_by(is(project, std::string("a"))) != shape_by(is(machine, std::string("a"))));
    CHECK(shape_by(is(status, std::string("active"))) != shape_by(is(status, std::string("failed"))));
    CHECK(shape_by(is(epoch, std::int64_t{2})) == shape_by(is(epoch, std::int64_t{3})));
    CHECK(shape_by(is(epoch, std::int64_t{1})) != shape_by(is(epoch, std::int64_t{2})));
    CHECK(shape_by(is(epoch, std::int64_t{0})) != shape_by(is(epoch, std::int64_t{2})));  // below its least
}
