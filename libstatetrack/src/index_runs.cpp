#include "index_runs.hpp"

#include <algorithm>

namespace statetrack {
namespace {

bool contains(const std::vector<value>& all, const value& v) {
    return std::ranges::find(all, v) != all.end();
}

// The check that says in which rows the condition's column is null, where that is what the condition asks.
const null_check* check_behind(const table& of, const condition& c) {
    if (c.one_of.size() != 1 || !is_null(c.one_of.front())) return nullptr;
    const auto at = std::ranges::find(of.null_checks, c.column, &null_check::column);
    return at == of.null_checks.end() ? nullptr : &*at;
}

// The column that the condition says something about: its own, or the one that decides where that is null.
std::size_t about(const table& of, const condition& c) {
    const auto* check = check_behind(of, c);
    return check ? check->when.column : c.column;
}

// Whether a row with this value in the column that the condition is about can meet it.
bool allows(const table& of, const condition& c, const value& v) {
    const auto* check = check_behind(of, c);
    const bool is_in = check ? contains(check->when.one_of, v) != check->when.negated : contains(c.one_of, v);
    return is_in != c.negated;
}

bool tells_apart(const column& c) { return !c.enumerators.empty() && !c.nullable; }

// The enumeration whose values tell the index's rows apart: its last part, or what its predicate is about.
std::optional<std::size_t> told_apart_by(const table& of, const index_description& index) {
    if (!index.parts.empty() && tells_apart(of.columns[index.parts.back()])) return index.parts.back();
    for (const auto& part : index.where)
        if (tells_apart(of.columns[about(of, part)])) return about(of, part);
    return std::nullopt;
}

// An index of rows that the query wants, under single values of all its first parts.
struct source {
    const index_description* index = nullptr;
    std::size_t by = 0;
    std::span<const std::size_t> first{};
    bool by_part = false;
    std::vector<value> has{};  // which of the enumeration's values its rows can have
};

bool has_sole_value(const table& of, std::span<const condition> where, std::size_t column) {
    const auto* found = equality_on(of, where, column);
    return found && found->one_of.size() == 1;
}

std::optional<source> source_of(const table& of, const index_description& index,
                                std::span<const condition> where) {
    const auto by = told_apart_by(of, index);
    if (!by) return std::nullopt;
    source found{.index = &index, .by = *by, .first = index.parts};
    found.by_part = !index.parts.empty() && index.parts.back() == *by;
    if (found.by_part) found.first = found.first.first(found.first.size() - 1);
    const auto is_answered = [&](std::size_t part) { return has_sole_value(of, where, part); };
    const auto holds_wanted = [&](const condition& part) {
        return about(of, part) == *by || is_implied(of, part, where, {});
    };
    if (!std::ranges::all_of(found.first, is_answered) || !std::ranges::all_of(index.where, holds_wanted))
        return std::nullopt;
    for (const auto name : of.columns[*by].enumerators) {
        const value v = std::string(name);
        const auto can_have = [&](const condition& part) {
            return about(of, part) != *by || allows(of, part, v);
        };
        if (std::ranges::all_of(index.where, can_have)) found.has.push_back(v);
    }
    return found;
}

// Most of what is still wanted, with least beside it.
struct share {
    std::vector<value> wanted{};
    std::size_t besides = 0;

    bool is_better_than(const share& other) const {
        return wanted.size() != other.wanted.size() ? wanted.size() > other.wanted.size()
                                                    : besides < other.besides;
    }
};

// Of the values that are wanted those that the source has, unless some of its rows have been found already.
share share_of(const source& from, const std::vector<value>& wanted, const std::vector<value>& missing) {
    share found;
    for (const auto& v : from.has) {
        if (contains(missing, v))
            found.wanted.push_back(v);
        else if (!from.by_part && contains(wanted, v))
            return {};
        else
            found.besides += from.by_part ? 0 : 1;
    }
    return found;
}

// A part for each value that is wanted, from as few sources as may be.
std::vector<index_run> covering(const std::vector<source>& all, const std::vector<value>& wanted) {
    std::vector<index_run> parts;
    auto missing = wanted;
    while (!missing.empty()) {
        const source* best = nullptr;
        share most;
        for (const auto& one : all) {
            auto its = share_of(one, wanted, missing);
            if (!its.is_better_than(most)) continue;
            best = &one;
            most = std::move(its);
        }
        if (!best) return {};
        std::erase_if(missing, [&](const value& v) { return contains(most.wanted, v); });
        parts.push_back({.index = best->index,
                         .of = std::move(most.wanted),
                         .by_part = best->by_part,
                         .whole = !best->by_part && most.besides == 0});
    }
    return parts;
}

// Whether an index with no enumeration in it answers a condition: better than looking through whole runs.
bool is_answered_plainly(const table& of, std::span<const condition> where) {
    return std::ranges::any_of(of.indexes, [&](const index_description& index) {
        return !index.parts.empty() && !told_apart_by(of, index) && holds_all(index, of, where, {}) &&
               equality_on(of, where, index.parts.front());
    });
}

}  // namespace

const condition* equality_on(const table& of, std::span<const condition> where, std::size_t column) {
    const auto at = std::ranges::find_if(where, [&](const condition& c) {
        return c.column == column && !c.negated && std::ranges::none_of(c.one_of, is_null) &&
               std::ranges::any_of(c.one_of, [&](const value& v) { return admits(of.columns[column], v); });
    });
    return at == where.end() ? nullptr : &*at;
}

bool is_implied(const table& of, const condition& needed, std::span<const condition> where,
                std::optional<std::size_t> range) {
    const auto subject = about(of, needed);
    for (const auto& c : where) {
        const auto& column = of.columns[c.column];
        const auto is_allowed = [&](std::size_t by, const value& v) {
            if (!admits(column, v)) return true;
            return by == needed.column ? contains(needed.one_of, v) != needed.negated : allows(of, needed, v);
        };
        for (const auto by : {needed.column, subject})
            if (c.column == by && !c.negated &&
                std::ranges::all_of(c.one_of, [&](const value& v) { return is_allowed(by, v); }))
                return true;
    }
    // What it excludes is excluded already.
    return needed.negated && std::ranges::all_of(needed.one_of, [&](const value& v) {
               if (is_null(v) && range == needed.column) return true;
               return std::ranges::any_of(where, [&](const condition& c) {
                   return c.column == needed.column && c.negated && contains(c.one_of, v);
               });
           });
}

bool holds_all(const index_description& index, const table& of, std::span<const condition> where,
               std::optional<std::size_t> range) {
    return std::ranges::all_of(index.where,
                               [&](const condition& part) { return is_implied(of, part, where, range); });
}

std::size_t index_runs::count() const {
    std::size_t all = 0;
    for (const auto& part : parts) all += part.by_part ? part.of.size() : 1;
    return all;
}

std::optional<index_runs> runs_of(const table& of, std::span<const condition> where) {
    if (equality_on(of, where, of.key)) return std::nullopt;
    std::vector<source> sources;
    for (const auto& index : of.indexes)
        if (auto one = source_of(of, index, where)) sources.push_back(std::move(*one));
    std::optional<index_runs> best;
    std::size_t best_first = 0;
    for (const auto& seed : sources) {
        const auto* asked = equality_on(of, where, seed.by);
        // Without any condition a walk in the order of insertion is all that it takes.
        if (seed.first.empty() && !asked) continue;
        if (best && seed.first.size() <= best_first) continue;
        std::vector<source> alike;
        for (const auto& one : sources)
            if (one.by == seed.by && std::ranges::equal(one.first, seed.first)) alike.push_back(one);
        std::vector<value> wanted;
        for (const auto name : of.columns[seed.by].enumerators) {
            const value v = std::string(name);
            if (!asked || contains(asked->one_of, v)) wanted.push_back(v);
        }
        auto parts = covering(alike, wanted);
        if (parts.empty()) continue;
        best = {.by = seed.by, .asked = asked, .parts = std::move(parts)};
        best_first = seed.first.size();
    }
    const auto looks_through = [](const index_run& part) { return !part.by_part && !part.whole; };
    if (best && best_first == 0 && std::ranges::any_of(best->parts, looks_through) &&
        is_answered_plainly(of, where))
        return std::nullopt;
    return best;
}

}  // namespace statetrack
