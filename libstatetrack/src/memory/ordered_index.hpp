// One index of a table in memory: an ordered set of (values of its parts, ordinal).
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "statetrack/table.hpp"

namespace statetrack::memory {

inline constexpr auto lowest = std::numeric_limits<std::int64_t>::min();
inline constexpr auto highest = std::numeric_limits<std::int64_t>::max();

struct index_entry {
    row parts;
    std::int64_t ordinal = 0;

    friend auto operator<=>(const index_entry&, const index_entry&) = default;
};

// A run of entries, in the order of the parts that vary in it, then of the ordinals.
struct index_span {
    std::set<index_entry>::const_iterator begin;
    std::set<index_entry>::const_iterator end;
};

class ordered_index {
public:
    explicit ordered_index(index_description what) : what_(std::move(what)) {}

    const index_description& what() const noexcept { return what_; }
    bool depends_on(std::size_t column) const;

    void add(std::int64_t ordinal, const row& values);
    void remove(std::int64_t ordinal, const row& values);
    // Whether a row other than `self` holds what these values would hold in a unique index.
    bool taken(const row& values, std::optional<std::int64_t> self) const;

    // The entries of one combination of values, with ordinals from..to.
    index_span equal(const row& parts, std::int64_t from, std::int64_t to) const;
    // The entries that begin with the prefix and whose last part is a number in min..max.
    index_span between(row prefix, std::int64_t min, std::int64_t max) const;

private:
    std::optional<row> parts_of(const row& values) const;

    index_description what_;
    std::set<index_entry> entries_;
};

}  // namespace statetrack::memory
