// How the daemon itself does.
#include <algorithm>

#include "api/answer.hpp"
#include "api/handlers.hpp"
#include "version.hpp"

namespace statetrackd {
namespace {

using namespace statetrack;

constexpr std::int64_t job_silence_ms_max = 600'000;

std::int64_t uptime_seconds(const context& in) { return (in.time->read().age - in.started) / 1'000; }

void add_standing(object_writer& object, const context& in, std::string_view status) {
    object.add("status", status);
    object.add("timestamp", in.time->read().wall);
    object.add("uptime", uptime_seconds(in));
}

struct database_standing {
    bool connected = false;
    std::int64_t response_time_ms = 0;
};

database_standing ask_database(const context& in) {
    if (!in.tracker) return {};
    const auto from = in.time->read().age;
    const auto answered = in.keep->read([](reader&) -> result<> { return {}; });
    return {answered.has_value() && in.tracker->detector().store_available, in.time->read().age - from};
}

// A job is late when it has not run for ten minutes, or twice its interval where that is longer.
bool is_late(const context& in, const job_record& job) {
    const auto allowed = std::max(job_silence_ms_max, 2 * job.interval_ms);
    const auto silent_ms =
        job.last_run ? in.tracker->now().ms - job.last_run->ms : uptime_seconds(in) * 1'000;
    return silent_ms > allowed;
}

void add_jobs(object_writer& dependencies, const context& in, const std::vector<job_record>& jobs,
              bool healthy) {
    std::optional<timestamp> last_run;
    for (const auto& job : jobs) last_run = std::max(last_run, job.last_run);
    object_writer object(dependencies.member("background_jobs"));
    object.add("status", healthy ? "ok" : "degraded");
    object.add("last_run", last_run);
    append_array(object.member("jobs"), jobs, [&](std::string& out, const job_record& job) {
        object_writer one(out);
        one.add("name", job.name);
        one.add("status", is_late(in, job) || job.last_error ? "degraded" : "ok");
        one.add("last_run", job.last_run);
        one.add("duration_ms", job.duration_ms);
        one.add("affected", job.affected);
        one.add("runs_succeeded", job.runs_succeeded);
        one.add("runs_failed", job.runs_failed);
        one.add("last_error",
                job.last_error ? std::optional<std::string>("see the daemon's log") : std::nullopt);
        one.add("interval_ms", job.interval_ms);
        one.close();
    });
    object.close();
}

}  // namespace

response health(const context& in, const call&) {
    response answer;
    object_writer object(answer.body);
    add_standing(object, in, "ok");
    object.close();
    return answer;
}

response readiness(const context& in, const call& asked) {
    if (in.draining)
        return refused(in, asked,
                       failure{.status = 503, .code = "draining", .message = "the daemon is shutting down"});
    if (!in.tracker || !in.tracker->detector().store_available || (in.breaker && in.breaker->is_open()))
        return refused(in, asked, error(errc::store_unavailable));
    return health(in, asked);
}

response detailed_health(const context& in, const call& asked) {
    query_reader none(asked);
    if (auto wrong = wrong_query(in, asked, none)) return std::move(*wrong);
    const auto database = ask_database(in);
    const auto jobs = in.tracker ? in.tracker->jobs() : std::vector<job_record>{};
    const bool jobs_healthy = std::none_of(
        jobs.begin(), jobs.end(), [&](const auto& job) { return is_late(in, job) || job.last_error; });

    response answer{.status = database.connected ? 200 : 503};
    object_writer object(answer.body);
    add_standing(object, in, !database.connected ? "error" : jobs_healthy ? "ok" : "degraded");
    object_writer dependencies(object.member("dependencies"));
    object_writer store(dependencies.member("database"));
    store.add("status", database.connected ? "ok" : "error");
    store.add("response_time_ms", database.response_time_ms);
    store.add("connected", database.connected);
    store.close();
    add_jobs(dependencies, in, jobs, jobs_healthy);
    dependencies.close();
    object.add("version", version);
    object.add("environment", in.environment);
    object.close();
    return answer;
}

}  // namespace statetrackd
