// What a unit has read of tables whose rows are not kept in memory. It mostly writes one of these next, and
// what it writes changes the counts by what was there before.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>

#include "statetrack/storage.hpp"

namespace statetrack::sqlite {

class seen_rows {
public:
    // A row with all its columns, as it is now.
    void saw(const table& in, const stored_row& one) {
        const auto* key = std::get_if<uuid>(&one.values[in.key]);
        if (key && rows_.size() < rows_max) rows_.insert_or_assign(*key, seen{&in, one});
    }

    // As the unit has left it.
    std::optional<stored_row> find(const table& in, const value& key) const {
        const auto* id = std::get_if<uuid>(&key);
        const auto found = id ? rows_.find(*id) : rows_.end();
        if (found == rows_.end() || found->second.in != &in) return std::nullopt;
        return found->second.row;
    }

    void wrote(const table& in, const value& key, std::span<const assignment> changes) {
        const auto* id = std::get_if<uuid>(&key);
        const auto found = id ? rows_.find(*id) : rows_.end();
        if (found == rows_.end() || found->second.in != &in) return;
        for (const auto& one : changes) {
            if (one.column == in.key) return forget();
            found->second.row.values[one.column] = one.to;
        }
    }

    // What has become of them is not known.
    void forget() { rows_.clear(); }

private:
    static constexpr std::size_t rows_max = 1'024;

    struct seen {
        const table* in = nullptr;
        stored_row row;
    };

    boost::unordered_flat_map<uuid, seen, std::hash<uuid>> rows_;
};

}  // namespace statetrack::sqlite
