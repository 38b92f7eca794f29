#include "observe/verdict_log.hpp"

namespace statetrackd {
namespace {

using namespace statetrack;

void tell_sessions(std::string_view what, const std::vector<uuid>& ids, const tracker& from, logger& log) {
    for (std::size_t i = 0; i < ids.size() && i < logged_one_by_one_max; ++i) {
        const auto found = from.find_session(ids[i]);
        if (!found) continue;
        const auto& s = found->row;
        log.warn(what, {{"session_id", to_string(s.session_id)},
                        {"project_id", s.project_id},
                        {"machine_id", s.machine_id ? std::string_view(*s.machine_id) : std::string_view{}},
                        {"time_since_heartbeat_ms", from.now().ms - s.last_heartbeat.ms}});
    }
    if (ids.size() > logged_one_by_one_max)
        log.warn(what, {{"others", static_cast<std::int64_t>(ids.size() - logged_one_by_one_max)}});
}

}  // namespace

void tell_verdicts(const sweep_report& report, const tracker& from, logger& log, metrics* counted) {
    if (counted)
        for (const auto late_ms : report.stall_delays_ms) counted->stall_marked(late_ms);
    tell_sessions("session stalled", report.stalled, from, log);
    tell_sessions("session expired", report.expired, from, log);
    tell_sessions("session alive but not progressing", report.not_progressing, from, log);
    for (const auto& id : report.offline) log.warn("machine offline", {{"machine_id", id}});
    if (report.deleted_sessions > 0)
        log.info("sessions deleted", {{"deleted_sessions", report.deleted_sessions}});
}

void job_log::tell(const std::vector<job_record>& jobs) {
    for (const auto& job : jobs) {
        const auto runs = job.runs_succeeded + job.runs_failed;
        auto& told = runs_[job.name];
        if (runs == told) continue;
        told = runs;
        log_.write(job.affected > 0 ? log_level::info : log_level::debug, "background job run",
                   {{"name", job.name},
                    {"affected", job.affected},
                    {"duration_ms", job.duration_ms},
                    {"result", job.last_error ? "failure" : "success"}});
        if (job.last_error)
            tell_failure(job.name, *job.last_error, {});
        else
            tell_success(job.name);
    }
}

void job_log::tell_failure(const std::string& job, std::string_view error, std::string_view detail) {
    auto& known = failing_[job];
    const bool fresh = known != error;
    known = error;
    log_.write(fresh ? log_level::error : log_level::debug, "background job failed",
               {{"name", job}, {"error", error}, {"detail", detail}});
}

}  // namespace statetrackd
