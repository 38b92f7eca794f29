// Rows kept in memory under their key, packed, within a bound of bytes: a heartbeat asks for its session's
// row, and asking SQLite costs more than everything else that it does.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "statetrack/storage.hpp"

namespace statetrack::sqlite {

// Two generations, each of half the bound: what is used moves into the young one; when that is full it
// becomes the old one, and what was left in the old one goes. Not safe to share between threads without a
// lock of the owner's.
class warm_rows {
public:
    // Rows of `of`, whose key is a uuid.
    warm_rows(const table& of, std::size_t bytes_max) : of_(of), bytes_max_(bytes_max) {}

    const table& of() const noexcept { return of_; }
    std::optional<stored_row> find(const uuid& key);
    std::optional<std::int64_t> ordinal_of(const uuid& key);
    void keep(const uuid& key, const stored_row& found);
    void forget(const uuid& key);
    std::size_t size() const noexcept { return young_.rows.size() + old_.rows.size(); }

private:
    using packed = std::unique_ptr<char[]>;  // its size, then the row
    struct generation {
        boost::unordered_flat_map<uuid, packed, std::hash<uuid>> rows{};
        std::size_t bytes = 0;
    };
    const char* look_up(const uuid& key);
    void put(const uuid& key, packed row);

    const table& of_;
    std::size_t bytes_max_;
    generation young_, old_;
    std::string scratch_;
};

}  // namespace statetrack::sqlite
