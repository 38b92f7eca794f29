// Counts kept by triggers, whatever changes the rows: verbs, cascades, a person with the sqlite3 shell. All
// in one table: which tally, the values that it counts (as a JSON array, which keeps apart what differs), how
// many.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sql/condition_text.hpp"
#include "statetrack/table.hpp"

namespace statetrack::sqlite {

inline constexpr std::string_view tallies_name = "tallies";

std::string create_tallies();
struct trigger {
    std::string name;
    std::string sql;
};
// The triggers that keep the table's tallies.
std::vector<trigger> tally_triggers(const table& of);
// Counts the rows that are there already into empty tallies.
std::vector<std::string> fill_tallies(const table& of);

// How to read this count from a tally; nothing where no tally has exactly these columns.
std::optional<sql::statement_text> tally_text(const table& of, std::span<const condition> where);

}  // namespace statetrack::sqlite
