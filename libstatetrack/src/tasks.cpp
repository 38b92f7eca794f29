// Tasks: pieces of work inside a session, fenced by the session's epoch.
#include "operation.hpp"
#include "statetrack/lifecycle.hpp"
#include "tracker_impl.hpp"

namespace statetrack {
namespace {

struct task_with_session {
    task row;
    session of;
};

// The task and its session, for a write: refused where the session was superseded or the epoch is another's.
result<task_with_session> task_for_write(operation& op, const uuid& id) {
    auto found = find_entity<task>(op.tx, id);
    if (!found) return found.error();
    if (!*found) return not_found_error("task", to_string(id));
    auto of = op.session_for_write((*found)->session_id);
    if (!of) return of.error();
    return task_with_session{std::move(**found), std::move(*of)};
}

result<> set_current_task(operation& op, const session& before, std::optional<std::string> to,
                          std::string_view reason) {
    session after = before;
    after.current_task_id = std::move(to);
    return op.update(before, after, {.kind = "updated", .reason = std::string(reason)});
}

result<> clear_current_task(operation& op, const task_with_session& both, std::string_view reason) {
    if (both.of.current_task_id != to_string(both.row.task_id)) return {};
    return set_current_task(op, both.of, std::nullopt, reason);
}

std::string_view kind_of(task_status to) {
    switch (to) {
        case task_status::pending:
            return "reset";
        case task_status::in_progress:
            return "started";
        case task_status::completed:
            return "completed";
        case task_status::failed:
            return "failed";
        case task_status::blocked:
            break;
    }
    return "blocked";
}

result<> move_task(operation& op, const task_patch& request, const task_with_session& both, task& after) {
    const task_status to = *request.status;
    if (both.row.status == to) return {};
    if (!next_status(both.row.status, patch_to(to))) {
        boost::json::object facts;
        facts["status"] = enum_name(both.row.status);
        return error(errc::illegal_transition,
                     "a task that is " + std::string(enum_name(both.row.status)) + " cannot become " +
                         std::string(enum_name(to)),
                     facts);
    }
    if (to == task_status::in_progress && is_terminal(both.of.status)) return terminal_error(both.of);
    if (to == task_status::failed &&
        (!request.error_message.given || !request.error_message.to || request.error_message.to->empty()))
        return invalid("error_message", "is required when a task fails");
    after.status = to;
    switch (to) {
        case task_status::in_progress:
            if (!after.started_at) after.started_at = op.at.now;
            after.completed_at.reset();
            break;
        case task_status::completed:
        case task_status::failed:
            after.completed_at = op.at.now;
            break;
        case task_status::blocked:
            after.completed_at.reset();
            break;
        case task_status::pending:
            after.started_at.reset();
            after.completed_at.reset();
            after.error_message.reset();
            break;
    }
    return {};
}

// What a task's move does to the session's current_task_id.
result<> follow_in_session(operation& op, const task_with_session& both, task_status to) {
    const std::string id = to_string(both.row.task_id);
    switch (to) {
        case task_status::in_progress:
            if (both.of.current_task_id == id) return {};
            return set_current_task(op, both.of, id, "task started");
        case task_status::completed:
        case task_status::failed:
        case task_status::blocked:
            return clear_current_task(op, both, "task " + std::string(enum_name(to)));
        case task_status::pending:
            break;
    }
    return {};
}

}  // namespace

result<task> perform(operation& op, const new_task& request) {
    auto of = op.session_for_write(request.session_id);
    if (!of) {
        if (of.error().is(errc::not_found)) return invalid("session_id", "names no session that exists");
        return of.error();
    }
    if (is_terminal(of->status)) return terminal_error(*of);
    const task row{.task_id = op.new_id(),
                   .session_id = request.session_id,
                   .project_id = request.project_id,
                   .github_issue_id = request.github_issue_id,
                   .task_name = request.task_name,
                   .metadata = request.metadata.value_or(json_text()),
                   .created_at = op.at.now,
                   .updated_at = op.at.now};
    if (const auto done = op.insert(row, {.kind = "created"}); !done) return done.error();
    return row;
}

result<task> perform(operation& op, const task_patch& request) {
    const auto both = task_for_write(op, request.task_id);
    if (!both) return both.error();
    if (const auto fits = op.check_version(both->row.version); !fits) return fits.error();
    task after = both->row;
    if (request.error_message.given) after.error_message = request.error_message.to;
    if (request.metadata) {
        auto merged = merged_metadata(after.metadata, *request.metadata);
        if (!merged) return merged.error();
        after.metadata = std::move(*merged);
    }
    if (request.status)
        if (const auto done = move_task(op, request, *both, after); !done) return done.error();
    event_note note{.kind = "updated"};
    const bool moved = after.status != both->row.status;
    if (moved) note.kind = kind_of(after.status);
    if (after.status == task_status::failed && moved) note.reason = after.error_message;
    if (const auto done = op.update(both->row, after, note); !done) return done.error();
    if (moved)
        if (const auto done = follow_in_session(op, *both, after.status); !done) return done.error();
    return after;
}

result<task_removal::answer> perform(operation& op, const task_removal& request) {
    auto found = find_entity<task>(op.tx, request.task_id);
    if (!found) return found.error();
    if (!*found) return not_found_error("task", to_string(request.task_id));
    auto of = find_entity<session>(op.tx, (*found)->session_id);
    if (!of) return of.error();
    if (!*of) return not_found_error("session", to_string((*found)->session_id));
    // A superseded session and its tasks take archive and DELETE, and nothing else.
    if (const auto fits = op.check_epoch(**of, op.by.epoch); !fits) return fits.error();
    const task_with_session both{std::move(**found), std::move(**of)};
    if (const auto done = op.erase(both.row); !done) return done.error();
    if (const auto done = clear_current_task(op, both, "task deleted"); !done) return done.error();
    return task_removal::answer{};
}

}  // namespace statetrack
