#include "api/routes.hpp"

#include "api/handlers.hpp"

namespace statetrackd {
namespace {

route reads(std::string_view path, response (*handler)(const context&, const call&),
            std::string_view summary) {
    return {.method = verb::get,
            .path = path,
            .where = lane::reader,
            .handler = handler,
            .summary = summary,
            .needs = role::read};
}

route writes(verb method, std::string_view path, void (*handler)(const exchange&), std::string_view summary) {
    return {.method = method,
            .path = path,
            .where = lane::queue,
            .handler = handler,
            .summary = summary,
            .needs = method == verb::del ? role::admin : role::client};
}

// Operators' work: reads and writes for as long as it takes.
route works(verb method, std::string_view path, response (*handler)(const context&, const call&),
            std::string_view summary) {
    return {.method = method,
            .path = path,
            .where = lane::alone,
            .handler = handler,
            .summary = summary,
            .needs = role::admin};
}

// Asked every few seconds by whatever watches the daemon: answered from memory, without a key, logged at
// debug.
route probes(std::string_view path, response (*handler)(const context&, const call&),
             std::string_view summary) {
    return {.method = verb::get,
            .path = path,
            .where = lane::memory,
            .handler = handler,
            .summary = summary,
            .open = true,
            .level = log_level::debug,
            .uses_store = false};
}

// For whoever runs the daemon, also while the store is away.
route shows(std::string_view path, lane where, response (*handler)(const context&, const call&),
            std::string_view summary) {
    auto r = reads(path, handler, summary);
    r.where = where;
    r.level = log_level::debug;
    r.uses_store = false;
    return r;
}

// Nearly all the traffic, in budgets of their own: a limit that ate heartbeats would make healthy sessions
// look dead.
route beats(std::string_view path, budget counted, void (*handler)(const exchange&),
            std::string_view summary) {
    auto r = writes(verb::post, path, handler, summary);
    r.counted = counted;
    r.level = log_level::debug;
    return r;
}

}  // namespace

const std::vector<route>& all_routes() {
    using enum verb;
    static const std::vector<route> table = {
        writes(post, "/api/sessions", create_session, "Create a session"),
        reads("/api/sessions", list_sessions, "List sessions, newest first"),
        reads("/api/sessions/health", fleet_health, "Count sessions by status"),
        reads("/api/sessions/stalled", stalled_sessions,
              "List sessions marked stalled or past their deadline"),
        reads("/api/sessions/archived", list_archived, "List archived sessions"),
        works(post, "/api/sessions/detect-failures", detect_failures, "Look at every active session now"),
        works(post, "/api/sessions/cleanup", clean_up, "Delete ended sessions past retention"),
        works(del, "/api/sessions/cleanup", clean_up, "Delete ended sessions past retention"),
        reads("/api/sessions/{id}", show_session, "Show a session"),
        writes(patch, "/api/sessions/{id}", patch_session, "Change a session"),
        writes(del, "/api/sessions/{id}", delete_session, "Delete a session with its tasks"),
        beats("/api/sessions/{id}/heartbeat", budget::session, beat_session, "Say that a session is alive"),
        reads("/api/sessions/{id}/health", session_health, "Judge one session's health now"),
        reads("/api/sessions/{id}/explain", explain_session,
              "Explain the detector's verdict with its inputs"),
        writes(post, "/api/sessions/{id}/mark-failed", mark_session_failed,
               "Mark a session failed, with its running tasks"),
        writes(post, "/api/sessions/{id}/mark-stalled", mark_session_stalled, "Mark a session stalled"),
        reads("/api/sessions/{id}/recovery-state", recovery_state, "Show what a successor needs to know"),
        writes(post, "/api/sessions/{id}/prepare-recovery", prepare_recovery,
               "Prepare a session for recovery"),
        writes(post, "/api/sessions/{id}/recover", recover_session,
               "Continue a session in a successor, exactly once"),
        writes(post, "/api/sessions/{id}/archive", archive_session, "Spare an ended session from retention"),
        reads("/api/sessions/{id}/events", session_events, "List the history of a session and its tasks"),

        writes(post, "/api/tasks", create_task, "Create a task in a session"),
        reads("/api/tasks", list_tasks, "List tasks, newest first"),
        reads("/api/tasks/{id}", show_task, "Show a task"),
        writes(patch, "/api/tasks/{id}", patch_task, "Change a task"),
        writes(del, "/api/tasks/{id}", delete_task, "Delete a task"),

        writes(post, "/api/machines", register_machine, "Register a machine, or register it again"),
        reads("/api/machines", list_machines, "List machines, newest first"),
        reads("/api/machines/{id}", show_machine, "Show a machine with its live sessions"),
        writes(patch, "/api/machines/{id}", patch_machine, "Change a machine"),
        writes(del, "/api/machines/{id}", delete_machine, "Delete a machine without live sessions"),
        beats("/api/machines/{id}/heartbeat", budget::machine, beat_machine,
              "Say that a machine and its sessions are alive"),

        probes("/health", health, "Is the process alive?"),
        probes("/livez", health, "Is the process alive?"),
        probes("/readyz", readiness, "Can it serve?"),
        shows("/health/detailed", lane::reader, detailed_health, "Show the standing of every dependency"),
        shows("/metrics", lane::memory, show_metrics, "Show the metrics as Prometheus reads them"),
    };
    return table;
}

std::vector<endpoint> endpoints_of(const std::vector<route>& routes) {
    std::vector<endpoint> all;
    for (const auto& r : routes) all.push_back({.path = r.path, .beats = r.counted != budget::key});
    return all;
}

}  // namespace statetrackd
