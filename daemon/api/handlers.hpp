// The handlers of the route table: plain functions of a call, tested without a socket. Those that take an
// exchange put their work into the tracker's queue; the others read, and may block.
#pragma once

#include "api/call.hpp"

namespace statetrackd {

// session_handlers.cpp
void create_session(const exchange& x);
response list_sessions(const context& in, const call& asked);
response list_archived(const context& in, const call& asked);
response show_session(const context& in, const call& asked);
void patch_session(const exchange& x);
void delete_session(const exchange& x);
void beat_session(const exchange& x);
void mark_session_failed(const exchange& x);
void mark_session_stalled(const exchange& x);
void archive_session(const exchange& x);
response session_events(const context& in, const call& asked);

// recovery_handlers.cpp
response fleet_health(const context& in, const call& asked);
response stalled_sessions(const context& in, const call& asked);
response session_health(const context& in, const call& asked);
response explain_session(const context& in, const call& asked);
response detect_failures(const context& in, const call& asked);
response recovery_state(const context& in, const call& asked);
void prepare_recovery(const exchange& x);
void recover_session(const exchange& x);
response clean_up(const context& in, const call& asked);

// task_handlers.cpp
void create_task(const exchange& x);
response list_tasks(const context& in, const call& asked);
response show_task(const context& in, const call& asked);
void patch_task(const exchange& x);
void delete_task(const exchange& x);

// machine_handlers.cpp
void register_machine(const exchange& x);
response list_machines(const context& in, const call& asked);
response show_machine(const context& in, const call& asked);
void patch_machine(const exchange& x);
void delete_machine(const exchange& x);
inline constexpr std::size_t machine_beat_values_max = 16'384;  // in its body
void beat_machine(const exchange& x);

// service_handlers.cpp
response health(const context& in, const call& asked);
response readiness(const context& in, const call& asked);
response detailed_health(const context& in, const call& asked);

// metrics_handler.cpp
response show_metrics(const context& in, const call& asked);

}  // namespace statetrackd
