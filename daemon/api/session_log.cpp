#include "api/session_log.hpp"

#include <algorithm>

namespace statetrackd {
namespace {

std::string_view machine_of(const statetrack::session& s) {
    return s.machine_id ? std::string_view(*s.machine_id) : std::string_view{};
}

}  // namespace

void log_session(const context& in, const call& asked, std::string_view what, const statetrack::session& s,
                 log_level level) {
    if (!in.log->wants(level)) return;
    in.log->write(level, what,
                  {{"request_id", asked.request_id},
                   {"session_id", to_string(s.session_id)},
                   {"project_id", s.project_id},
                   {"machine_id", machine_of(s)},
                   {"epoch", s.epoch},
                   {"endpoint", asked.matched->path}});
}

void log_beat(const context& in, const call& asked, const statetrack::heartbeat_answer& beat) {
    log_session(in, asked, "heartbeat", beat.session.row, beat.first ? log_level::info : log_level::debug);
}

void log_stalled(const context& in, const call& asked, const statetrack::session& s) {
    in.log->warn("session stalled", {{"request_id", asked.request_id},
                                     {"session_id", to_string(s.session_id)},
                                     {"project_id", s.project_id},
                                     {"machine_id", machine_of(s)},
                                     {"epoch", s.epoch},
                                     {"time_since_heartbeat_ms",
                                      std::max<std::int64_t>(0, in.tracker->now().ms - s.last_heartbeat.ms)},
                                     {"endpoint", asked.matched->path}});
}

void log_recovered(const context& in, const call& asked, std::string_view original,
                   const statetrack::recovered& made) {
    const auto& successor = made.session.row;
    in.log->info("session recovered", {{"request_id", asked.request_id},
                                       {"session_id", original},
                                       {"new_session_id", to_string(successor.session_id)},
                                       {"project_id", successor.project_id},
                                       {"machine_id", machine_of(successor)},
                                       {"epoch", successor.epoch},
                                       {"tasks_reset", made.tasks_reset},
                                       {"tasks_carried", made.tasks_carried},
                                       {"endpoint", asked.matched->path}});
}

}  // namespace statetrackd
