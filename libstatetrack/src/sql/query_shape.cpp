#include "sql/query_shape.hpp"

#include <algorithm>
#include <optional>

namespace statetrack::sql {
namespace {

void add_number(std::string& to, std::size_t n) { to.append(reinterpret_cast<const char*>(&n), sizeof n); }

// Its place among the values that predicates name of the column: by these an index answers, or does not, and
// they are written out.
std::optional<std::size_t> place_in_predicates(const table& of, std::size_t column, const value& v) {
    std::size_t before = 0;
    for (const auto& index : of.indexes) {
        for (const auto& part : index.where) {
            if (part.column != column) continue;
            const auto at = std::ranges::find(part.one_of, v);
            if (at != part.one_of.end()) return before + static_cast<std::size_t>(at - part.one_of.begin());
            before += part.one_of.size();
        }
    }
    return std::nullopt;
}

// All that a text can tell of a value: of an enumerator which one, for each has rows in other indexes.
void add_value(std::string& to, const table& of, std::size_t column, const value& v) {
    const auto& names = of.columns[column].enumerators;
    if (is_null(v)) {
        to += 'n';
    } else if (!admits(of.columns[column], v)) {
        to += 'x';
    } else if (!names.empty()) {
        to += 'e';
        add_number(to, static_cast<std::size_t>(std::ranges::find(names, text_of(v)) - names.begin()));
    } else if (const auto place = place_in_predicates(of, column, v)) {
        to += 'p';
        add_number(to, *place);
    } else {
        to += 'v';
    }
}

void add_condition(std::string& to, const table& of, const condition& c) {
    add_number(to, c.column);
    add_number(to, c.one_of.size());
    to += c.negated ? '!' : '=';
    for (const auto& v : c.one_of) add_value(to, of, c.column, v);
}

}  // namespace

std::string shape_of(const table& from, std::span<const condition> where) {
    std::string shape;
    add_number(shape, from.id);
    add_number(shape, where.size());
    for (const auto& c : where) add_condition(shape, from, c);
    return shape;
}

std::string shape_of(const table& from, const query& what) {
    std::string shape = shape_of(from, what.where);
    add_number(shape, what.range.value_or(from.columns.size()));
    for (const bool yes : {what.min.has_value(), what.max.has_value(), what.order_by_range,
                           what.order == direction::ascending, what.after.has_value(), what.offset > 0})
        shape += yes ? '1' : '0';
    for (const auto column : what.columns) add_number(shape, column);
    return shape;
}

}  // namespace statetrack::sql
