// Selecting and counting: the conditions as SQL, and the index that answers them.
#include <algorithm>
#include <limits>
#include <utility>

#include "index_runs.hpp"
#include "sql/verb_text.hpp"

namespace statetrack::sql {
namespace {

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
            if (!index->parts.empty() && index->parts.front() == *range) return index;
    return nullptr;
}

void append_source(std::string& out, const dialect& in, const table& of, const index_description* use) {
    out += " FROM " + quoted(of.name);
    if (use && !in.index_hint.empty()) out.append(in.index_hint).append(quoted(use->name));
}

// Joins conditions by AND.
class condition_list {
public:
    condition_list(statement_text& out, const dialect& in, const table& of, bool goes_on = false)
        : out_(out), in_(in), of_(of), empty_(!goes_on) {}

    // All but the one, if any, that the caller sees to.
    void add(std::span<const condition> where, const condition* left_out) {
        for (std::size_t at = 0; at < where.size(); ++at) {
            if (&where[at] == left_out) continue;
            next();
            if (in_some_predicate(of_, where[at]))
                append_literal_condition(out_.sql, in_, of_, where[at]);
            else
                append_bound_condition(out_, in_, of_, where, at);
        }
    }
    void add(std::string_view quoted_column, std::string_view comparison, parameter::source to) {
        next();
        out_.sql.append(quoted_column).append(comparison);
        append_parameter(out_, in_, {.from = to});
    }
    void add_not_null(std::string_view quoted_column) {
        next();
        out_.sql.append(quoted_column).append(" IS NOT NULL");
    }
    void add_written_out(const condition& c) {
        next();
        append_literal_condition(out_.sql, in_, of_, c);
    }
    // What the query implies, but no database sees: of the index's predicate all that it does not say itself.
    void add_predicate(const index_description& index, std::span<const condition> where,
                       const condition* left_out) {
        for (const auto& part : index.where) {
            const auto says_it = [&](const condition& c) {
                return &c != left_out && same_condition(part, c);
            };
            if (std::ranges::none_of(where, says_it)) add_written_out(part);
        }
    }

private:
    void next() {
        out_.sql += empty_ ? " WHERE " : " AND ";
        empty_ = false;
    }

    statement_text& out_;
    const dialect& in_;
    const table& of_;
    bool empty_;
};

void append_conditions(condition_list& to, const table& from, const query& what, const condition* left_out) {
    using enum parameter::source;
    to.add(what.where, left_out);
    if (what.range) {
        const auto range = quoted(from.columns[*what.range].name);
        if (what.min) to.add(range, " >= ", min);
        if (what.max) to.add(range, " <= ", max);
        if (!what.min && !what.max) to.add_not_null(range);
    }
    const std::string_view beyond = what.order == direction::ascending ? " > " : " < ";
    if (what.after) to.add(ordinal_of(from), beyond, after);
}

// How the rows are come by: one way, by an index or as the planner likes; or by runs that are merged.
struct access {
    const index_description* index = nullptr;
    const condition* left_out = nullptr;  // which the index's predicate says
    std::optional<index_runs> merged{};
};

access access_to(const table& of, std::span<const condition> where, std::optional<std::size_t> range,
                 bool order_by_range) {
    const auto* use = index_to_use(of, where, range, order_by_range);
    if (range || (use && use->unique)) return {.index = use};
    auto runs = runs_of(of, where);
    if (!runs) return {.index = use};
    if (runs->count() > 1) return {.merged = std::move(runs)};
    const auto& only = runs->parts.front();
    return {.index = only.index, .left_out = only.whole ? runs->asked : nullptr};
}

// Without order and limit.
statement_text one_way_text(const dialect& in, const table& from, const query& what,
                            const std::string& columns, const access& by) {
    statement_text out{.sql = "SELECT " + columns};
    append_source(out.sql, in, from, by.index);
    condition_list conditions(out, in, from);
    append_conditions(conditions, from, what, by.left_out);
    if (by.index) conditions.add_predicate(*by.index, what.where, by.left_out);
    return out;
}

constexpr std::string_view page_ordinal = "\"page_ordinal\"";

// The query's conditions stand in each run, with their parameters under the same numbers. What is merged are
// ordinals, which the indexes have: whole rows would be copied at every merger.
statement_text merged_text(const dialect& in, const table& from, const query& what, const index_runs& by) {
    statement_text out;
    condition_list shared(out, in, from);
    append_conditions(shared, from, what, by.asked);
    const std::string conditions = std::exchange(out.sql, {});
    const auto add_run = [&](const index_run& part, const std::vector<value>& values) {
        if (!out.sql.empty()) out.sql += " UNION ALL ";
        out.sql += "SELECT " + ordinal_of(from) + " AS " + std::string(page_ordinal);
        append_source(out.sql, in, from, part.index);
        out.sql += conditions;
        condition_list own(out, in, from, !conditions.empty());
        own.add_predicate(*part.index, what.where, by.asked);
        if (!part.whole) own.add_written_out({.column = by.by, .one_of = values});
    };
    for (const auto& part : by.parts) {
        if (!part.by_part)
            add_run(part, part.of);
        else
            for (const auto& v : part.of) add_run(part, {v});
    }
    return out;
}

void append_order_and_page(statement_text& out, const dialect& in, const table& from, const query& what,
                           std::string_view ordinal) {
    const std::string way = what.order == direction::ascending ? " ASC" : " DESC";
    out.sql += " ORDER BY ";
    if (what.range && what.order_by_range) out.sql += quoted(from.columns[*what.range].name) + way + ", ";
    out.sql.append(ordinal).append(way).append(" LIMIT ");
    append_parameter(out, in, {.from = parameter::source::limit});
    if (what.offset > 0) {
        out.sql += " OFFSET ";
        append_parameter(out, in, {.from = parameter::source::offset});
    }
}

}  // namespace

std::int64_t number_of(const query& what, parameter::source from) {
    const auto bounded = [](std::size_t n, std::size_t n_max) {
        return static_cast<std::int64_t>(std::min(n, n_max));
    };
    switch (from) {
        case parameter::source::min:
            return what.min.value_or(0);
        case parameter::source::max:
            return what.max.value_or(0);
        case parameter::source::after:
            return what.after.value_or(0);
        case parameter::source::limit:
            return bounded(what.limit, select_rows_max);
        case parameter::source::offset:
            return bounded(what.offset, std::numeric_limits<std::int64_t>::max());
        case parameter::source::value:
            break;
    }
    return 0;
}

statement_text select_text(const dialect& in, const table& from, const query& what) {
    const auto by = access_to(from, what.where, what.range, what.order_by_range);
    if (!by.merged) {
        auto out = one_way_text(in, from, what, column_list(from, what.columns), by);
        append_order_and_page(out, in, from, what, ordinal_of(from));
        return out;
    }
    auto out = merged_text(in, from, what, *by.merged);
    append_order_and_page(out, in, from, what, page_ordinal);
    out.sql = "SELECT " + column_list(from, what.columns) + " FROM (" + out.sql +
              ") AS \"page\" CROSS JOIN " + quoted(from.name) + " WHERE " + ordinal_of(from) + " = " +
              std::string(page_ordinal);
    out.ordered = false;
    return out;
}

statement_text select_ordinals_text(const dialect& in, const table& from, const query& what) {
    const auto by = access_to(from, what.where, what.range, what.order_by_range);
    auto out = by.merged ? merged_text(in, from, what, *by.merged)
                         : one_way_text(in, from, what, ordinal_of(from), by);
    append_order_and_page(out, in, from, what, by.merged ? page_ordinal : std::string_view(ordinal_of(from)));
    return out;
}

// What is counted is in no order: in one index no value needs a run of its own, and what several indexes have
// is added up.
statement_text count_text(const dialect& in, const table& of, std::span<const condition> where) {
    const auto by = access_to(of, where, {}, false);
    statement_text out{.sql = "SELECT "};
    const auto add_count = [&](const index_description* use, const condition* left_out,
                               const condition* instead) {
        out.sql += "count(*)";
        append_source(out.sql, in, of, use);
        condition_list conditions(out, in, of);
        conditions.add(where, left_out);
        if (use) conditions.add_predicate(*use, where, left_out);
        if (instead) conditions.add_written_out(*instead);
    };
    if (!by.merged || by.merged->parts.size() == 1) {
        add_count(by.merged ? by.merged->parts.front().index : by.index, by.left_out, nullptr);
        return out;
    }
    out.sql.clear();
    for (const auto& part : by.merged->parts) {
        out.sql += out.sql.empty() ? "SELECT (SELECT " : " + (SELECT ";
        const condition values{.column = by.merged->by, .one_of = part.of};
        add_count(part.index, by.merged->asked, part.whole ? nullptr : &values);
        out.sql += ')';
    }
    return out;
}

}  // namespace statetrack::sql
