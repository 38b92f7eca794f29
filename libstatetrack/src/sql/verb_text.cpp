#include "sql/verb_text.hpp"

#include <algorithm>
#include <limits>

namespace statetrack::sql {
namespace {

std::string column_list(const table& from) {
    std::string text = ordinal_of(from);
    for (const auto& c : from.columns) text += ", " + quoted(c.name);
    return text;
}

std::string where_is(const dialect& in, const std::string& quoted_column, std::size_t parameter) {
    std::string text = " WHERE " + quoted_column + " = ";
    append_placeholder(text, in, parameter);
    return text;
}

std::string where_key(const dialect& in, const table& of, std::size_t parameter) {
    return where_is(in, quoted(of.columns[of.key].name), parameter);
}

std::string update_text(const dialect& in, const table& of, std::span<const std::size_t> columns) {
    std::string text = "UPDATE " + quoted(of.name) + " SET ";
    std::size_t number = 0;
    for (const auto column : columns) {
        if (number > 0) text += ", ";
        text += quoted(of.columns[column].name) + " = ";
        append_placeholder(text, in, ++number);
    }
    return text;
}

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

}  // namespace

std::string find_text(const dialect& in, const table& from) {
    return "SELECT " + column_list(from) + " FROM " + quoted(from.name) + where_key(in, from, 1);
}

std::string ordinal_text(const dialect& in, const table& from) {
    return "SELECT " + ordinal_of(from) + " FROM " + quoted(from.name) + where_key(in, from, 1);
}

std::string erase_text(const dialect& in, const table& from) {
    return "DELETE FROM " + quoted(from.name) + where_key(in, from, 1);
}

std::string insert_text(const dialect& in, const table& into) {
    std::string columns, values;
    std::size_t number = 0;
    for (std::size_t i = 0; i < into.columns.size(); ++i) {
        if (into.key_is_ordinal && i == into.key) continue;
        if (number > 0) {
            columns += ", ";
            values += ", ";
        }
        columns += quoted(into.columns[i].name);
        append_placeholder(values, in, ++number);
    }
    return "INSERT INTO " + quoted(into.name) + " (" + columns + ") VALUES (" + values + ")";
}

std::string patch_text(const dialect& in, const table& of, column_mask changed, bool versioned) {
    std::vector<std::size_t> columns;
    for (std::size_t i = 0; i < of.columns.size(); ++i)
        if (changed >> i & 1) columns.push_back(i);
    std::string text = update_text(in, of, columns) + where_key(in, of, columns.size() + 1);
    if (versioned) {
        text += " AND " + quoted(of.columns[*of.version].name) + " = ";
        append_placeholder(text, in, columns.size() + 2);
    }
    return text;
}

std::string fold_text(const dialect& in, const table& of) {
    return update_text(in, of, of.beat_columns) + where_is(in, ordinal_of(of), of.beat_columns.size() + 1) +
           " RETURNING " + quoted(of.columns[of.key].name);
}

statement_text select_text(const dialect& in, const table& from, const query& what) {
    statement_text out{.sql = "SELECT " + column_list(from)};
    append_source(out.sql, in, from, index_to_use(from, what.where, what.range, what.order_by_range));
    condition_list conditions(out, in, from);
    for (const auto& c : what.where) conditions.add(c);
    std::string range;
    if (what.range) {
        range = quoted(from.columns[*what.range].name);
        if (what.min) conditions.add(range, " >= ", *what.min);
        if (what.max) conditions.add(range, " <= ", *what.max);
        if (!what.min && !what.max) conditions.add_not_null(range);
    }
    const bool up = what.order == direction::ascending;
    const std::string ordinal = ordinal_of(from);
    if (what.after) conditions.add(ordinal, up ? " > " : " < ", *what.after);
    const std::string way = up ? " ASC" : " DESC";
    out.sql += " ORDER BY ";
    if (what.range && what.order_by_range) out.sql += range + way + ", ";
    out.sql += ordinal + way + " LIMIT ";
    append_parameter(out, in, static_cast<std::int64_t>(std::min(what.limit, select_rows_max)));
    if (what.offset > 0) {
        constexpr std::size_t offset_max = std::numeric_limits<std::int64_t>::max();
        out.sql += " OFFSET ";
        append_parameter(out, in, static_cast<std::int64_t>(std::min(what.offset, offset_max)));
    }
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
