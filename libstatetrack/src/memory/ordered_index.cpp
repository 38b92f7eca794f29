#include "memory/ordered_index.hpp"

#include <algorithm>

namespace statetrack::memory {
bool ordered_index::depends_on(std::size_t column) const {
    return std::ranges::find(what_.parts, column) != what_.parts.end() ||
           std::ranges::any_of(what_.where, [&](const auto& one) { return one.column == column; });
}

std::optional<row> ordered_index::parts_of(const row& values) const {
    if (!meets(values, what_.where)) return std::nullopt;
    row parts;
    parts.reserve(what_.parts.size());
    for (const auto part : what_.parts) parts.push_back(values[part]);
    return parts;
}

void ordered_index::add(std::int64_t ordinal, const row& values) {
    if (auto parts = parts_of(values)) entries_.insert({std::move(*parts), ordinal});
}

void ordered_index::remove(std::int64_t ordinal, const row& values) {
    if (auto parts = parts_of(values)) entries_.erase({std::move(*parts), ordinal});
}

bool ordered_index::taken(const row& values, std::optional<std::int64_t> self) const {
    if (!what_.unique) return false;
    const auto parts = parts_of(values);
    // As in SQL, nulls are equal to nothing: a row with one collides with none.
    if (!parts || std::ranges::any_of(*parts, is_null)) return false;
    const auto [begin, end] = equal(*parts, lowest, highest);
    return std::any_of(begin, end, [&](const index_entry& entry) { return entry.ordinal != self; });
}

index_span ordered_index::equal(const row& parts, std::int64_t from, std::int64_t to) const {
    if (from > to) return {entries_.end(), entries_.end()};
    return {entries_.lower_bound({parts, from}), entries_.upper_bound({parts, to})};
}

index_span ordered_index::between(row prefix, std::int64_t min, std::int64_t max) const {
    if (min > max) return {entries_.end(), entries_.end()};
    index_entry bound{std::move(prefix), lowest};
    bound.parts.emplace_back(min);
    const auto begin = entries_.lower_bound(bound);
    bound.parts.back() = max;
    bound.ordinal = highest;
    return {begin, entries_.upper_bound(bound)};
}

}  // namespace statetrack::memory
