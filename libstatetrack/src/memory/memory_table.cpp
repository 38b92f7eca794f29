#include "memory/memory_table.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace statetrack::memory {
namespace {

bool touches(const auto& kept, std::span<const assignment> changes) {
    return std::ranges::any_of(changes, [&](const assignment& one) { return kept.depends_on(one.column); });
}

// Of a key.
std::uint64_t hash_of(const value_view& key) {
    if (const auto* id = std::get_if<uuid>(&key)) return std::hash<uuid>()(*id);
    if (const auto* text = std::get_if<std::string_view>(&key)) return std::hash<std::string_view>()(*text);
    if (const auto* number = std::get_if<std::int64_t>(&key)) return hash_of_number(*number);
    return 0;
}

}  // namespace

memory_table::memory_table(table what) : what_(std::move(what)), layout_(what_.columns) {
    indexes_.emplace_back(index_description{
        .name = "key", .parts = {what_.key}, .unique = true, .violation = errc::already_exists});
    for (const auto& one : what_.indexes) indexes_.emplace_back(one);
    for (const auto& one : what_.tallies) tallies_.emplace_back(one);
}

std::uint64_t memory_table::hash_at(place p) const { return hash_of(row_at(p).at(what_.key)); }

// There is nothing to take where all names of rows are used up (see slabs): as without memory, the end.
memory_table::place memory_table::put_row(std::int64_t ordinal, const row& values) {
    const place p = blocks_.take(packed_row::size_of(layout_, values)).value();
    packed_row::pack(blocks_.at(p), layout_, ordinal, values);
    by_key_.insert(hash_at(p), p, [this](place one) { return hash_at(one); });
    return p;
}

void memory_table::take_row(place p) {
    by_key_.erase(hash_at(p), p);
    blocks_.give_back(p);
}

std::optional<packed_row> memory_table::find(const value& key) const {
    const auto wanted = view_of(key);
    const auto at = by_key_.find(hash_of(wanted), [&](place p) { return row_at(p).at(what_.key) == wanted; });
    if (!at) return std::nullopt;
    return row_at(*at);
}

std::optional<std::int64_t> memory_table::ordinal_of(const value& key) const {
    const auto found = find(key);
    return found ? std::optional(found->ordinal()) : std::nullopt;
}

result<> memory_table::check(const row& values, std::optional<std::int64_t> self,
                             std::span<const assignment> changes) const {
    if (values.size() != what_.columns.size())
        return error(errc::conflict, std::string(what_.name) + " has another number of columns");
    for (std::size_t i = 0; i < values.size(); ++i)
        if (!admits(what_.columns[i], values[i]))
            return error(errc::conflict, std::string(what_.name) + "." + std::string(what_.columns[i].name) +
                                             " cannot hold that");
    for (const auto& one : what_.null_checks)
        if (is_null(values[one.column]) != meets(values, one.when))
            return error(errc::conflict, std::string(one.name));
    for (const auto& index : indexes_)
        if ((!self || touches(index, changes)) && index.taken(values, self))
            return error(index.what().violation,
                         std::string(what_.name) + ": " + std::string(index.what().name));
    for (const auto& one : what_.same_checks)
        if (meets(values, {&one.when, 1}) && values[one.column] != values[one.same_as])
            return error(one.violation, std::string(what_.name) + ": " + std::string(one.name));
    return {};
}

void memory_table::put(std::int64_t ordinal, const row& values) noexcept {
    for (auto& index : indexes_) index.add(ordinal, values);
    for (auto& tally : tallies_) tally.add(values, 1);
    rows_.emplace(ordinal, put_row(ordinal, values));
    ordinal_last_ = std::max(ordinal_last_, ordinal);
}

row memory_table::take(std::int64_t ordinal) noexcept {
    const auto at = rows_.find(ordinal);
    row values = row_at(at->second).values();
    take_row(at->second);
    rows_.erase(at);
    for (auto& index : indexes_) index.remove(ordinal, values);
    for (auto& tally : tallies_) tally.add(values, -1);
    return values;
}

std::vector<assignment> memory_table::change(std::int64_t ordinal,
                                             std::span<const assignment> changes) noexcept {
    place& p = rows_.find(ordinal)->second;
    row values = row_at(p).values();
    for (auto& index : indexes_)
        if (touches(index, changes)) index.remove(ordinal, values);
    for (auto& tally : tallies_)
        if (touches(tally, changes)) tally.add(values, -1);
    std::vector<assignment> before;
    before.reserve(changes.size());
    for (const auto& one : changes) before.push_back({one.column, std::exchange(values[one.column], one.to)});
    // A column named twice is put back to what it was first.
    std::ranges::reverse(before);
    take_row(p);
    p = put_row(ordinal, values);
    for (auto& index : indexes_)
        if (touches(index, changes)) index.add(ordinal, values);
    for (auto& tally : tallies_)
        if (touches(tally, changes)) tally.add(values, 1);
    return before;
}

memory_table::beaten_numbers memory_table::beat(packed_row at, const beaten_numbers& to) noexcept {
    beaten_numbers before;
    for (std::size_t i = 0; i < to.size(); ++i) {
        before[i] = at.number(what_.beat_columns[i]);
        at.set_number(what_.beat_columns[i], to[i]);
    }
    return before;
}

}  // namespace statetrack::memory
