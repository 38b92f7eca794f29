// One tally of a table in memory: how many rows there are of each combination of values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>

#include "statetrack/table.hpp"

namespace statetrack::memory {

class kept_tally {
public:
    explicit kept_tally(tally what) : what_(std::move(what)) {}

    bool depends_on(std::size_t column) const;
    void add(const row& values, std::int64_t by);
    // Nothing where the conditions are not just this tally's columns and its own `where`.
    std::optional<std::int64_t> count(std::span<const condition> where) const;

private:
    std::int64_t sum(std::span<const condition* const> by_column, row& combination) const;

    tally what_;
    std::map<row, std::int64_t> counts_;
};

}  // namespace statetrack::memory
