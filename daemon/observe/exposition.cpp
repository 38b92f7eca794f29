#include "observe/exposition.hpp"

#include <prometheus/metric_family.h>
#ifndef STATETRACKD_STATIC
#include <prometheus/text_serializer.h>
#endif

#include <array>
#include <map>
#include <span>
#include <utility>

#include "observe/exposition_text.hpp"
#include "statetrack/entities.hpp"
#include "statetrack/fields.hpp"

namespace statetrackd {
namespace {

using statetrack::session_status;
using labels = std::vector<std::pair<std::string_view, std::string_view>>;
using prometheus::MetricType;

constexpr double us_per_ms = 1'000;
constexpr double us_per_second = 1'000'000;
// Shown at zero before they happen for the first time: a rate needs two points.
constexpr std::string_view stall_reasons[] = {"silent", "machine_silent", "never_beat", "manual"};
constexpr std::string_view false_stall_reasons[] = {"silent", "machine_silent", "never_beat", "manual",
                                                    "client_suspended"};

class families {
public:
    void open(std::string_view name, std::string_view help, MetricType type) {
        all_.push_back({.name = std::string(name), .help = std::string(help), .type = type, .metric = {}});
    }
    void add(double value, const labels& with = {}) {
        auto& one = next(with);
        (all_.back().type == MetricType::Counter ? one.counter.value : one.gauge.value) = value;
    }
    void add(const histogram& from, double unit_us, const labels& with = {}) {
        const auto read = from.read();
        auto& into = next(with).histogram;
        for (std::size_t i = 0; i < read.bounds_us.size(); ++i)
            into.bucket.push_back({.cumulative_count = read.cumulative[i],
                                   .upper_bound = static_cast<double>(read.bounds_us[i]) / unit_us});
        into.sample_count = read.cumulative.back();
        into.sample_sum = static_cast<double>(read.sum_us) / unit_us;
    }

    void gauge(std::string_view name, std::string_view help, double value, const labels& with = {}) {
        open(name, help, MetricType::Gauge);
        add(value, with);
    }
    void counter(std::string_view name, std::string_view help, double value) {
        open(name, help, MetricType::Counter);
        add(value);
    }

    std::string text() const {
#ifdef STATETRACKD_STATIC
        return exposition_text(all_);
#else
        return prometheus::TextSerializer().Serialize(all_);
#endif
    }

private:
    prometheus::ClientMetric& next(const labels& with) {
        auto& one = all_.back().metric.emplace_back();
        for (const auto& [name, value] : with)
            one.label.push_back({.name = std::string(name), .value = std::string(value)});
        return one;
    }

    std::vector<prometheus::MetricFamily> all_;
};

double as_double(std::uint64_t n) { return static_cast<double>(n); }
double as_double(std::int64_t n) { return static_cast<double>(n); }

// A histogram under its old name in milliseconds, and under its good one in seconds.
void add_twins(families& into, std::string_view old_name, std::string_view good_name, const std::string& help,
               const histogram& from) {
    into.open(old_name, help + ", in milliseconds.", MetricType::Histogram);
    into.add(from, us_per_ms);
    into.open(good_name, help + ".", MetricType::Histogram);
    into.add(from, us_per_second);
}

void add_requests(families& into, const metrics& counted) {
    into.open("api_requests_total", "Requests answered, by route template, method and status.",
              MetricType::Counter);
    for (const auto& one : counted.requests()) {
        const auto method = one.method == verb::other ? "other" : name_of(one.method);
        const auto status = one.status == 0 ? std::string("other") : std::to_string(one.status);
        into.add(as_double(one.count), {{"endpoint", one.path}, {"method", method}, {"status", status}});
    }
    add_twins(into, "request_duration_ms", "statetrack_request_duration_seconds",
              "From the end of a request's header to its answer", counted.request_durations());
    add_twins(into, "heartbeat_latency_ms", "statetrack_heartbeat_duration_seconds",
              "The same of heartbeats that were accepted", counted.heartbeat_durations());
    into.counter("rate_limited_total", "Requests and beats of sessions refused for a used up budget.",
                 as_double(counted.rate_limited_count()));
    into.open("auth_failures_total", "Requests refused for their key, by reason.", MetricType::Counter);
    for (std::size_t i = 0; i < auth_failure_names.size(); ++i)
        into.add(as_double(counted.auth_failures(static_cast<auth_failure>(i))),
                 {{"reason", auth_failure_names[i]}});
}

void add_store(families& into, const metrics& counted, const scrape& now) {
    const std::pair<std::string_view, double> twins[] = {
        {"database_query_duration_ms", us_per_ms},
        {"statetrack_database_query_duration_seconds", us_per_second}};
    for (const auto& [name, unit_us] : twins) {
        into.open(name,
                  unit_us == us_per_ms ? "Calls of the store, by operation, in milliseconds."
                                       : "Calls of the store, by operation.",
                  MetricType::Histogram);
        for (std::size_t i = 0; i < store_verb_names.size(); ++i)
            into.add(counted.store_durations(static_cast<store_verb>(i)), unit_us,
                     {{"operation", store_verb_names[i]}});
    }
    into.gauge("statetrack_store_available", "Whether the store answered when it was last used.",
               now.tracked && now.tracked->detector.store_available ? 1 : 0);
    into.gauge("statetrack_store_circuit_open", "Whether calls of the store are refused unasked.",
               now.circuit_open ? 1 : 0);
}

void add_sessions(families& into, const session_counts& counts) {
    const auto of = [&](session_status s) { return as_double(counts[static_cast<std::size_t>(s)]); };
    into.gauge("active_sessions_count", "Active sessions within their deadline.", of(session_status::active));
    into.gauge("stalled_sessions_count", "Sessions marked stalled, or active and past their deadline.",
               of(session_status::stalled));
    const auto& names = statetrack::enum_names<session_status>();
    for (const auto* name : {"sessions_count", "statetrack_sessions"}) {
        into.open(name, "Sessions by status; past its deadline an active one counts as stalled.",
                  MetricType::Gauge);
        for (std::size_t i = 0; i < counts.size(); ++i)
            into.add(as_double(counts[i]), {{"status", std::string_view(names[i])}});
    }
}

void add_by_reason(families& into, const std::map<std::string, std::int64_t>& counts,
                   std::span<const std::string_view> known) {
    std::map<std::string_view, std::int64_t> all;
    for (const auto reason : known) all[reason] = 0;
    for (const auto& [reason, count] : counts) all[reason] = count;
    for (const auto& [reason, count] : all) into.add(as_double(count), {{"reason", reason}});
}

void add_detection(families& into, const metrics& counted, const scrape::detection& found) {
    add_twins(into, "stall_detection_delay_ms", "statetrack_stall_detection_delay_seconds",
              "From a session's deadline to its being marked stalled", counted.stall_delays());
    into.open("stalls_total", "Sessions marked stalled, by reason.", MetricType::Counter);
    add_by_reason(into, found.counters.stalls, stall_reasons);
    into.open("false_stalls_total", "Stalled sessions that came back by a beat of their epoch, by reason.",
              MetricType::Counter);
    add_by_reason(into, found.counters.false_stalls, false_stall_reasons);
    into.counter("recoveries_total", "Sessions continued in a successor.",
                 as_double(found.counters.recoveries));
    into.open("detector_hold", "Whether verdicts are held back now, by reason.", MetricType::Gauge);
    into.add(found.detector.hold == "mass_silence" ? 1 : 0, {{"reason", "mass_silence"}});
    into.add(found.detector.store_available ? 0 : 1, {{"reason", "store_unavailable"}});
}

// Prometheus calls what it scrapes from `job` too, and renames ours where the twin keeps its label.
void add_jobs(families& into, const std::vector<statetrack::job_record>& jobs) {
    const std::pair<std::string_view, std::string_view> twins[] = {
        {"background_job_runs_total", "job"}, {"statetrack_background_job_runs_total", "background_job"}};
    for (const auto& [name, label] : twins) {
        into.open(name, "Runs of background jobs, by job and result.", MetricType::Counter);
        for (const auto& job : jobs) {
            into.add(as_double(job.runs_succeeded), {{label, job.name}, {"result", "success"}});
            into.add(as_double(job.runs_failed), {{label, job.name}, {"result", "failure"}});
        }
    }
    into.open("statetrack_background_job_last_run_timestamp_seconds", "When a background job last ran.",
              MetricType::Gauge);
    for (const auto& job : jobs)
        if (job.last_run)
            into.add(static_cast<double>(job.last_run->ms) / 1'000, {{"background_job", job.name}});
}

void add_process(families& into, const process_figures& p) {
    into.counter("process_cpu_seconds_total", "Processor time used, of user and system.", p.cpu_seconds);
    into.gauge("process_start_time_seconds", "When the process started, in Unix time.", p.start_time_seconds);
    into.gauge("process_resident_memory_bytes", "Memory in use.", as_double(p.resident_bytes));
    into.gauge("process_virtual_memory_bytes", "Memory mapped.", as_double(p.virtual_bytes));
    into.gauge("process_open_fds", "Open file descriptors.", as_double(p.open_files));
    into.gauge("process_max_fds", "How many of them there may be.", as_double(p.files_max));
    into.gauge("process_threads", "Threads.", as_double(p.threads));
}

}  // namespace

std::string exposition(const metrics& counted, const scrape& now) {
    families all;
    add_requests(all, counted);
    add_store(all, counted, now);
    if (const auto counts = counted.sessions()) add_sessions(all, *counts);
    if (now.tracked) {
        add_detection(all, counted, *now.tracked);
        add_jobs(all, now.tracked->jobs);
    }
    all.counter("log_lines_dropped_total", "Log lines for which the queue had no room.",
                as_double(now.log_lines_dropped));
    all.gauge("open_connections", "Connections that are open.",
              as_double(static_cast<std::uint64_t>(now.open_connections)));
    all.gauge("statetrack_build_info", "Always 1; the version is in the label.", 1,
              {{"version", now.version}});
    if (now.process) add_process(all, *now.process);
    return all.text();
}

}  // namespace statetrackd
