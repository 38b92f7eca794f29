// How the memory store answers a query: by the index that fits best, in its order where that is the query's.
#include <algorithm>

#include "index_runs.hpp"
#include "memory/memory_table.hpp"

namespace statetrack::memory {
namespace {

// Beyond this many combinations of one_of values a walk over the rows is as good.
constexpr std::size_t combinations_max = 64;

bool by_range(const query& what) { return what.order_by_range && what.range; }

std::int64_t number_in(row_view values, std::size_t column) {
    const auto* number = std::get_if<std::int64_t>(&values[column]);
    return number ? *number : 0;
}

bool in_range(row_view values, const query& what) {
    if (!what.range) return true;
    const auto* number = std::get_if<std::int64_t>(&values[*what.range]);
    return number && (!what.min || *number >= *what.min) && (!what.max || *number <= *what.max);
}

bool wanted(row_view values, const query& what) {
    const auto holds = [&](const condition& one) {
        const auto is = [&](const value& v) { return view_of(v) == values[one.column]; };
        return std::ranges::any_of(one.one_of, is) != one.negated;
    };
    return std::ranges::all_of(what.where, holds) && in_range(values, what);
}

struct ordinals {
    std::int64_t from = lowest;
    std::int64_t to = highest;
};

// The ordinals beyond `after`; from > to where there are none.
ordinals beyond(const query& what) {
    if (!what.after) return {};
    if (what.order == direction::ascending)
        return *what.after == highest ? ordinals{highest, lowest} : ordinals{*what.after + 1, highest};
    return *what.after == lowest ? ordinals{highest, lowest} : ordinals{lowest, *what.after - 1};
}

std::vector<value> values_of(const column& enumeration) {
    std::vector<value> all;
    all.reserve(enumeration.enumerators.size());
    for (const auto name : enumeration.enumerators) all.emplace_back(std::string(name));
    return all;
}

bool is_number(const column& c) { return c.kind == column_kind::integer || c.kind == column_kind::time; }

const condition* equality_on(std::size_t column, const query& what) {
    for (const auto& one : what.where)
        if (one.column == column && !one.negated) return &one;
    return nullptr;
}

// As much of the row as the query asks for.
stored_row taken(std::int64_t ordinal, row_view values, const query& what) {
    if (what.columns.empty()) return {ordinal, to_values(values)};
    stored_row some{.ordinal = ordinal, .values = {}};
    some.values.reserve(what.columns.size());
    for (const auto column : what.columns) some.values.push_back(to_value(values[column]));
    return some;
}

}  // namespace

std::optional<memory_table::plan> memory_table::plan_by(const ordered_index& index, const query& what) const {
    const auto& parts = index.what().parts;
    if (!holds_all(index.what(), what_, what.where, what.range)) return std::nullopt;
    plan found{.by = {{&index, {{}}}}};
    auto& prefixes = found.by.front().prefixes;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const auto* equality = equality_on(parts[i], what);
        const auto& column = what_.columns[parts[i]];
        const bool is_last = i + 1 == parts.size();
        if (!equality && is_last && what.range == parts[i]) {
            found.in = sequence::of_range;
            break;
        }
        // Any number of a last part will do, too: better than all rows, but in an order of its own.
        if (!equality && is_last && i > 0 && is_number(column) && !column.nullable) {
            found.in = sequence::of_last_part;
            break;
        }
        // Any value of a last enumeration will do.
        const bool any = !equality && is_last && i > 0 && !column.enumerators.empty() && !column.nullable;
        if (!equality && !any) return std::nullopt;
        const auto& values = equality ? equality->one_of : values_of(column);
        found.answered += equality ? 1 : 0;
        std::vector<row> longer;
        for (const auto& prefix : prefixes) {
            for (const auto& v : values) {
                longer.push_back(prefix);
                longer.back().push_back(v);
            }
        }
        if (longer.size() > combinations_max) return std::nullopt;
        prefixes = std::move(longer);
    }
    // A value named twice must not be walked twice.
    std::ranges::sort(prefixes);
    const auto repeated = std::ranges::unique(prefixes);
    prefixes.erase(repeated.begin(), repeated.end());
    return found;
}

std::optional<memory_table::plan> memory_table::plan_by_several(const query& what) const {
    const auto runs = what.range ? std::nullopt : runs_of(what_, what.where);
    if (!runs || runs->parts.size() < 2) return std::nullopt;
    plan found;
    for (const auto& part : runs->parts) {
        const auto place = static_cast<std::size_t>(part.index - what_.indexes.data());
        row first;
        for (const auto column : part.index->parts)
            if (!part.by_part || column != runs->by)
                first.push_back(statetrack::equality_on(what_, what.where, column)->one_of.front());
        found.answered = static_cast<int>(first.size());
        auto& prefixes = found.by.emplace_back(&indexes_[1 + place], std::vector<row>{}).prefixes;
        if (!part.by_part) prefixes.push_back(first);
        for (std::size_t i = 0; part.by_part && i < part.of.size(); ++i) {
            prefixes.push_back(first);
            prefixes.back().push_back(part.of[i]);
        }
    }
    return found;
}

memory_table::plan memory_table::plan_for(const query& what) const {
    plan best;
    int best_score = 0;
    const auto consider = [&](std::optional<plan> candidate) {
        if (!candidate) return;
        const auto& index = candidate->by.front().index->what();
        const int parts = static_cast<int>(index.parts.size());
        int score = 0;
        switch (candidate->in) {
            case sequence::of_range:
                score = by_range(what) ? 100 + parts : (what.min || what.max ? parts : 0);
                break;
            case sequence::of_last_part:
                score = parts + candidate->answered;
                break;
            case sequence::of_ordinals:
                score = (index.unique ? 1'000 : 10) + candidate->answered;
        }
        if (score <= best_score) return;
        best_score = score;
        best = std::move(*candidate);
    };
    for (const auto& index : indexes_) consider(plan_by(index, what));
    consider(plan_by_several(what));
    return best;
}

template <class Visit>
void memory_table::walk_index(const plan& by, const query& what, Visit&& visit) const {
    const auto [from, to] = beyond(what);
    std::vector<index_span> spans;
    for (const auto& [index, prefixes] : by.by) {
        for (const auto& prefix : prefixes) {
            const bool all_numbers = by.in == sequence::of_last_part;
            auto span = by.in == sequence::of_ordinals
                            ? index->equal(prefix, from, to)
                            : index->between(prefix, all_numbers ? lowest : what.min.value_or(lowest),
                                             all_numbers ? highest : what.max.value_or(highest));
            if (span.begin != span.end) spans.push_back(span);
        }
    }
    const bool upwards = what.order == direction::ascending;
    const auto before = [&](const index_entry& a, const index_entry& b) {
        const auto order = by.in != sequence::of_ordinals && a.parts.back() != b.parts.back()
                               ? a.parts.back() <=> b.parts.back()
                               : std::partial_ordering(a.ordinal <=> b.ordinal);
        return upwards ? order < 0 : order > 0;
    };
    const auto head = [&](const index_span& span) { return upwards ? span.begin : std::prev(span.end); };
    shown_values seen;
    while (!spans.empty()) {
        auto next = spans.begin();
        for (auto one = std::next(next); one != spans.end(); ++one)
            if (before(*head(*one), *head(*next))) next = one;
        const auto ordinal = head(*next)->ordinal;
        if (upwards)
            ++next->begin;
        else
            --next->end;
        if (next->begin == next->end) spans.erase(next);
        if (ordinal < from || ordinal > to) continue;
        row_of(ordinal).show(seen);
        if (wanted(seen, what) && !visit(ordinal, row_view(seen))) return;
    }
}

template <class Visit>
void memory_table::walk_rows(const query& what, Visit&& visit) const {
    const auto [from, to] = beyond(what);
    if (from > to) return;
    const auto begin = rows_.lower_bound(from), end = rows_.upper_bound(to);
    shown_values seen;
    const auto goes_on = [&](const auto& stored) {
        row_at(stored.second).show(seen);
        return !wanted(seen, what) || visit(stored.first, row_view(seen));
    };
    if (what.order == direction::ascending) {
        for (auto at = begin; at != end; ++at)
            if (!goes_on(*at)) return;
    } else {
        for (auto at = end; at != begin;)
            if (!goes_on(*--at)) return;
    }
}

template <class Visit>
void memory_table::walk(const plan& by, const query& what, Visit&& visit) const {
    if (!by.by.empty())
        walk_index(by, what, visit);
    else
        walk_rows(what, visit);
}

std::vector<stored_row> memory_table::select(const query& what) const {
    const std::size_t limit = std::min(what.limit, select_rows_max);
    std::vector<stored_row> page;
    if (limit == 0) return page;
    const plan by = plan_for(what);
    if (by.in == (by_range(what) ? sequence::of_range : sequence::of_ordinals)) {
        std::size_t to_skip = what.offset;
        walk(by, what, [&](std::int64_t ordinal, row_view values) {
            if (to_skip > 0) {
                --to_skip;
                return true;
            }
            page.push_back(taken(ordinal, values, what));
            return page.size() < limit;
        });
        return page;
    }
    std::vector<std::pair<std::int64_t, std::int64_t>> found;  // what orders them: a number, the ordinal
    walk(by, what, [&](std::int64_t ordinal, row_view values) {
        found.emplace_back(by_range(what) ? number_in(values, *what.range) : 0, ordinal);
        return true;
    });
    std::ranges::sort(found);
    if (what.order == direction::descending) std::ranges::reverse(found);
    shown_values seen;
    for (std::size_t i = what.offset; i < found.size() && page.size() < limit; ++i) {
        row_of(found[i].second).show(seen);
        page.push_back(taken(found[i].second, seen, what));
    }
    return page;
}

std::int64_t memory_table::count(std::span<const condition> where) const {
    for (const auto& tally : tallies_)
        if (const auto kept = tally.count(where)) return *kept;
    const query all{.where = {where.begin(), where.end()}};
    std::int64_t counted = 0;
    walk(plan_for(all), all, [&](std::int64_t, row_view) {
        ++counted;
        return true;
    });
    return counted;
}

}  // namespace statetrack::memory
