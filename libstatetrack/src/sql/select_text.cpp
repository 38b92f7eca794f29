// Selecting and counting: the conditions as SQL, and the index that answers them.
#include <algorithm>
#include <limits>
#include <utility>

#include "sql/verb_text.hpp"

namespace statetrack::sql {
namespace {

// Whether the condition comes out as an equality that an index can answer.
bool is_equality(const table& of, const condition& c) {
    return !c.negated && std::ranges::none_of(c.one_of, is_null) &&
           std::ranges::any_of(c.one_of, [&](const value& v) { return admits(of.columns[c.column], v); });
}

const condition* equality_on(const table& of, std::span<const condition> where, std::size_t column) {
    const auto at = std::ranges::find_if(
        where, [&](const condition& c) { return c.column == column && is_equality(of, c); });
    return at == where.end() ? nullptr : &*at;
}

// Whether a database can see that the index holds every row that the query can find.
bool holds_all(const index_description& index, const table& of, std::span<const condition> where,
               std::optional<std::size_t> range) {
    return std::ranges::all_of(index.where, [&](const condition& part) {
        const bool is_not_null = part.negated && part.one_of.size() == 1 && is_null(part.one_of.front());
        if (is_not_null && (range == part.column || equality_on(of, where, part.column))) return true;
        return std::ranges::any_of(where, [&](const condition& c) { return same_condition(part, c); });
    });
}

// The index to insist on, where there is one that we know to be better than the planner can: it has no
// figures, so all indexes are alike to it, and one that saves it the sorting of ten rows is better still.
const index_description* index_to_use(const table& of, std::span<const condition> where,
                                      std::optional<std::size_t> range, bool order_by_range) {
    std::vector<const index_description*> usable;
    for (const auto& index : of.indexes)
        if (holds_all(index, of, where, range)) usable.push_back(&index);
    // Few rows have one value, as its uniqueness says.
    for (const auto* index : usable)
        if (index->unique && equality_on(of, where, index->parts.front())) return index;
    // Rows come in the order asked for: a page is not found by sorting everything.
    if (range && order_by_range)
        for (const auto* index : usable)
            if (index->parts.front() == *range) return index;
    // One of several states of a machine's sessions, say: the live ones are few, all that there were are not.
    for (const auto* index : usable) {
        const auto unanswered = std::ranges::find_if(
            index->parts, [&](const auto part) { return !equality_on(of, where, part); });
        const bool has_several = std::any_of(index->parts.begin(), unanswered, [&](const auto part) {
            return equality_on(of, where, part)->one_of.size() > 1;
        });
        if (unanswered - index->parts.begin() > 1 && has_several) return index;
    }
    return nullptr;
}

void append_source(std::string& out, const dialect& in, const table& of, const index_description* use) {
    out += " FROM " + quoted(of.name);
    if (use && !in.index_hint.empty()) out.append(in.index_hint).append(quoted(use->name));
}

// Joins conditions by AND.
class condition_list {
public:
    condition_list(statement_text& out, const dialect& in, const table& of) : out_(out), in_(in), of_(of) {}

    void add(const condition& c) {
        next();
        if (in_some_predicate(of_, c))
            append_literal_condition(out_.sql, in_, of_, c);
        else
            append_bound_condition(out_, in_, of_, c);
    }
    void add(std::string_view quoted_column, std::string_view comparison, std::int64_t to) {
        next();
        out_.sql.append(quoted_column).append(comparison);
        append_parameter(out_, in_, to);
    }
    void add_not_null(std::string_view quoted_column) {
        next();
        out_.sql.append(quoted_column).append(" IS NOT NULL");
    }

private:
    void next() {
        out_.sql += empty_ ? " WHERE " : " AND ";
        empty_ = false;
    }

    statement_text& out_;
    const dialect& in_;
    const table& of_;
    bool empty_ = true;
};

// A query whose rows an index has in as many ordered runs as a column has values: one for each of a project's
// states, say, each in the order of insertion. Merged, they are in that order without having been sorted, and
// no second index has to say the same without the states.
struct runs {
    const index_description* index = nullptr;
    const condition* by = nullptr;  // the query's own condition on the column, where it has one
    condition each{};               // one value a run
};

const condition* sole_value_on(const table& of, std::span<const condition> where, std::size_t column) {
    const auto* found = equality_on(of, where, column);
    return found && found->one_of.size() == 1 ? found : nullptr;
}

std::optional<runs> runs_of(const table& of, const query& what) {
    if (what.range) return std::nullopt;
    for (const auto& index : of.indexes) {
        const auto last = index.parts.back();
        const auto& c = of.columns[last];
        if (c.enumerators.empty() || c.nullable || !holds_all(index, of, what.where, {})) continue;
        const auto answered = [&](std::size_t part) {
            return sole_value_on(of, what.where, part) != nullptr;
        };
        if (!std::all_of(index.parts.begin(), index.parts.end() - 1, answered) || answered(last)) continue;
        runs found{.index = &index, .by = equality_on(of, what.where, last), .each = {.column = last}};
        // Without any condition a walk in the order of insertion is all that it takes.
        if (!found.by && index.parts.size() == 1) continue;
        for (const auto name : c.enumerators) {
            const value v = std::string(name);
            if (!found.by || std::ranges::find(found.by->one_of, v) != found.by->one_of.end())
                found.each.one_of.push_back(v);
        }
        return found;
    }
    return std::nullopt;
}

// Without order and limit.
statement_text unordered_text(const dialect& in, const table& from, const query& what,
                              const std::string& columns, const index_description* use,
                              const condition* left_out) {
    statement_text out{.sql = "SELECT " + columns};
    append_source(out.sql, in, from, use);
    condition_list conditions(out, in, from);
    for (const auto& c : what.where)
        if (&c != left_out) conditions.add(c);
    if (what.range) {
        const auto range = quoted(from.columns[*what.range].name);
        if (what.min) conditions.add(range, " >= ", *what.min);
        if (what.max) conditions.add(range, " <= ", *what.max);
        if (!what.min && !what.max) conditions.add_not_null(range);
    }
    const std::string_view beyond = what.order == direction::ascending ? " > " : " < ";
    if (what.after) conditions.add(ordinal_of(from), beyond, *what.after);
    return out;
}

constexpr std::string_view page_ordinal = "\"page_ordinal\"";

// Each run is the query with one value more, and has its parameters under the same numbers. What is merged
// are ordinals, which the index has: whole rows would be copied at every merger.
statement_text merged_text(const dialect& in, const table& from, const query& what, const runs& by) {
    const auto ordinals = ordinal_of(from) + " AS " + std::string(page_ordinal);
    auto out = unordered_text(in, from, what, ordinals, by.index, by.by);
    const bool has_conditions = what.where.size() > (by.by ? 1u : 0u) || what.after;
    const std::string run = std::exchange(out.sql, {}) + (has_conditions ? " AND " : " WHERE ");
    for (const auto& v : by.each.one_of) {
        if (!out.sql.empty()) out.sql += " UNION ALL ";
        out.sql += run;
        append_literal_condition(out.sql, in, from, {.column = by.each.column, .one_of = {v}});
    }
    return out;
}

void append_order_and_page(statement_text& out, const dialect& in, const table& from, const query& what,
                           std::string_view ordinal) {
    const std::string way = what.order == direction::ascending ? " ASC" : " DESC";
    out.sql += " ORDER BY ";
    if (what.range && what.order_by_range) out.sql += quoted(from.columns[*what.range].name) + way + ", ";
    out.sql.append(ordinal).append(way).append(" LIMIT ");
    append_parameter(out, in, static_cast<std::int64_t>(std::min(what.limit, select_rows_max)));
    if (what.offset > 0) {
        constexpr std::size_t offset_max = std::numeric_limits<std::int64_t>::max();
        out.sql += " OFFSET ";
        append_parameter(out, in, static_cast<std::int64_t>(std::min(what.offset, offset_max)));
    }
}

}  // namespace

statement_text select_text(const dialect& in, const table& from, const query& what) {
    const auto* use = index_to_use(from, what.where, what.range, what.order_by_range);
    const auto by = use && use->unique ? std::nullopt : runs_of(from, what);
    if (!by) {
        auto out = unordered_text(in, from, what, column_list(from, what.columns), use, nullptr);
        append_order_and_page(out, in, from, what, ordinal_of(from));
        return out;
    }
    auto out = merged_text(in, from, what, *by);
    append_order_and_page(out, in, from, what, page_ordinal);
    out.sql = "SELECT " + column_list(from, what.columns) + " FROM (" + out.sql +
              ") AS \"page\" CROSS JOIN " + quoted(from.name) + " WHERE " + ordinal_of(from) + " = " +
              std::string(page_ordinal);
    out.ordered = false;
    return out;
}

statement_text select_ordinals_text(const dialect& in, const table& from, const query& what) {
    const auto* use = index_to_use(from, what.where, what.range, what.order_by_range);
    const auto by = use && use->unique ? std::nullopt : runs_of(from, what);
    auto out = by ? merged_text(in, from, what, *by)
                  : unordered_text(in, from, what, ordinal_of(from), use, nullptr);
    append_order_and_page(out, in, from, what, by ? page_ordinal : std::string_view(ordinal_of(from)));
    return out;
}

statement_text count_text(const dialect& in, const table& of, std::span<const condition> where) {
    statement_text out{.sql = "SELECT count(*)"};
    append_source(out.sql, in, of, index_to_use(of, where, {}, false));
    condition_list conditions(out, in, of);
    for (const auto& c : where) conditions.add(c);
    return out;
}

}  // namespace statetrack::sql
