// A condition as SQL, its values either bound or written out.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "sql/dialect.hpp"
#include "statetrack/table.hpp"

namespace statetrack::sql {

// A value to bind: one of the caller's, which must outlive the use, for a column; or a number of our own.
struct column_value {
    const column* of = nullptr;
    const value* v = nullptr;
};
using parameter = std::variant<column_value, std::int64_t>;

// A statement and what goes into its placeholders, in order.
struct statement_text {
    std::string sql;
    std::vector<parameter> parameters{};
    bool ordered = true;  // the rows come in the order asked for
};

void append_placeholder(std::string& out, const dialect& in, std::size_t number);
void append_parameter(statement_text& out, const dialect& in, parameter p);

// With the values written out: for schemas. `prefix` stands before the column (`NEW.`). Never from outside:
// the values are those of a description.
void append_literal_condition(std::string& out, const dialect& in, const table& of, const condition& c,
                              std::string_view prefix = {});
// One or more, joined by AND.
std::string literal_conditions(const dialect& in, const table& of, std::span<const condition> conditions,
                               std::string_view prefix = {});

// With the values bound.
void append_bound_condition(statement_text& out, const dialect& in, const table& of, const condition& c);

// Same column, same direction, same set of values.
bool same_condition(const condition& a, const condition& b);
// Whether `c` is part of some partial index's predicate. Such a condition is written out, for a planner
// matches predicates when it prepares, not when values are bound.
bool in_some_predicate(const table& of, const condition& c);

}  // namespace statetrack::sql
