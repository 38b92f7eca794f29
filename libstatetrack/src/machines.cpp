// Machines: registering, patching, deleting, and the heartbeat that carries those of their sessions.
#include <algorithm>

#include "operation.hpp"
#include "statetrack/lifecycle.hpp"
#include "tracker_impl.hpp"

namespace statetrack {
namespace {

constexpr std::size_t sessions_shown_max = 10'000;

result<machine_view> view(operation& op, machine row) {
    auto sessions = live_sessions_on(op.tx, row.machine_id);
    if (!sessions) return sessions.error();
    return machine_view{std::move(row), std::move(*sessions)};
}

result<machine> machine_for_write(operation& op, const std::string& id) {
    auto found = find_entity<machine>(op.tx, id);
    if (!found) return found.error();
    if (!*found) return not_found_error("machine", id);
    return std::move(**found);
}

// A slot that a pending, active or paused session holds must stay.
result<> check_slots_kept(operation& op, const std::string& machine_id,
                          const std::vector<std::int64_t>& slots) {
    using enum session_status;
    query holders{.where = {where<&session::machine_id>(std::optional(machine_id)),
                            where<&session::status>(pending, active, paused)}};
    const auto sessions = select_all<session>(op.tx, holders);
    if (!sessions) return sessions.error();
    for (const session& one : *sessions) {
        if (!one.docker_slot) continue;
        if (std::find(slots.begin(), slots.end(), *one.docker_slot) != slots.end()) continue;
        boost::json::object facts;
        facts["holder"] = to_string(one.session_id);
        facts["docker_slot"] = *one.docker_slot;
        return error(errc::in_use,
                     "docker slot " + std::to_string(*one.docker_slot) + " is held by session " +
                         to_string(one.session_id) + " and cannot be taken away",
                     facts);
    }
    return {};
}

result<> refresh(operation& op, const machine& row, machine& after) {
    after.last_heartbeat = op.at.now;
    machine plain = row;
    plain.last_heartbeat = after.last_heartbeat;
    if (plain == after) {
        // Plain: outside version and events, like a session's plain beat.
        const assignment fresh{column_of<&machine::last_heartbeat>(), after.last_heartbeat.ms};
        const auto done =
            op.tx.patch(table_of<machine>(), row.machine_id, std::nullopt, std::span(&fresh, 1));
        if (!done) return done.error();
        op.out.machines.push_back({after, op.at.age});
        return {};
    }
    event_note note{.kind = "heartbeat"};
    if (row.status != after.status) note.kind = "online";
    return op.update(row, after, note, op.at.age);
}

}  // namespace

result<std::vector<uuid>> live_sessions_on(reader& from, const std::string& machine_id) {
    query live{.where = {where<&session::machine_id>(std::optional(machine_id)), where_live()},
               .order = direction::descending,
               .limit = sessions_shown_max};
    auto found = from.select(table_of<session>(), live);
    if (!found) return found.error();
    std::vector<uuid> ids;
    ids.reserve(found->size());
    for (const auto& one : *found)
        ids.push_back(std::get<uuid>(one.values[column_of<&session::session_id>()]));
    return ids;
}

result<machine_registered> perform(operation& op, const machine_registration& request) {
    const std::string id = request.machine_id ? *request.machine_id : to_string(op.new_id());
    auto there = find_entity<machine>(op.tx, id);
    if (!there) return there.error();
    if (const auto kept = check_slots_kept(op, id, request.docker_slots); !kept) return kept.error();
    if (!*there) {
        const machine row{.machine_id = id,
                          .hostname = request.hostname,
                          .docker_slots = request.docker_slots,
                          .last_heartbeat = op.at.now,
                          .metadata = request.metadata.value_or(json_text()),
                          .created_at = op.at.now,
                          .updated_at = op.at.now};
        if (const auto done = op.insert(row, {.kind = "registered"}); !done) return done.error();
        auto shown = view(op, row);
        if (!shown) return shown.error();
        return machine_registered{std::move(*shown), true};
    }
    const machine& row = **there;
    if (row.hostname != request.hostname)
        return error(errc::machine_mismatch, "machine " + id + " is registered under the hostname " +
                                                 row.hostname +
                                                 "; delete it first, or choose another machine_id");
    machine after = row;
    after.docker_slots = request.docker_slots;
    if (request.metadata) after.metadata = *request.metadata;
    after.status = next_status(row.status, machine_action::register_again);
    after.last_heartbeat = op.at.now;
    if (const auto done = op.update(row, after, {.kind = "registered"}, op.at.age); !done)
        return done.error();
    auto shown = view(op, std::move(after));
    if (!shown) return shown.error();
    return machine_registered{std::move(*shown), false};
}

result<machine_view> perform(operation& op, const machine_patch& request) {
    const auto row = machine_for_write(op, request.machine_id);
    if (!row) return row.error();
    if (const auto fits = op.check_version(row->version); !fits) return fits.error();
    machine after = *row;
    if (request.docker_slots) {
        if (const auto kept = check_slots_kept(op, row->machine_id, *request.docker_slots); !kept)
            return kept.error();
        after.docker_slots = *request.docker_slots;
    }
    if (request.metadata) {
        auto merged = merged_metadata(after.metadata, *request.metadata);
        if (!merged) return merged.error();
        after.metadata = std::move(*merged);
    }
    event_note note{.kind = "updated"};
    if (request.status) after.status = next_status(row->status, patch_to(*request.status));
    if (after.status != row->status) note.kind = enum_name(after.status);
    if (const auto done = op.update(*row, after, note); !done) return done.error();
    return view(op, std::move(after));
}

result<machine_removal::answer> perform(operation& op, const machine_removal& request) {
    const auto row = machine_for_write(op, request.machine_id);
    if (!row) return row.error();
    const auto live = live_sessions_on(op.tx, row->machine_id);
    if (!live) return live.error();
    if (!live->empty()) {
        boost::json::object facts;
        facts["active_sessions"] = live->size();
        return error(
            errc::in_use,
            "the machine has " + std::to_string(live->size()) + " live sessions; end or recover them first",
            facts);
    }
    if (const auto done = op.erase(*row); !done) return done.error();
    return machine_removal::answer{};
}

result<machine_beat_answer> perform(operation& op, const machine_heartbeat& request) {
    const auto row = machine_for_write(op, request.machine_id);
    if (!row) return row.error();
    machine after = *row;
    after.status = next_status(row->status, machine_action::heartbeat);
    if (request.metadata) {
        auto merged = merged_metadata(after.metadata, *request.metadata);
        if (!merged) return merged.error();
        after.metadata = std::move(*merged);
    }
    if (const auto done = refresh(op, *row, after); !done) return done.error();
    machine_beat_answer answer;
    if (request.sessions) {
        answer.results.reserve(request.sessions->size());
        for (const heartbeat& beat : *request.sessions) {
            auto& [id, outcome] = answer.results.emplace_back();
            id = beat.session_id;
            const auto done = beat_session(op, beat, request.machine_id, *outcome);
            if (done) continue;
            // An element's refusal is its own; a store that fails fails the whole beat.
            for (const auto fatal : {errc::store_unavailable, errc::store_full, errc::store_corrupt})
                if (done.error().is(fatal)) return done.error();
            outcome = done.error();
        }
    }
    auto shown = view(op, std::move(after));
    if (!shown) return shown.error();
    answer.machine = std::move(*shown);
    return answer;
}

}  // namespace statetrack
