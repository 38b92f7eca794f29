// Where SQL databases differ from each other: types, literals, placeholders, hints. Everything else in sql/
// is written once for all of them.
#pragma once

#include <string>
#include <string_view>

#include "statetrack/table.hpp"

namespace statetrack::sql {

struct dialect {
    std::string_view ordinal_type;   // of the hidden column that numbers the rows, "... PRIMARY KEY" included
    std::string_view table_options;  // after the closing parenthesis of CREATE TABLE
    char placeholder = '?';          // followed by the parameter's number, from 1
    std::string_view
        index_hint{};  // between a table and the index to use for it; empty: there is no such hint
    std::string_view (*type_of)(const column& of) = nullptr;
    // A value of the column as the database keeps it.
    void (*append_literal)(std::string& out, const column& of, const value& v) = nullptr;
    // What the type itself does not refuse, as a boolean expression; empty where there is nothing to check.
    // Of an enumeration: that it is one of its values; empty where they are texts, to be compared one by one.
    std::string (*type_check)(const column& of, std::string_view quoted_column) = nullptr;
};

// The name of the hidden column that numbers the rows.
inline constexpr std::string_view ordinal_name = "ordinal";

// "name", with every quote inside doubled.
std::string quoted(std::string_view name);
// The column that numbers the rows of this table: its key where the key is the ordinal, else the hidden one.
std::string ordinal_of(const table& in);

}  // namespace statetrack::sql
