// Reading: one entity, lists with their kept totals, events.
#include <algorithm>
#include <functional>
#include <iterator>
#include <type_traits>
#include <utility>

#include "history.hpp"
#include "tracker_impl.hpp"

namespace statetrack {
namespace {

// A page mostly has no more, and what is asked for may be very many.
constexpr std::size_t rows_expected_max = 64;

// The entity of a view, or what is shown as it is.
template <class Shown>
auto& entity_of(Shown& shown) {
    if constexpr (requires { shown.row; })
        return shown.row;
    else
        return shown;
}
template <class Shown>
using entity_in = std::remove_reference_t<decltype(entity_of(std::declval<Shown&>()))>;

// A page of entities, newest first, each where it is going to be shown. One more than asked for tells whether
// there is a next page.
template <class Shown>
result<list<Shown>> read_page(reader& from, const std::vector<condition>& where, const page& which) {
    const auto& in = table_of<entity_in<Shown>>();
    query what{.where = where,
               .order = direction::descending,
               .after = which.after,
               .offset = which.offset,
               .limit = std::min(which.limit + 1, select_rows_max)};
    const auto total = from.count(in, where);
    if (!total) return total.error();
    list<Shown> page_read{.rows = {}, .total = *total, .next = {}};
    // To find that there are no more may take a walk through all that are like them.
    const auto there = static_cast<std::size_t>(*total);
    if (there <= which.offset) return page_read;
    what.limit = std::min(what.limit, there - which.offset);
    std::int64_t newest_shown = 0;
    page_read.rows.reserve(std::min(which.limit, rows_expected_max));
    const auto seen = from.look_through(in, what, [&](std::int64_t ordinal, row_view values) {
        if (page_read.rows.size() == which.limit) {
            if (which.limit > 0) page_read.next = newest_shown;
            return;
        }
        read_row(values, entity_of(page_read.rows.emplace_back()));
        newest_shown = ordinal;
    });
    if (!seen) return seen.error();
    return page_read;
}

// The members of one lineage, newest first: the first one is found by its id, which is the lineage's, the
// others by the index of successors. Few, so that the other conditions and the page are looked at here.
result<session_list> read_lineage(reader& from, const uuid& lineage_id, const std::vector<condition>& where,
                                  const page& which) {
    query successors{.where = where_successors_in(lineage_id)};
    std::vector<stored_row> members;
    const auto first = from.find(table_of<session>(), lineage_id);
    if (!first) return first.error();
    if (*first && (*first)->values[column_of<&session::lineage_id>()] == value{lineage_id})
        members.push_back(**first);
    successors.limit = select_rows_max;
    for (;;) {
        auto some = from.select(table_of<session>(), successors);
        if (!some) return some.error();
        const bool more = some->size() == successors.limit;
        if (more) successors.after = some->back().ordinal;
        std::ranges::move(*some, std::back_inserter(members));
        if (!more) break;
    }
    std::erase_if(members, [&](const stored_row& one) { return !meets(one.values, where); });
    std::ranges::sort(members, std::greater{}, &stored_row::ordinal);
    session_list found{.rows = {}, .total = static_cast<std::int64_t>(members.size()), .next = {}};
    if (which.after)
        std::erase_if(members, [&](const stored_row& one) { return one.ordinal >= *which.after; });
    const std::size_t begin = std::min(which.offset, members.size());
    const std::size_t end = std::min(members.size(), begin + which.limit);
    for (std::size_t i = begin; i < end; ++i)
        read_row(std::move(members[i].values), found.rows.emplace_back().row);
    if (end < members.size() && end > begin) found.next = members[end - 1].ordinal;
    return found;
}

template <class T>
result<T> read_one(const tracker::impl& state, std::string_view what, const value& key,
                   std::string_view shown) {
    auto found = state.keep.find(table_of<T>(), key);
    state.store_answered(found ? result<>() : result<>(found.error()));
    if (!found) return found.error();
    if (!*found) return not_found_error(what, shown);
    return from_row<T>(std::move((*found)->values));
}

result<event_list> read_events(const tracker::impl& state, std::vector<condition> where, std::int64_t after,
                               std::size_t limit) {
    return state.read([&](reader& from) -> result<event_list> {
        const query what{
            .where = std::move(where), .after = after, .limit = std::min(limit, select_rows_max)};
        auto events = select_entities<event>(from, what);
        if (!events) return events.error();
        event_list found{.events = std::move(*events), .next_after = after};
        for (event& one : found.events) complete(one);
        if (!found.events.empty()) found.next_after = found.events.back().sequence;
        return found;
    });
}

}  // namespace

result<session_view> tracker::find_session(const uuid& id, patience how) const {
    const auto at_once = [&] {
        return impl_->read(
            [&](reader& from) -> result<session> {
                auto found = find_entity<session>(from, id);
                if (!found) return found.error();
                if (!*found) return not_found_error("session", to_string(id));
                return std::move(**found);
            },
            how);
    };
    auto row = how == patience::at_once ? at_once() : read_one<session>(*impl_, "session", id, to_string(id));
    if (!row) return row.error();
    return impl_->view_of(std::move(*row));
}

result<session_list> tracker::list_sessions(const session_filter& filter, const page& which) const {
    std::vector<condition> conditions;
    if (filter.project_id) conditions.push_back(where<&session::project_id>(*filter.project_id));
    if (filter.machine_id) conditions.push_back(where<&session::machine_id>(filter.machine_id));
    if (filter.status) conditions.push_back(where<&session::status>(*filter.status));
    if (filter.archived_only) conditions.push_back(where<&session::archived>(true));
    auto found = impl_->read([&](reader& from) {
        return filter.lineage_id ? read_lineage(from, *filter.lineage_id, conditions, which)
                                 : read_page<session_view>(from, conditions, which);
    });
    if (found)
        for (session_view& view : found->rows) complete_answer(*impl_, view);
    return found;
}

result<recovery_state> tracker::recovery_state_of(const uuid& id) const {
    return impl_->read([&](reader& from) -> result<recovery_state> {
        const auto row = find_entity<session>(from, id);
        if (!row) return row.error();
        if (!*row) return not_found_error("session", to_string(id));
        return read_recovery_state(from, **row);
    });
}

result<event_list> tracker::session_events(const uuid& id, std::int64_t after, std::size_t limit) const {
    auto found = read_events(*impl_, {where<&event::session_id>(std::optional(id))}, after, limit);
    // The history outlives its session: no events at all means that there was none.
    if (found && found->events.empty()) {
        const auto any = read_events(*impl_, {where<&event::session_id>(std::optional(id))}, 0, 1);
        if (!any) return any.error();
        if (any->events.empty()) return not_found_error("session", to_string(id));
    }
    return found;
}

result<event_list> tracker::events_after(std::int64_t after, std::size_t limit) const {
    return read_events(*impl_, {}, after, limit);
}

result<task> tracker::find_task(const uuid& id) const {
    return read_one<task>(*impl_, "task", id, to_string(id));
}

result<task_list> tracker::list_tasks(const task_filter& filter, const page& which) const {
    std::vector<condition> conditions;
    if (filter.session_id) conditions.push_back(where<&task::session_id>(*filter.session_id));
    if (filter.project_id) conditions.push_back(where<&task::project_id>(*filter.project_id));
    if (filter.status) conditions.push_back(where<&task::status>(*filter.status));
    return impl_->read([&](reader& from) { return read_page<task>(from, conditions, which); });
}

result<machine_view> tracker::find_machine(const std::string& id) const {
    return impl_->read([&](reader& from) -> result<machine_view> {
        auto row = find_entity<machine>(from, id);
        if (!row) return row.error();
        if (!*row) return not_found_error("machine", id);
        auto sessions = live_sessions_on(from, id);
        if (!sessions) return sessions.error();
        return impl_->view_of(std::move(**row), std::move(*sessions));
    });
}

result<machine_list> tracker::list_machines(const machine_filter& filter, const page& which) const {
    std::vector<condition> conditions;
    if (filter.status) conditions.push_back(where<&machine::status>(*filter.status));
    return impl_->read([&](reader& from) -> result<machine_list> {
        auto found = read_page<machine_view>(from, conditions, which);
        if (!found) return found.error();
        for (machine_view& view : found->rows) {
            auto sessions = live_sessions_on(from, view.row.machine_id);
            if (!sessions) return sessions.error();
            view.active_sessions = std::move(*sessions);
            complete_answer(*impl_, view);
        }
        return found;
    });
}

}  // namespace statetrack
