#include "memory/kept_tally.hpp"

#include <algorithm>

namespace statetrack::memory {
namespace {

bool same(const condition& a, const condition& b) {
    const auto within = [](const std::vector<value>& these, const std::vector<value>& those) {
        return std::ranges::all_of(
            these, [&](const value& v) { return std::ranges::find(those, v) != those.end(); });
    };
    return a.column == b.column && a.negated == b.negated && within(a.one_of, b.one_of) &&
           within(b.one_of, a.one_of);
}

}  // namespace

bool kept_tally::depends_on(std::size_t column) const {
    return std::ranges::find(what_.columns, column) != what_.columns.end() ||
           std::ranges::any_of(what_.where, [&](const auto& one) { return one.column == column; });
}

void kept_tally::add(const row& values, std::int64_t by) {
    if (!meets(values, what_.where)) return;
    row combination;
    combination.reserve(what_.columns.size());
    for (const auto column : what_.columns) combination.push_back(values[column]);
    const auto at = counts_.try_emplace(std::move(combination), 0).first;
    at->second += by;
    if (at->second == 0) counts_.erase(at);
}

std::optional<std::int64_t> kept_tally::count(std::span<const condition> where) const {
    std::vector<const condition*> by_column(what_.columns.size(), nullptr);
    std::size_t own_seen = 0;
    for (const auto& one : where) {
        if (std::ranges::any_of(what_.where, [&](const auto& own) { return same(own, one); })) {
            ++own_seen;
            continue;
        }
        const auto at = std::ranges::find(what_.columns, one.column);
        if (at == what_.columns.end() || one.negated) return std::nullopt;
        auto& place = by_column[static_cast<std::size_t>(at - what_.columns.begin())];
        if (place) return std::nullopt;
        place = &one;
    }
    if (own_seen != what_.where.size() || std::ranges::find(by_column, nullptr) != by_column.end())
        return std::nullopt;
    row combination;
    return sum(by_column, combination);
}

std::int64_t kept_tally::sum(std::span<const condition* const> by_column, row& combination) const {
    if (by_column.empty()) {
        const auto at = counts_.find(combination);
        return at == counts_.end() ? 0 : at->second;
    }
    std::int64_t total = 0;
    const auto& one_of = by_column.front()->one_of;
    for (auto v = one_of.begin(); v != one_of.end(); ++v) {
        if (std::find(one_of.begin(), v, *v) != v) continue;  // named twice, counted once
        combination.push_back(*v);
        total += sum(by_column.subspan(1), combination);
        combination.pop_back();
    }
    return total;
}

}  // namespace statetrack::memory
