// The lifecycles of sessions, tasks and machines: which state follows which, by what. Pure; every rule about
// states is here and nowhere else.
#pragma once

#include <boost/describe.hpp>
#include <optional>

#include "statetrack/entities.hpp"

namespace statetrack {

// A session, the common path:
//
//     create ──> active ──patch──> completed
//                  │  ^
//        detector  │  │ heartbeat
//                  v  │
//                stalled ──recover──> completed, and a successor: active, epoch + 1
//
// and whole:
//
//     create(pending) ──> pending ──heartbeat, patch──> active <──patch──> paused
//     pending, active, paused, stalled ──mark_failed, patch──> failed
//     pending, active, paused, stalled ──expire──> expired
//     active, paused, stalled ──patch──> completed
//     stalled, failed, expired ──recover──> completed (superseded)
enum class session_action : std::uint8_t {
    heartbeat,
    patch_pending,
    patch_active,
    patch_paused,
    patch_stalled,
    patch_completed,
    patch_failed,
    patch_expired,
    mark_stalled,
    mark_failed,
    stall_verdict,  // the detector
    expire,         // retention
    recover,
};
BOOST_DESCRIBE_ENUM(session_action, heartbeat, patch_pending, patch_active, patch_paused, patch_stalled,
                    patch_completed, patch_failed, patch_expired, mark_stalled, mark_failed, stall_verdict,
                    expire, recover)

constexpr bool is_terminal(session_status s) {
    return s == session_status::completed || s == session_status::failed || s == session_status::expired;
}
constexpr bool is_live(session_status s) { return !is_terminal(s); }

session_action patch_to(session_status s);

// The state that follows; the same one where the action is accepted and changes none; nothing where it is
// illegal.
std::optional<session_status> next_status(session_status from, session_action by);

// A task:
//
//     pending ──> in_progress ──> completed
//        ^  \        │   ^
//        │   \       v   │
//        │    └──> failed, blocked
//        └───────────┘
enum class task_action : std::uint8_t { set_pending, start, complete, fail, block };
BOOST_DESCRIBE_ENUM(task_action, set_pending, start, complete, fail, block)

task_action patch_to(task_status s);
std::optional<task_status> next_status(task_status from, task_action by);

// A machine: online <──> offline by heartbeats and their absence; maintenance is entered and left by patch
// only.
enum class machine_action : std::uint8_t {
    register_again,
    heartbeat,
    patch_online,
    patch_offline,
    patch_maintenance,
    silence,  // the detector
};
BOOST_DESCRIBE_ENUM(machine_action, register_again, heartbeat, patch_online, patch_offline, patch_maintenance,
                    silence)

machine_action patch_to(machine_status s);
// As above; every action is legal for a machine, so there is always an answer.
machine_status next_status(machine_status from, machine_action by);

}  // namespace statetrack
