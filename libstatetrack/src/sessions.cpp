// Creating, patching, marking, archiving and deleting sessions.
#include "operation.hpp"
#include "statetrack/lifecycle.hpp"
#include "tracker_impl.hpp"

namespace statetrack {
namespace {

session blank_session(operation& op, const new_session& request) {
    const uuid id = request.session_id ? *request.session_id : op.new_id();
    session row{.session_id = id,
                .project_id = request.project_id,
                .machine_id = request.machine_id,
                .docker_slot = request.docker_slot,
                .agent_role = request.agent_role,
                .status = request.status == initial_status::pending ? session_status::pending
                                                                    : session_status::active,
                .last_heartbeat = op.at.now,
                .stall_threshold_ms = request.stall_threshold_ms,
                .progress_threshold_ms = request.progress_threshold_ms,
                .checkpoint = request.checkpoint,
                .lineage_id = id,
                .created_at = op.at.now,
                .updated_at = op.at.now};
    if (row.status == session_status::active) row.started_at = op.at.now;
    if (request.metadata) set_metadata(row, request.metadata->object());
    return row;
}

// The newest live session of the request's place.
result<std::optional<session>> to_take_over(operation& op, const new_session& request) {
    query what{.where = {where<&session::machine_id>(request.machine_id), where_live(),
                         where<&session::project_id>(request.project_id),
                         where<&session::docker_slot>(request.docker_slot)},
               .order = direction::descending,
               .limit = 1};
    auto found = select_entities<session>(op.tx, what);
    if (!found) return found.error();
    if (found->empty()) return std::optional<session>{};
    return std::optional<session>(std::move(found->front()));
}

result<session_created> take_over(operation& op, const session& original, const new_session& request) {
    const auto failed = end_session(op, original, session_status::failed, "taken over", nullptr, "failed");
    if (!failed) return failed.error();
    const succession how{
        .machine_id = *request.machine_id, .docker_slot = request.docker_slot, .overrides = &request};
    auto made = succeed(op, *failed, how);
    if (!made) return made.error();
    return session_created{
        .session = std::move(made->session), .created = true, .taken_over_from = original.session_id};
}

result<> patch_status(operation& op, const session& row, session& after, session_status to) {
    if (row.status == to) return {};
    if (is_terminal(row.status)) return terminal_error(row);
    const auto next = next_status(row.status, patch_to(to));
    if (!next) return transition_error(row, enum_name(to));
    if (*next == session_status::active) {
        if (!row.machine_id)
            return error(errc::illegal_transition,
                         "the session has no machine and so no place; recover it onto one");
        after.last_heartbeat = op.at.now;
        if (!after.started_at) after.started_at = op.at.now;
    }
    if (*next == session_status::completed) after.completed_at = op.at.now;
    after.status = *next;
    return {};
}

std::string_view kind_of_change(const session& before, const session& after) {
    if (before.status == after.status) return "updated";
    switch (after.status) {
        case session_status::active:
            return before.status == session_status::pending ? "activated" : "reactivated";
        case session_status::paused:
            return "paused";
        case session_status::stalled:
            return "stalled";
        case session_status::completed:
            return "completed";
        default:
            return "updated";
    }
}

result<> apply_patch(operation& op, const session_patch& request, const session& row, session& after) {
    if (request.current_task_id.given) {
        if (is_terminal(row.status)) return terminal_error(row);
        after.current_task_id = request.current_task_id.to;
    }
    if (request.stall_threshold_ms.given) after.stall_threshold_ms = request.stall_threshold_ms.to;
    if (request.progress_threshold_ms.given) after.progress_threshold_ms = request.progress_threshold_ms.to;
    if (request.checkpoint.given) after.checkpoint = request.checkpoint.to;
    if (request.metadata)
        if (const auto merged = merge_metadata(after, *request.metadata); !merged) return merged.error();
    if (request.status) return patch_status(op, row, after, *request.status);
    return {};
}

// A deleted session leaves its id to whoever wants it, but not while another session continues it: the work
// would be there twice, and the chain a circle where the new one takes its own successor over.
result<> check_not_continued(operation& op, const uuid& id) {
    for (const auto& its : {std::vector{where<&session::recovered_from>(id)}, where_successors_in(id)}) {
        const auto found = select_entities<session>(op.tx, {.where = its, .limit = 1});
        if (!found) return found.error();
        if (found->empty()) continue;
        const session& later = found->front();
        boost::json::object facts;
        facts["superseded_by"] = to_string(later.session_id);
        facts["epoch"] = later.epoch;
        return error(errc::superseded,
                     "session " + to_string(id) + " has been deleted and is continued by " +
                         to_string(later.session_id) + "; take another session_id",
                     facts);
    }
    return {};
}

}  // namespace

result<session_created> perform(operation& op, const new_session& request) {
    if (request.session_id) {
        auto there = find_entity<session>(op.tx, *request.session_id);
        if (!there) return there.error();
        if (*there) {
            const session& row = **there;
            if (row.project_id == request.project_id && row.machine_id == request.machine_id &&
                row.docker_slot == request.docker_slot)
                return session_created{.session = {row}, .created = false};
            return error(errc::already_exists, "session " + to_string(row.session_id) +
                                                   " exists with another project, machine or slot");
        }
        if (const auto fits = check_not_continued(op, *request.session_id); !fits) return fits.error();
    }
    if (const auto fits = check_slot(op, request.machine_id, request.docker_slot); !fits) return fits.error();
    if (request.on_conflict == conflict_policy::takeover && request.machine_id) {
        const auto original = to_take_over(op, request);
        if (!original) return original.error();
        if (*original) return take_over(op, **original, request);
    }
    session row = blank_session(op, request);
    if (const auto done = op.insert(row, {.kind = "created"}); !done)
        return op.place_error(done.error(), row);
    return session_created{.session = {std::move(row)}};
}

result<session_view> perform(operation& op, const session_patch& request) {
    auto found = op.session_for_write(request.session_id);
    if (!found) return found.error();
    const session& row = *found;
    if (const auto fits = op.check_version(row.version); !fits) return fits.error();

    // A patch to failed is mark-failed, whatever else it carries.
    if (request.status == session_status::failed && is_live(row.status)) {
        session_patch others = request;
        others.status.reset();
        others.metadata.reset();
        session prepared = row;
        if (const auto done = apply_patch(op, others, row, prepared); !done) return done.error();
        if (const auto done = op.update(row, prepared, {.kind = "updated"}); !done) return done.error();
        const json_text* metadata = request.metadata ? &*request.metadata : nullptr;
        auto failed = end_session(op, prepared, session_status::failed, "failed", metadata, "failed");
        if (!failed) return failed.error();
        return session_view{std::move(*failed)};
    }

    session after = row;
    if (const auto done = apply_patch(op, request, row, after); !done) return done.error();
    event_note note{.kind = kind_of_change(row, after)};
    if (note.kind == "stalled") {
        note.reason = "manual";
        op.out.stalls.push_back("manual");
    }
    row_news news{.at = op.at.age};
    if (after.status == session_status::active && row.status != after.status) news.heard = op.at.age;
    if (const auto done = op.update(row, after, note, news); !done)
        return op.place_error(done.error(), after);
    return session_view{std::move(after)};
}

result<session_removal::answer> perform(operation& op, const session_removal& request) {
    auto found = find_entity<session>(op.tx, request.session_id);
    if (!found) return found.error();
    if (!*found) return not_found_error("session", to_string(request.session_id));
    if (const auto fits = op.check_epoch(**found, op.by.epoch); !fits) return fits.error();
    const auto tasks = op.erase(**found, std::nullopt);
    if (!tasks) return tasks.error();
    return session_removal::answer{*tasks};
}

result<task> fail_task(operation& op, session& row, const task& before, const std::string& text) {
    task after = before;
    after.status = task_status::failed;
    after.completed_at = op.at.now;
    after.error_message = text;
    if (const auto done = op.update(before, after, {.kind = "failed", .reason = text}); !done)
        return done.error();
    if (row.current_task_id == to_string(before.task_id)) row.current_task_id.reset();
    return after;
}

result<> fail_running_tasks(operation& op, session& row, const std::string& text) {
    query running{
        .where = {where<&task::session_id>(row.session_id), where<&task::status>(task_status::in_progress)}};
    const auto tasks = select_all<task>(op.tx, running);
    if (!tasks) return tasks.error();
    for (const task& one : *tasks)
        if (const auto failed = fail_task(op, row, one, text); !failed) return failed.error();
    return {};
}

result<session> end_session(operation& op, const session& row, session_status to, const std::string& text,
                            const json_text* metadata, std::string_view kind) {
    session after = row;
    if (const auto done = fail_running_tasks(op, after, text); !done) return done.error();
    after.status = to;
    after.completed_at = op.at.now;
    after.current_task_id.reset();
    if (metadata)
        if (const auto merged = merge_metadata(after, *metadata); !merged) return merged.error();
    boost::json::object with_text = after.metadata.object();
    with_text["error_message"] = text;
    set_metadata(after, with_text);
    if (after.metadata.text().size() > document_bytes_max)
        return invalid("metadata", "would have more than " + std::to_string(document_bytes_max) +
                                       " bytes as JSON with the error message in it");
    if (const auto done = op.update(row, after, {.kind = kind, .reason = text}); !done) return done.error();
    return after;
}

result<session_view> perform(operation& op, const failure_mark& request) {
    auto found = op.session_for_write(request.session_id);
    if (!found) return found.error();
    if (found->status == session_status::failed) return session_view{std::move(*found)};
    if (!next_status(found->status, session_action::mark_failed)) return terminal_error(*found);
    const json_text* metadata = request.metadata ? &*request.metadata : nullptr;
    auto failed = end_session(op, *found, session_status::failed, request.error_message, metadata, "failed");
    if (!failed) return failed.error();
    return session_view{std::move(*failed)};
}

result<session_view> perform(operation& op, const stall_mark& request) {
    auto found = op.session_for_write(request.session_id);
    if (!found) return found.error();
    const session& row = *found;
    if (row.status == session_status::stalled) return session_view{std::move(*found)};
    if (is_terminal(row.status)) return terminal_error(row);
    if (!next_status(row.status, session_action::mark_stalled)) return transition_error(row, "stalled");
    session after = row;
    after.status = session_status::stalled;
    if (const auto done = op.update(row, after, {.kind = "stalled", .reason = "manual"}); !done)
        return done.error();
    op.out.stalls.push_back("manual");
    return session_view{std::move(after)};
}

result<session_view> perform(operation& op, const archiving& request) {
    auto found = find_entity<session>(op.tx, request.session_id);
    if (!found) return found.error();
    if (!*found) return not_found_error("session", to_string(request.session_id));
    const session& row = **found;
    if (const auto fits = op.check_epoch(row, op.by.epoch); !fits) return fits.error();
    if (is_live(row.status))
        return error(errc::wrong_state,
                     "only a completed, failed or expired session can be archived; this one is " +
                         std::string(enum_name(row.status)));
    if (row.archived) return session_view{row};
    session after = row;
    auto metadata = row.metadata.object();
    metadata["archived"] = true;
    metadata["archived_at"] = to_string(op.at.now);
    set_metadata(after, metadata);
    if (const auto done = op.update(row, after, {.kind = "archived"}); !done) return done.error();
    return session_view{std::move(after)};
}

}  // namespace statetrack
