// Which indexes have the rows of a query, told from their descriptions: for every backend, whatever its
// indexes look like. Searches nothing itself.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "statetrack/table.hpp"

namespace statetrack {

// The query's condition on the column, where it comes out as one or more values that are not null.
const condition* equality_on(const table& of, std::span<const condition> where, std::size_t column);

// Whether `needed` holds for every row that the conditions and the range (which no null is in) let through.
bool is_implied(const table& of, const condition& needed, std::span<const condition> where,
                std::optional<std::size_t> range);
// Whether the index has every such row.
bool holds_all(const index_description& index, const table& of, std::span<const condition> where,
               std::optional<std::size_t> range);

// Rows that one index has, under one value of each of its parts but for a last one that tells them apart.
struct index_run {
    const index_description* index = nullptr;
    std::vector<value> of{};  // what those that are wanted have in the column that tells them apart
    bool by_part = false;     // that is its last part: each value is a run of its own. Else all are one run,
    bool whole = false;       // that nothing else is in; or (not whole) that has to be looked through
};

// An enumeration tells rows apart: a project's sessions by their states, say. Each of its values that the
// query can find is in one of these parts, whose runs are in the order of insertion. Merged, they are in that
// order without having been sorted.
struct index_runs {
    std::size_t by = 0;                // the enumeration
    const condition* asked = nullptr;  // the query's own condition on it, where it has one
    std::vector<index_run> parts{};

    std::size_t count() const;
};

// Nothing where a walk through all rows, one row's key or a plain index is better.
std::optional<index_runs> runs_of(const table& of, std::span<const condition> where);

}  // namespace statetrack
