// The seam's rules once more, as plainly as they can be written: filters over all rows, constraints checked
// by looking at every row. What the suite holds a store against; far too slow for anything else.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "statetrack/storage.hpp"

namespace statetrack::testing {

// Numbers that repeat for a seed (splitmix64).
class dice {
public:
    explicit dice(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next();
    // 0..sides-1
    std::size_t roll(std::size_t sides) { return static_cast<std::size_t>(next() % sides); }
    bool one_in(std::size_t n) { return roll(n) == 0; }
    template <class List>
    const auto& any_of(const List& list) {
        return list[roll(list.size())];
    }

private:
    std::uint64_t state_;
};

std::vector<stored_row> naive_select(std::vector<stored_row> all, const query& what);
std::int64_t naive_count(const std::vector<stored_row>& all, std::span<const condition> where);

class naive_tables {
public:
    std::vector<stored_row> all(const table& in) const;
    const row* find(const table& in, const value& key) const;

    // What writing the row would break: a store may name any of them.
    std::set<errc> broken_by(const table& in, const row& values, std::optional<std::int64_t> self) const;
    void put(const table& in, std::int64_t ordinal, row values) { rows_[in.id][ordinal] = std::move(values); }
    std::optional<std::int64_t> ordinal_of(const table& in, const value& key) const;
    void erase(const table& in, const value& key);

private:
    bool collides(const table& in, const index_description& index, const row& values,
                  std::optional<std::int64_t> self) const;

    std::map<std::size_t, std::map<std::int64_t, row>> rows_;
};

}  // namespace statetrack::testing
