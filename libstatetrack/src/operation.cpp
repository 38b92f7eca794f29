#include "operation.hpp"

#include <boost/json/serialize.hpp>

#include "history.hpp"
#include "statetrack/lifecycle.hpp"
#include "tracker_impl.hpp"

namespace statetrack {
namespace {

// The columns in which two rows differ.
template <class T>
std::vector<assignment> differ(const T& before, const T& after) {
    std::vector<assignment> found;
    std::size_t column = 0;
    for_each_member<T>([&](std::string_view, auto member) {
        using field = std::remove_cvref_t<decltype(before.*member.value)>;
        if (!(before.*member.value == after.*member.value))
            found.push_back({column, projection<field>::to(after.*member.value)});
        ++column;
    });
    return found;
}

// As the event keeps them, but for those that it says by itself.
template <class Implied>
std::string as_json(const table& in, const std::vector<assignment>& changes, Implied implied) {
    std::string json = "{";
    for (const auto& [column, to] : changes) {
        if (implied(column)) continue;
        if (json.size() > 1) json += ',';
        append_json_string(json, in.columns[column].name);
        json += ':';
        append_json(json, in.columns[column].kind, to);
    }
    return json + '}';
}

template <class T>
std::string since_birth(const T& row, const T& at_birth) {
    return as_json(table_of<T>(), differ(at_birth, row), [](std::size_t) { return false; });
}

template <class T>
std::string status_name(const T& row) {
    return std::string(enum_name(row.status));
}

// The versioned update of one row. Whether anything differed, and the changes as JSON.
template <class T>
result<std::optional<std::string>> write_changes(operation& op, const value& key, const T& before, T& after,
                                                 bool insist) {
    if (before == after && !insist) return std::optional<std::string>{};
    after.version = before.version + 1;
    after.updated_at = op.at.now;
    const auto changes = differ(before, after);
    const auto written = op.tx.patch(table_of<T>(), key, before.version, changes);
    if (!written) return written.error();
    return std::optional<std::string>(as_json(table_of<T>(), changes, [](std::size_t column) {
        return column == column_of<&T::status>() || column == column_of<&T::updated_at>();
    }));
}

}  // namespace

condition where_live() {
    using enum session_status;
    return where<&session::status>(pending, active, paused, stalled);
}

std::vector<condition> where_successors_in(const uuid& lineage_id) {
    auto later = where<&session::epoch>(std::int64_t{1});
    later.negated = true;
    return {where<&session::lineage_id>(lineage_id), later};
}

error not_found_error(std::string_view what, std::string_view id) {
    return error(errc::not_found, "there is no " + std::string(what) + " " + std::string(id));
}

error invalid(std::string field, std::string message) {
    error e(errc::validation_failed, field + " " + message);
    e.problems.push_back({std::move(field), std::move(message)});
    return e;
}

namespace {

boost::json::object standing(const session& row) {
    boost::json::object facts;
    facts["status"] = enum_name(row.status);
    facts["superseded_by"] = row.superseded_by ? boost::json::value(to_string(*row.superseded_by)) : nullptr;
    facts["epoch"] = row.epoch;
    return facts;
}

}  // namespace

error superseded_error(const session& row) {
    if (row.superseded_by)
        return error(errc::superseded,
                     "session " + to_string(row.session_id) + " is continued by " +
                         to_string(*row.superseded_by) + "; stop working for it",
                     standing(row));
    return error(errc::superseded,
                 "the epoch given is not the session's, which is " + std::to_string(row.epoch) +
                     "; it belongs to another member of the lineage",
                 standing(row));
}

error terminal_error(const session& row) {
    return error(errc::terminal,
                 "session " + to_string(row.session_id) + " has ended: it is " + status_name(row),
                 standing(row));
}

error transition_error(const session& row, std::string_view wanted) {
    return error(errc::illegal_transition,
                 "a session that is " + status_name(row) + " cannot become " + std::string(wanted),
                 standing(row));
}

result<json_text> merged_metadata(const json_text& metadata, const json_text& patch) {
    auto object = metadata.object();
    merge_patch(object, patch.object());
    json_text merged(object);
    if (merged.text().size() > document_bytes_max)
        return invalid("metadata", "would have more than " + std::to_string(document_bytes_max) +
                                       " bytes as JSON after the merge");
    return merged;
}

result<> merge_metadata(session& row, const json_text& patch) {
    auto merged = merged_metadata(row.metadata, patch);
    if (!merged) return merged.error();
    set_metadata(row, merged->object());
    return {};
}

void set_metadata(session& row, const boost::json::object& metadata) {
    row.metadata = json_text(metadata);
    const auto* mark = metadata.if_contains("archived");
    row.archived = mark && mark->is_bool() && mark->get_bool();
}

result<session> operation::session_for_write(const uuid& id) {
    auto found = find_entity<session>(tx, id);
    if (!found) return found.error();
    if (!*found) return not_found_error("session", to_string(id));
    if ((*found)->superseded_by) return superseded_error(**found);
    if (const auto fits = check_epoch(**found, by.epoch); !fits) return fits.error();
    return std::move(**found);
}

result<> operation::check_epoch(const session& row, std::optional<std::int64_t> epoch) {
    if (!epoch) return {};
    if (*epoch != row.epoch) return superseded_error(row);
    out.alive.push_back(row.session_id);
    return {};
}

result<> operation::check_version(std::int64_t stored) const {
    if (!by.if_version || *by.if_version == stored) return {};
    boost::json::object facts;
    facts["version"] = stored;
    return error(errc::version_mismatch,
                 "the stored version is " + std::to_string(stored) + ", not " +
                     std::to_string(*by.if_version) + "; read it again",
                 facts);
}

result<> operation::append(entity_type entity, std::string entity_id, std::optional<uuid> session_id,
                           const event_note& note, std::optional<std::string> from,
                           std::optional<std::string> to, const std::string& changes) {
    std::string data = "{\"changes\":" + changes;
    if (!note.extra.empty()) data += "," + note.extra;
    data += '}';
    const event entry{.entity = entity,
                      .entity_id = std::move(entity_id),
                      .session_id = session_id,
                      .kind = std::string(note.kind),
                      .from = std::move(from),
                      .to = std::move(to),
                      .at = at.now,
                      .reason = note.reason,
                      .actor = by.actor,
                      .request_id = by.request_id,
                      .data = json_text::trusted(std::move(data))};
    const auto appended = tx.insert(table_of<event>(), to_row(entry));
    if (!appended) return appended.error();
    return {};
}

result<> operation::insert(const session& row, const event_note& note) {
    if (const auto done = tx.insert(table_of<session>(), to_row(row)); !done) return done.error();
    out.sessions.push_back({row, {.at = at.age, .heard = at.age}});
    return append(entity_type::session, {}, row.session_id, note, std::nullopt, status_name(row),
                  since_birth(row, born(row.session_id, row.status, at.now)));
}

result<> operation::insert(const task& row, const event_note& note) {
    if (const auto done = tx.insert(table_of<task>(), to_row(row)); !done) return done.error();
    return append(entity_type::task, to_string(row.task_id), row.session_id, note, std::nullopt,
                  status_name(row), since_birth(row, born(row.task_id, row.session_id, row.status, at.now)));
}

result<> operation::insert(const machine& row, const event_note& note) {
    if (const auto done = tx.insert(table_of<machine>(), to_row(row)); !done) return done.error();
    out.machines.push_back({row, at.age});
    return append(entity_type::machine, row.machine_id, std::nullopt, note, std::nullopt, status_name(row),
                  since_birth(row, born(row.machine_id, row.status, at.now)));
}

result<> operation::update(const session& before, session& after, const event_note& note) {
    return update(before, after, note, {.at = at.age});
}

result<> operation::update(const session& before, session& after, const event_note& note, row_news news) {
    const auto changes = write_changes(*this, before.session_id, before, after, !note.extra.empty());
    if (!changes) return changes.error();
    if (!*changes) return {};
    out.sessions.push_back({after, news});
    return append(entity_type::session, {}, after.session_id, note, status_name(before), status_name(after),
                  **changes);
}

result<> operation::update(const task& before, task& after, const event_note& note) {
    const auto changes = write_changes(*this, before.task_id, before, after, !note.extra.empty());
    if (!changes) return changes.error();
    if (!*changes) return {};
    return append(entity_type::task, to_string(after.task_id), after.session_id, note, status_name(before),
                  status_name(after), **changes);
}

result<> operation::update(const machine& before, machine& after, const event_note& note,
                           std::optional<instant> heard) {
    const auto changes = write_changes(*this, before.machine_id, before, after, !note.extra.empty());
    if (!changes) return changes.error();
    if (!*changes) return {};
    out.machines.push_back({after, heard});
    return append(entity_type::machine, after.machine_id, std::nullopt, note, status_name(before),
                  status_name(after), **changes);
}

result<> operation::note_event(const session& about, const event_note& note) {
    return append(entity_type::session, {}, about.session_id, note, status_name(about), status_name(about),
                  "{}");
}

result<std::int64_t> operation::erase(const session& row, std::optional<std::string> reason) {
    const std::vector<condition> its{where<&task::session_id>(row.session_id)};
    const auto tasks = tx.count(table_of<task>(), its);
    if (!tasks) return tasks.error();
    if (const auto done = tx.erase(table_of<session>(), row.session_id); !done) return done.error();
    out.erased_sessions.push_back(row.session_id);
    const event_note note{.kind = "deleted",
                          .reason = std::move(reason),
                          .extra = "\"deleted_tasks\":" + std::to_string(*tasks)};
    const auto said =
        append(entity_type::session, {}, row.session_id, note, status_name(row), std::nullopt, "{}");
    if (!said) return said.error();
    return *tasks;
}

result<> operation::erase(const task& row) {
    if (const auto done = tx.erase(table_of<task>(), row.task_id); !done) return done.error();
    return append(entity_type::task, to_string(row.task_id), row.session_id, {.kind = "deleted"},
                  status_name(row), std::nullopt, "{}");
}

result<> operation::erase(const machine& row) {
    if (const auto done = tx.erase(table_of<machine>(), row.machine_id); !done) return done.error();
    out.erased_machines.push_back(row.machine_id);
    return append(entity_type::machine, row.machine_id, std::nullopt, {.kind = "deleted"}, status_name(row),
                  std::nullopt, "{}");
}

error operation::place_error(const error& violation, const session& wanted) {
    if (!violation.is(errc::place_taken)) return violation;
    using enum session_status;
    query same_place{
        .where = {where<&session::machine_id>(wanted.machine_id), where<&session::status>(active),
                  where<&session::project_id>(wanted.project_id),
                  where<&session::docker_slot>(wanted.docker_slot)},
        .limit = 1};
    auto holders = select_entities<session>(tx, same_place);
    if (holders && holders->empty() && wanted.docker_slot) {
        query same_slot{.where = {where<&session::machine_id>(wanted.machine_id),
                                  where<&session::status>(pending, active, paused),
                                  where<&session::docker_slot>(wanted.docker_slot)},
                        .limit = 1};
        holders = select_entities<session>(tx, same_slot);
    }
    if (!holders || holders->empty()) return violation;
    const session& holder = holders->front();
    boost::json::object facts;
    facts["holder"] = to_string(holder.session_id);
    facts["holder_project_id"] = holder.project_id;
    facts["holder_status"] = enum_name(holder.status);
    const auto deadline = state.deadline_of(holder.session_id);
    facts["holder_deadline"] = deadline ? boost::json::value(to_string(*deadline)) : nullptr;
    return error(
        errc::place_taken,
        "session " + to_string(holder.session_id) + " of project " + holder.project_id +
            " holds this place; wait for its deadline, end it, or create with on_conflict \"takeover\"",
        facts);
}

result<> check_slot(operation& op, const std::optional<std::string>& machine_id,
                    const std::optional<std::int64_t>& docker_slot) {
    if (!machine_id || !docker_slot) return {};
    const auto found = find_entity<machine>(op.tx, *machine_id);
    if (!found) return found.error();
    if (!*found) return {};
    for (const auto slot : (*found)->docker_slots)
        if (slot == *docker_slot) return {};
    return invalid("docker_slot", "is none of the docker slots that machine " + *machine_id + " registered");
}

}  // namespace statetrack
