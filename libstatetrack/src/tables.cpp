// The tables of the entities: which indexes serve which list, and which constraints keep which invariant.
#include <cassert>

#include "statetrack/entities.hpp"
#include "statetrack/idempotency.hpp"

namespace statetrack {
namespace {

template <auto Member>
std::size_t at() {
    return column_of<Member>();
}

template <class E>
value name_value(E e) {
    return std::string(enum_name(e));
}

template <auto Member>
condition not_null() {
    return {at<Member>(), {value{}}, true};
}

template <auto Member>
condition null() {
    return {at<Member>(), {value{}}, false};
}

condition status_in(std::initializer_list<session_status> states) {
    condition c{.column = at<&session::status>()};
    for (const auto s : states) c.one_of.push_back(name_value(s));
    return c;
}

condition after_first_epoch() { return {at<&session::epoch>(), {value{std::int64_t{1}}}, true}; }

condition archived_ones() { return {at<&session::archived>(), {value{true}}, false}; }

// Every combination of the columns, the empty one included: what a list can be filtered by.
std::vector<tally> combinations(const std::vector<std::size_t>& columns,
                                const std::vector<condition>& where = {}) {
    std::vector<tally> all;
    for (std::size_t mask = 0; mask < (std::size_t{1} << columns.size()); ++mask) {
        tally t{.columns = {}, .where = where};
        for (std::size_t i = 0; i < columns.size(); ++i)
            if (mask >> i & 1) t.columns.push_back(columns[i]);
        all.push_back(std::move(t));
    }
    return all;
}

// Lists by project, by machine, by neither, and what retention deletes. Most that are live are active: these
// are looked for among all live ones, in an index that only the end of a session rewrites. Its predicate
// names no state, for SQLite takes an entry out and puts it in again where the predicate might have changed.
// The other states that live ones are in have indexes of their own, which are small.
std::vector<index_description> session_lists() {
    using enum session_status;
    const auto live = null<&session::completed_at>();  // as the check below says
    const auto ended = not_null<&session::completed_at>();
    const auto idle = status_in({pending, paused, stalled});
    auto inactive = status_in({active});
    inactive.negated = true;
    return {
        {.name = "sessions_project_live", .parts = {at<&session::project_id>()}, .where = {live}},
        {.name = "sessions_project_idle",
         .parts = {at<&session::project_id>(), at<&session::status>()},
         .where = {idle}},
        {.name = "sessions_project_ended",
         .parts = {at<&session::project_id>(), at<&session::status>()},
         .where = {ended}},
        {.name = "sessions_machine_live", .parts = {at<&session::machine_id>()}, .where = {live}},
        {.name = "sessions_machine_idle",
         .parts = {at<&session::machine_id>(), at<&session::status>()},
         .where = {idle}},
        {.name = "sessions_machine_ended",
         .parts = {at<&session::machine_id>(), at<&session::status>()},
         .where = {ended}},
        {.name = "sessions_live", .where = {live}},
        {.name = "sessions_status", .parts = {at<&session::status>()}, .where = {inactive}},
        {.name = "sessions_archived", .parts = {at<&session::archived>()}, .where = {archived_ones()}},
        {.name = "sessions_completed_at", .parts = {at<&session::completed_at>()}, .where = {ended}},
    };
}

table make_sessions() {
    using enum session_status;
    table t{.id = 0, .name = "sessions", .columns = columns_of<session>(), .key = at<&session::session_id>()};
    t.version = at<&session::version>();
    t.beat_columns = {at<&session::last_heartbeat>(), at<&session::last_progress_at>(),
                      at<&session::progress_seq>(), at<&session::silence_until>()};
    t.beaten_where = {status_in({pending, active, paused, stalled})};
    t.indexes = {
        // Invariant 1 of the model: one active session a place, no slot being a place too. Where there is a
        // slot the next index says more.
        {.name = "sessions_active_place",
         .parts = {at<&session::project_id>(), at<&session::machine_id>()},
         .unique = true,
         .where = {status_in({active}), not_null<&session::machine_id>(), null<&session::docker_slot>()},
         .violation = errc::place_taken},
        // Invariant 2: one pending, active or paused session a slot.
        {.name = "sessions_slot",
         .parts = {at<&session::machine_id>(), at<&session::docker_slot>()},
         .unique = true,
         .where = {status_in({pending, active, paused}), not_null<&session::machine_id>(),
                   not_null<&session::docker_slot>()},
         .violation = errc::place_taken},
        // Invariant 3: chains without forks. Most sessions are the first and only one of theirs, for which
        // the
        // check below says as much as an index would.
        {.name = "sessions_lineage",
         .parts = {at<&session::lineage_id>(), at<&session::epoch>()},
         .unique = true,
         .where = {after_first_epoch()},
         .violation = errc::superseded},
        {.name = "sessions_recovered_from",
         .parts = {at<&session::recovered_from>()},
         .unique = true,
         .where = {not_null<&session::recovered_from>()},
         .violation = errc::superseded},
    };
    for (auto& one : session_lists()) t.indexes.push_back(std::move(one));
    t.null_checks = {{.name = "sessions_completed_at_terminal",
                      .column = at<&session::completed_at>(),
                      .when = status_in({pending, active, paused, stalled})}};
    t.same_checks = {{.name = "sessions_lineage_begins",
                      .column = at<&session::lineage_id>(),
                      .same_as = at<&session::session_id>(),
                      .when = {at<&session::epoch>(), {value{std::int64_t{1}}}, false},
                      .violation = errc::superseded}};
    const std::vector<std::size_t> filters{at<&session::project_id>(), at<&session::machine_id>(),
                                           at<&session::status>()};
    t.tallies = combinations(filters);
    for (auto& one : combinations(filters, {archived_ones()})) t.tallies.push_back(std::move(one));
    return t;
}

table make_tasks() {
    table t{.id = 1, .name = "tasks", .columns = columns_of<task>(), .key = at<&task::task_id>()};
    t.version = at<&task::version>();
    t.indexes = {
        {.name = "tasks_session_status", .parts = {at<&task::session_id>(), at<&task::status>()}},
        {.name = "tasks_project_status", .parts = {at<&task::project_id>(), at<&task::status>()}},
        {.name = "tasks_status", .parts = {at<&task::status>()}},
        {.name = "tasks_retry",
         .parts = {at<&task::session_id>(), at<&task::retry_of>()},
         .unique = true,
         .where = {not_null<&task::retry_of>()},
         .violation = errc::superseded},
    };
    t.references = {{.column = at<&task::session_id>(), .table = "sessions", .violation = errc::not_found}};
    t.tallies = combinations({at<&task::project_id>(), at<&task::status>()});
    return t;
}

table make_machines() {
    table t{.id = 2, .name = "machines", .columns = columns_of<machine>(), .key = at<&machine::machine_id>()};
    t.version = at<&machine::version>();
    t.indexes = {{.name = "machines_status", .parts = {at<&machine::status>()}}};
    t.tallies = combinations({at<&machine::status>()});
    return t;
}

table make_events() {
    table t{.id = 3, .name = "events", .columns = columns_of<event>(), .key = at<&event::sequence>()};
    t.key_is_ordinal = true;
    t.indexes = {
        {.name = "events_session",
         .parts = {at<&event::session_id>()},
         .where = {not_null<&event::session_id>()}},
        {.name = "events_machine",
         .parts = {at<&event::entity_id>()},
         .where = {{at<&event::entity>(), {name_value(entity_type::machine)}, false}}},
        // The graves: what retention looks through for histories to forget.
        {.name = "events_deleted", .parts = {at<&event::at>()}, .where = {null<&event::to>()}},
    };
    return t;
}

table make_memos() {
    table t{.id = 4, .name = "memos", .columns = columns_of<memo>(), .key = at<&memo::name>()};
    t.version = at<&memo::version>();
    return t;
}

table make_idempotency_records() {
    table t{.id = 5,
            .name = "idempotency_records",
            .columns = columns_of<idempotency_record>(),
            .key = at<&idempotency_record::record_id>()};
    t.key_is_ordinal = true;
    t.indexes = {
        // Of two trackers on one store that run the same request at once, the second is refused.
        {.name = "idempotency_caller_key",
         .parts = {at<&idempotency_record::caller>(), at<&idempotency_record::key>()},
         .unique = true,
         .violation = errc::request_in_progress},
        {.name = "idempotency_expires_at", .parts = {at<&idempotency_record::expires_at>()}},
    };
    return t;
}

}  // namespace

template <>
const table& table_of<session>() {
    static const table t = make_sessions();
    return t;
}
template <>
const table& table_of<task>() {
    static const table t = make_tasks();
    return t;
}
template <>
const table& table_of<machine>() {
    static const table t = make_machines();
    return t;
}
template <>
const table& table_of<event>() {
    static const table t = make_events();
    return t;
}
template <>
const table& table_of<memo>() {
    static const table t = make_memos();
    return t;
}
template <>
const table& table_of<idempotency_record>() {
    static const table t = make_idempotency_records();
    return t;
}

std::size_t table::column_named(std::string_view column_name) const {
    for (std::size_t i = 0; i < columns.size(); ++i)
        if (columns[i].name == column_name) return i;
    assert(false && "no such column");
    return columns.size();
}

const std::vector<const table*>& schema() {
    static const std::vector<const table*> all{&table_of<session>(), &table_of<task>(),
                                               &table_of<machine>(), &table_of<event>(),
                                               &table_of<memo>(),    &table_of<idempotency_record>()};
    return all;
}

}  // namespace statetrack
