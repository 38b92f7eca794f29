#include "sql/condition_text.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string_view>

namespace statetrack::sql {
namespace {

using append_value = std::function<void(std::string&, const value&)>;

// `column IN (a, b)`, or the same as a chain of comparisons.
enum class membership : std::uint8_t { list, chain };

// What the column can never hold is left out: databases would convert it, and find what does not match. Never
// unknown for a negated condition: a null is not one of the values, unless it is named.
void append_condition(std::string& out, std::string_view column, const struct column& of, const condition& c,
                      membership form, const append_value& append) {
    const auto is_used = [&](const value& v) { return !is_null(v) && admits(of, v); };
    const auto values = std::ranges::count_if(c.one_of, is_used);
    const bool names_null = std::ranges::any_of(c.one_of, is_null);
    if (values == 0) {
        if (names_null)
            out.append(column).append(c.negated ? " IS NOT NULL" : " IS NULL");
        else
            out += c.negated ? "1 = 1" : "1 = 0";
        return;
    }
    const bool or_null = of.nullable && names_null != c.negated;
    if (or_null) out += '(';
    const std::string compared = std::string(column) + (c.negated ? " <> " : " = ");
    const bool is_list = values > 1 && form == membership::list;
    if (values > 1 && !is_list) out += '(';
    out += is_list ? std::string(column) + (c.negated ? " NOT IN (" : " IN (") : compared;
    const std::string between = is_list ? ", " : (c.negated ? " AND " : " OR ") + compared;
    bool first = true;
    for (const auto& v : c.one_of) {
        if (!is_used(v)) continue;
        if (!first) out += between;
        first = false;
        append(out, v);
    }
    if (values > 1) out += ')';
    if (or_null) out.append(" OR ").append(column).append(" IS NULL)");
}

}  // namespace

void append_placeholder(std::string& out, const dialect& in, std::size_t number) {
    out += in.placeholder;
    out += std::to_string(number);
}

void append_parameter(statement_text& out, const dialect& in, parameter p) {
    out.parameters.push_back(p);
    append_placeholder(out.sql, in, out.parameters.size());
}

void append_literal_condition(std::string& out, const dialect& in, const table& of, const condition& c,
                              std::string_view prefix) {
    const auto& column = of.columns[c.column];
    // SQLite makes a table of a list of more than two, each time that it looks: for every row that is
    // checked.
    append_condition(out, std::string(prefix) + quoted(column.name), column, c, membership::chain,
                     [&](std::string& text, const value& v) { in.append_literal(text, column, v); });
}

std::string literal_conditions(const dialect& in, const table& of, std::span<const condition> conditions,
                               std::string_view prefix) {
    std::string text;
    for (const auto& c : conditions) {
        if (!text.empty()) text += " AND ";
        append_literal_condition(text, in, of, c, prefix);
    }
    return text;
}

void append_bound_condition(statement_text& out, const dialect& in, const table& of,
                            std::span<const condition> where, std::size_t at) {
    const auto& c = where[at];
    const auto& column = of.columns[c.column];
    append_condition(out.sql, quoted(column.name), column, c, membership::list,
                     [&](std::string&, const value& v) {
                         const auto place = static_cast<std::size_t>(&v - c.one_of.data());
                         append_parameter(out, in, {.condition = at, .place = place});
                     });
}

bool same_condition(const condition& a, const condition& b) {
    const auto holds = [](const std::vector<value>& values, const value& v) {
        return std::find(values.begin(), values.end(), v) != values.end();
    };
    const auto within = [&](const std::vector<value>& inner, const std::vector<value>& outer) {
        return std::all_of(inner.begin(), inner.end(), [&](const value& v) { return holds(outer, v); });
    };
    return a.column == b.column && a.negated == b.negated && within(a.one_of, b.one_of) &&
           within(b.one_of, a.one_of);
}

bool in_some_predicate(const table& of, const condition& c) {
    return std::any_of(of.indexes.begin(), of.indexes.end(), [&](const index_description& index) {
        return std::any_of(index.where.begin(), index.where.end(),
                           [&](const condition& part) { return same_condition(part, c); });
    });
}

}  // namespace statetrack::sql
