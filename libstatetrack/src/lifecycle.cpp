#include "statetrack/lifecycle.hpp"

namespace statetrack {

session_action patch_to(session_status s) {
    switch (s) {
        case session_status::pending:
            return session_action::patch_pending;
        case session_status::active:
            return session_action::patch_active;
        case session_status::paused:
            return session_action::patch_paused;
        case session_status::stalled:
            return session_action::patch_stalled;
        case session_status::completed:
            return session_action::patch_completed;
        case session_status::failed:
            return session_action::patch_failed;
        case session_status::expired:
            break;
    }
    return session_action::patch_expired;
}

std::optional<session_status> next_status(session_status from, session_action by) {
    using enum session_status;
    using enum session_action;
    const auto any_of = [from](auto... states) { return ((from == states) || ...); };
    const auto to = [from](session_status target, bool legal) -> std::optional<session_status> {
        if (legal || from == target) return target;
        return std::nullopt;
    };
    switch (by) {
        case heartbeat:
            if (from == paused) return paused;
            return to(active, any_of(pending, stalled));
        case patch_pending:
            return to(pending, false);
        case patch_active:
            return to(active, any_of(pending, paused, stalled));
        case patch_paused:
            return to(paused, from == active);
        case patch_stalled:
        case mark_stalled:
            return to(stalled, from == active);
        case patch_completed:
            return to(completed, any_of(active, paused, stalled));
        case patch_failed:
        case mark_failed:
            return to(failed, is_live(from));
        case patch_expired:
            return to(expired, false);
        case stall_verdict:
            if (from == active) return stalled;
            return std::nullopt;
        case expire:
            if (is_live(from)) return expired;
            return std::nullopt;
        case recover:
            if (any_of(stalled, failed, expired)) return completed;
            return std::nullopt;
    }
    return std::nullopt;
}

task_action patch_to(task_status s) {
    switch (s) {
        case task_status::pending:
            return task_action::set_pending;
        case task_status::in_progress:
            return task_action::start;
        case task_status::completed:
            return task_action::complete;
        case task_status::failed:
            return task_action::fail;
        case task_status::blocked:
            break;
    }
    return task_action::block;
}

std::optional<task_status> next_status(task_status from, task_action by) {
    using enum task_status;
    const auto any_of = [from](auto... states) { return ((from == states) || ...); };
    const auto to = [from](task_status target, bool legal) -> std::optional<task_status> {
        if (legal || from == target) return target;
        return std::nullopt;
    };
    switch (by) {
        case task_action::set_pending:
            return to(pending, any_of(blocked, failed));
        case task_action::start:
            return to(in_progress, any_of(pending, blocked, failed));
        case task_action::complete:
            return to(completed, any_of(pending, in_progress, blocked));
        case task_action::fail:
            return to(failed, any_of(pending, in_progress, blocked));
        case task_action::block:
            return to(blocked, any_of(pending, in_progress, failed));
    }
    return std::nullopt;
}

machine_action patch_to(machine_status s) {
    switch (s) {
        case machine_status::online:
            return machine_action::patch_online;
        case machine_status::offline:
            return machine_action::patch_offline;
        case machine_status::maintenance:
            break;
    }
    return machine_action::patch_maintenance;
}

machine_status next_status(machine_status from, machine_action by) {
    using enum machine_status;
    switch (by) {
        case machine_action::register_again:
        case machine_action::heartbeat:
            return from == offline ? online : from;
        case machine_action::patch_online:
            return online;
        case machine_action::patch_offline:
            return offline;
        case machine_action::patch_maintenance:
            return maintenance;
        case machine_action::silence:
            return from == online ? offline : from;
    }
    return from;
}

}  // namespace statetrack
