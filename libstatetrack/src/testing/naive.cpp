#include "testing/naive.hpp"

#include <algorithm>

namespace statetrack::testing {

std::uint64_t dice::next() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15ULL;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
}

std::vector<stored_row> naive_select(std::vector<stored_row> all, const query& what) {
    const bool up = what.order == direction::ascending;
    std::erase_if(all, [&](const stored_row& one) {
        if (!meets(one.values, what.where)) return true;
        if (what.after && (up ? one.ordinal <= *what.after : one.ordinal >= *what.after)) return true;
        if (!what.range) return false;
        const auto* n = std::get_if<std::int64_t>(&one.values[*what.range]);
        return !n || (what.min && *n < *what.min) || (what.max && *n > *what.max);
    });
    std::ranges::sort(all, [&](const stored_row& a, const stored_row& b) {
        if (what.order_by_range && what.range && a.values[*what.range] != b.values[*what.range])
            return up ? a.values[*what.range] < b.values[*what.range]
                      : b.values[*what.range] < a.values[*what.range];
        return up ? a.ordinal < b.ordinal : b.ordinal < a.ordinal;
    });
    const std::size_t begin = std::min(what.offset, all.size());
    const std::size_t length = std::min({what.limit, select_rows_max, all.size() - begin});
    return {all.begin() + static_cast<std::ptrdiff_t>(begin),
            all.begin() + static_cast<std::ptrdiff_t>(begin + length)};
}

std::int64_t naive_count(const std::vector<stored_row>& all, std::span<const condition> where) {
    return std::ranges::count_if(all, [&](const stored_row& one) { return meets(one.values, where); });
}

std::vector<stored_row> naive_tables::all(const table& in) const {
    std::vector<stored_row> rows;
    if (const auto at = rows_.find(in.id); at != rows_.end())
        for (const auto& [ordinal, values] : at->second) rows.push_back({ordinal, values});
    return rows;
}

std::optional<std::int64_t> naive_tables::ordinal_of(const table& in, const value& key) const {
    for (const auto& one : all(in))
        if (one.values[in.key] == key) return one.ordinal;
    return std::nullopt;
}

const row* naive_tables::find(const table& in, const value& key) const {
    const auto ordinal = ordinal_of(in, key);
    return ordinal ? &rows_.at(in.id).at(*ordinal) : nullptr;
}

bool naive_tables::collides(const table& in, const index_description& index, const row& values,
                            std::optional<std::int64_t> self) const {
    const auto parts_of = [&](const row& of) {
        row parts;
        for (const auto part : index.parts) parts.push_back(of[part]);
        return parts;
    };
    const row mine = parts_of(values);
    if (!index.unique || !meets(values, index.where) || std::ranges::any_of(mine, is_null)) return false;
    return std::ranges::any_of(all(in), [&](const stored_row& other) {
        return other.ordinal != self && meets(other.values, index.where) && parts_of(other.values) == mine;
    });
}

std::set<errc> naive_tables::broken_by(const table& in, const row& values,
                                       std::optional<std::int64_t> self) const {
    std::set<errc> broken;
    for (std::size_t i = 0; i < values.size(); ++i)
        if (!(in.key_is_ordinal && i == in.key) && !admits(in.columns[i], values[i]))
            broken.insert(errc::conflict);
    for (const auto& one : in.null_checks)
        if (is_null(values[one.column]) != meets(values, one.when)) broken.insert(errc::conflict);
    for (const auto& one : in.same_checks)
        if (meets(values, one.when) && values[one.column] != values[one.same_as])
            broken.insert(one.violation);
    if (!in.key_is_ordinal && collides(in, {.name = "key", .parts = {in.key}, .unique = true}, values, self))
        broken.insert(errc::already_exists);
    for (const auto& index : in.indexes)
        if (collides(in, index, values, self)) broken.insert(index.violation);
    for (const auto& to : in.references)
        for (const auto* other : schema())
            if (other->name == to.table && !is_null(values[to.column]) && !find(*other, values[to.column]))
                broken.insert(to.violation);
    return broken;
}

void naive_tables::erase(const table& in, const value& key) {
    const auto ordinal = ordinal_of(in, key);
    if (!ordinal) return;
    rows_[in.id].erase(*ordinal);
    for (const auto* other : schema())
        for (const auto& one : other->references)
            if (one.table == in.name)
                for (const auto& referent : all(*other))
                    if (referent.values[one.column] == key) erase(*other, referent.values[other->key]);
}

}  // namespace statetrack::testing
