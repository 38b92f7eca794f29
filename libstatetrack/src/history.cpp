#include "history.hpp"

namespace statetrack {

session born(const uuid& id, session_status status, timestamp at) {
    session row{.session_id = id, .status = status, .last_heartbeat = at, .lineage_id = id};
    if (status == session_status::active) row.started_at = at;
    row.created_at = row.updated_at = at;
    return row;
}

task born(const uuid& id, const uuid& session_id, task_status status, timestamp at) {
    return {.task_id = id, .session_id = session_id, .status = status, .created_at = at, .updated_at = at};
}

machine born(const std::string& id, machine_status status, timestamp at) {
    return {.machine_id = id,
            .hostname = id,
            .status = status,
            .last_heartbeat = at,
            .created_at = at,
            .updated_at = at};
}

void complete(event& stored) {
    if (stored.entity == entity_type::session && stored.session_id)
        stored.entity_id = to_string(*stored.session_id);
}

std::optional<row> row_at_birth(const event& e) {
    const auto id = parse_uuid(e.entity_id);
    switch (e.entity) {
        case entity_type::session: {
            const auto status = enum_from_name<session_status>(e.to.value_or(""));
            if (!id || !status) return std::nullopt;
            return to_row(born(*id, *status, e.at));
        }
        case entity_type::task: {
            const auto status = enum_from_name<task_status>(e.to.value_or(""));
            if (!id || !e.session_id || !status) return std::nullopt;
            return to_row(born(*id, *e.session_id, *status, e.at));
        }
        case entity_type::machine:
            break;
    }
    const auto status = enum_from_name<machine_status>(e.to.value_or(""));
    if (!status) return std::nullopt;
    return to_row(born(e.entity_id, *status, e.at));
}

}  // namespace statetrack
