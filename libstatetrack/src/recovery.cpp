// Recovery: the work of a session goes on in exactly one successor, under the next epoch.
#include "operation.hpp"
#include "statetrack/lifecycle.hpp"
#include "tracker_impl.hpp"

namespace statetrack {
namespace {

// What a successor inherits of the metadata: not how its predecessor ended, nor that it was archived.
boost::json::object inherited(const json_text& metadata) {
    boost::json::object kept;
    for (const auto& member : metadata.object()) {
        const auto key = member.key();
        if (key == "error_message" || key == "archived" || key == "archived_at" ||
            key.starts_with("recovery_"))
            continue;
        kept[key] = member.value();
    }
    return kept;
}

session make_successor(operation& op, const session& original, const succession& how) {
    session row{.session_id = op.new_id(),
                .project_id = original.project_id,
                .machine_id = how.machine_id,
                .docker_slot = how.docker_slot,
                .agent_role = original.agent_role,
                .status = session_status::active,
                .last_heartbeat = op.at.now,
                .stall_threshold_ms = original.stall_threshold_ms,
                .progress_threshold_ms = original.progress_threshold_ms,
                .checkpoint = original.checkpoint,
                .started_at = op.at.now,
                .recovered_from = original.session_id,
                .lineage_id = original.lineage_id,
                .epoch = original.epoch + 1,
                .created_at = op.at.now,
                .updated_at = op.at.now};
    set_metadata(row, inherited(original.metadata));
    if (how.overrides) {
        const new_session& given = *how.overrides;
        if (given.session_id) row.session_id = *given.session_id;
        if (given.agent_role) row.agent_role = given.agent_role;
        if (given.stall_threshold_ms) row.stall_threshold_ms = given.stall_threshold_ms;
        if (given.progress_threshold_ms) row.progress_threshold_ms = given.progress_threshold_ms;
        if (given.checkpoint) row.checkpoint = given.checkpoint;
        if (given.metadata) set_metadata(row, given.metadata->object());
        if (given.status == initial_status::pending) {
            row.status = session_status::pending;
            row.started_at.reset();
        }
    }
    return row;
}

result<> supersede(operation& op, const session& before, session& after, const session& successor) {
    after.status = session_status::completed;
    after.completed_at = op.at.now;
    after.superseded_by = successor.session_id;
    auto metadata = after.metadata.object();
    metadata["recovered_to"] = to_string(successor.session_id);
    metadata["recovered_at"] = to_string(op.at.now);
    set_metadata(after, metadata);
    return op.update(before, after, {.kind = "recovered"});
}

task next_attempt(operation& op, const task& old, const session& successor) {
    return {.task_id = op.new_id(),
            .session_id = successor.session_id,
            .project_id = old.project_id,
            .github_issue_id = old.github_issue_id,
            .task_name = old.task_name,
            .status = task_status::pending,
            .metadata = old.metadata,
            .retry_of = old.task_id,
            .attempt = old.attempt + 1,
            .created_at = op.at.now,
            .updated_at = op.at.now};
}

result<std::int64_t> reset_tasks(operation& op, const std::vector<task>& failed, const session& successor) {
    for (const task& old : failed)
        if (const auto done =
                op.insert(next_attempt(op, old, successor), {.kind = "created", .reason = "retry"});
            !done)
            return done.error();
    return static_cast<std::int64_t>(failed.size());
}

result<std::int64_t> carry_tasks(operation& op, const std::vector<task>& waiting, const session& successor) {
    for (const task& old : waiting) {
        task carried = next_attempt(op, old, successor);
        carried.status = old.status;
        carried.attempt = old.attempt;
        carried.started_at = old.started_at;
        carried.error_message = old.error_message;
        if (const auto done = op.insert(carried, {.kind = "created", .reason = "carried over"}); !done)
            return done.error();
        task closed = old;
        closed.status = task_status::failed;
        closed.completed_at = op.at.now;
        closed.error_message = "carried over";
        if (const auto done = op.update(old, closed, {.kind = "failed", .reason = "carried over"}); !done)
            return done.error();
    }
    return static_cast<std::int64_t>(waiting.size());
}

result<std::vector<task>> tasks_of(reader& from, const uuid& session_id,
                                   std::initializer_list<task_status> states) {
    condition in_states{.column = column_of<&task::status>()};
    for (const auto s : states) in_states.one_of.push_back(projection<task_status>::to(s));
    return select_all<task>(from, {.where = {where<&task::session_id>(session_id), in_states}});
}

// What the predecessor leaves to do.
struct left_tasks {
    std::vector<task> failed;   // those that were under way among them
    std::vector<task> waiting;  // pending or blocked
};

result<left_tasks> leave_tasks(operation& op, session& closed) {
    using enum task_status;
    auto unfinished = tasks_of(op.tx, closed.session_id, {pending, in_progress, failed, blocked});
    if (!unfinished) return unfinished.error();
    left_tasks left;
    for (task& one : *unfinished) {
        if (one.status == in_progress) {
            auto interrupted = fail_task(op, closed, one, "interrupted");
            if (!interrupted) return interrupted.error();
            left.failed.push_back(std::move(*interrupted));
        } else {
            (one.status == failed ? left.failed : left.waiting).push_back(std::move(one));
        }
    }
    return left;
}

bool recoverable(session_status s) { return next_status(s, session_action::recover).has_value(); }

error not_recoverable(const session& row) {
    return error(errc::wrong_state,
                 "only a failed, stalled or expired session can be recovered; this one is " +
                     std::string(enum_name(row.status)));
}

}  // namespace

result<recovered> succeed(operation& op, const session& original, const succession& how) {
    const session successor = make_successor(op, original, how);
    session closed = original;
    // Before the carried ones become failed too: those are not to be tried again.
    const auto left = leave_tasks(op, closed);
    if (!left) return left.error();
    // The predecessor leaves its place first, so that the successor can have the very same.
    if (const auto done = supersede(op, original, closed, successor); !done) return done.error();

    const event_note note{.kind = "created",
                          .reason = how.overrides ? "takeover" : "recovery",
                          .extra = "\"recovered_from\":\"" + to_string(original.session_id) + "\""};
    if (const auto done = op.insert(successor, note); !done) return op.place_error(done.error(), successor);
    recovered answer{.session = {successor}};
    if (how.reset_failed_tasks) {
        const auto count = reset_tasks(op, left->failed, successor);
        if (!count) return count.error();
        answer.tasks_reset = *count;
    }
    if (how.carry_pending_tasks) {
        const auto count = carry_tasks(op, left->waiting, successor);
        if (!count) return count.error();
        answer.tasks_carried = *count;
    }
    ++op.out.recoveries;
    return answer;
}

result<recovered> perform(operation& op, const recovery& request) {
    auto found = find_entity<session>(op.tx, request.session_id);
    if (!found) return found.error();
    if (!*found) return not_found_error("session", to_string(request.session_id));
    const session& original = **found;
    if (op.by.epoch && *op.by.epoch != original.epoch) return superseded_error(original);
    if (original.superseded_by) {
        auto successor = find_entity<session>(op.tx, *original.superseded_by);
        if (!successor) return successor.error();
        // Another one has its id where it was deleted and the id given again.
        if (*successor && (*successor)->recovered_from == original.session_id)
            return recovered{.session = {std::move(**successor)}, .created = false};
        boost::json::object facts;
        facts["superseded_by"] = to_string(*original.superseded_by);
        return error(
            errc::successor_gone,
            "it was recovered once as " + to_string(*original.superseded_by) + ", which has been deleted",
            facts);
    }
    if (!recoverable(original.status)) return not_recoverable(original);
    if (const auto fits = check_slot(op, request.new_machine_id, request.docker_slot); !fits)
        return fits.error();
    return succeed(op, original,
                   {.machine_id = request.new_machine_id,
                    .docker_slot = request.docker_slot,
                    .reset_failed_tasks = request.reset_failed_tasks,
                    .carry_pending_tasks = request.carry_pending_tasks});
}

result<recovery_state> read_recovery_state(reader& from, const session& row) {
    recovery_state state{.row = row};
    auto finished = tasks_of(from, row.session_id, {task_status::completed});
    if (!finished) return finished.error();
    for (task& one : *finished)
        if (!state.last_successful_task || one.completed_at >= state.last_successful_task->completed_at)
            state.last_successful_task = std::move(one);
    const std::pair<task_status, std::vector<task>*> shelves[] = {
        {task_status::failed, &state.failed_tasks},
        {task_status::pending, &state.pending_tasks},
        {task_status::in_progress, &state.in_progress_tasks},
        {task_status::blocked, &state.blocked_tasks}};
    for (const auto& [status, shelf] : shelves) {
        auto tasks = tasks_of(from, row.session_id, {status});
        if (!tasks) return tasks.error();
        *shelf = std::move(*tasks);
    }
    return state;
}

result<recovery_state> perform(operation& op, const recovery_preparation& request) {
    auto found = find_entity<session>(op.tx, request.session_id);
    if (!found) return found.error();
    if (!*found) return not_found_error("session", to_string(request.session_id));
    const session& row = **found;
    if (const auto fits = op.check_epoch(row, op.by.epoch); !fits) return fits.error();
    if (!recoverable(row.status)) return not_recoverable(row);
    session after = row;
    auto metadata = row.metadata.object();
    metadata["recovery_prepared_at"] = to_string(op.at.now);
    set_metadata(after, metadata);
    if (request.clear_machine) {
        after.machine_id.reset();
        after.docker_slot.reset();
    }
    if (const auto done = op.update(row, after, {.kind = "recovery_prepared"}); !done) return done.error();
    return read_recovery_state(op.tx, after);
}

}  // namespace statetrack
