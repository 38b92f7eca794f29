// A condition as SQL, its values either bound or written out.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sql/dialect.hpp"
#include "statetrack/table.hpp"

namespace statetrack::sql {

// What goes into a placeholder: a value of one of the query's conditions, or a number of its own.
struct parameter {
    enum class source : std::uint8_t { value, min, max, after, limit, offset };
    source from = source::value;
    // Of a value: the condition's place among the query's, and its own in the condition.
    std::size_t condition = 0;
    std::size_t place = 0;
};

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

// The one at this place, with the values bound.
void append_bound_condition(statement_text& out, const dialect& in, const table& of,
                            std::span<const condition> where, std::size_t at);

// Same column, same direction, same set of values.
bool same_condition(const condition& a, const condition& b);
// Whether `c` is part of some partial index's predicate. Such a condition is written out, for a planner
// matches predicates when it prepares, not when values are bound.
bool in_some_predicate(const table& of, const condition& c);

}  // namespace statetrack::sql
