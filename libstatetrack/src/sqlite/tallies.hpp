// Where the counts stand that the store keeps: all in one table. Which tally, the values that it counts (in
// their stored form, as SQL literals with commas between, which keeps apart what differs), how many. The
// writer adds to them what a group has changed (tally_batch).
#pragma once

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sqlite/name_book.hpp"
#include "statetrack/table.hpp"

namespace statetrack::sqlite {

inline constexpr std::string_view tallies_name = "tallies";
// Parameters: the tally's number, the key.
inline constexpr std::string_view tally_text =
    "SELECT \"n\" FROM \"tallies\" WHERE \"tally\" = ?1 AND \"key\" = ?2";

std::string create_tallies();
// Counts the rows that are there already into empty tallies.
std::vector<std::string> fill_tallies(const table& of);

struct tally_entry {
    std::int64_t tally = 0;
    std::string key{};

    friend bool operator==(const tally_entry&, const tally_entry&) = default;
};
struct tally_entry_hash {
    std::size_t operator()(const tally_entry& e) const noexcept {
        return std::hash<std::string>{}(e.key) ^ (static_cast<std::size_t>(e.tally) * 0x9E3779B97F4A7C15u);
    }
};

// The tallies that have few entries however many rows there are: one for each combination of enumerators.
const std::vector<std::int64_t>& tallies_with_few_entries();
// The values of a row where they lie.
using values_lying = boost::container::small_vector<const value*, 32>;
// Where the row is counted, by the tally at this place among the table's.
tally_entry entry_of(const table& of, std::size_t place, std::span<const value* const> values,
                     const name_book& names);
// Whose sum is this count; nothing where no tally has exactly these columns.
std::optional<std::vector<tally_entry>> tally_entries(const table& of, std::span<const condition> where,
                                                      const name_book& names);

}  // namespace statetrack::sqlite
