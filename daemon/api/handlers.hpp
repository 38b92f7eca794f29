// The handlers of the route table: plain functions of a call, tested without a socket. Those that are
// asking something put it into the tracker's queue; the others read, and may block.
#pragma once

#include "api/call.hpp"

namespace statetrackd {

// session_handlers.cpp
void create_session(const asking<statetrack::new_session>& what);
response list_sessions(const context& in, const call& asked);
response list_archived(const context& in, const call& asked);
response show_session(const context& in, const call& asked);
void patch_session(const asking<statetrack::session_patch>& what);
void delete_session(const asking<statetrack::session_removal>& what);
void beat_session(const asking<statetrack::heartbeat>& what);
void mark_session_failed(const asking<statetrack::failure_mark>& what);
void mark_session_stalled(const asking<statetrack::stall_mark>& what);
void archive_session(const asking<statetrack::archiving>& what);
response session_events(const context& in, const call& asked);

// recovery_handlers.cpp
response fleet_health(const context& in, const call& asked);
response stalled_sessions(const context& in, const call& asked);
response session_health(const context& in, const call& asked);
response explain_session(const context& in, const call& asked);
response detect_failures(const context& in, const call& asked);
response recovery_state(const context& in, const call& asked);
void prepare_recovery(const asking<statetrack::recovery_preparation>& what);
void recover_session(const asking<statetrack::recovery>& what);
response clean_up(const context& in, const call& asked);

// task_handlers.cpp
void create_task(const asking<statetrack::new_task>& what);
response list_tasks(const context& in, const call& asked);
response show_task(const context& in, const call& asked);
void patch_task(const asking<statetrack::task_patch>& what);
void delete_task(const asking<statetrack::task_removal>& what);

// machine_handlers.cpp
void register_machine(const asking<statetrack::machine_registration>& what);
response list_machines(const context& in, const call& asked);
response show_machine(const context& in, const call& asked);
void patch_machine(const asking<statetrack::machine_patch>& what);
void delete_machine(const asking<statetrack::machine_removal>& what);
inline constexpr std::size_t machine_beat_values_max = 16'384;  // in its body
void beat_machine(const asking<statetrack::machine_heartbeat>& what);

// service_handlers.cpp
response health(const context& in, const call& asked);
response readiness(const context& in, const call& asked);
response detailed_health(const context& in, const call& asked);

// metrics_handler.cpp
response show_metrics(const context& in, const call& asked);

// docs_handlers.cpp
response api_docs(const context& in, const call& asked);
response api_document(const context& in, const call& asked);
response page_style(const context& in, const call& asked);
response page_script(const context& in, const call& asked);

}  // namespace statetrackd
