// What a sweep did, told to the log and the metrics: verdicts one by one, and the runs of its jobs.
#pragma once

#include <map>
#include <string>

#include "observe/log.hpp"
#include "observe/metrics.hpp"
#include "statetrack/tracker.hpp"

namespace statetrackd {

// How many of a pass are logged one by one; the rest stands in the events.
inline constexpr std::size_t logged_one_by_one_max = 100;

// `counted` may be null.
void tell_verdicts(const statetrack::sweep_report& report, const statetrack::tracker& from, logger& log,
                   metrics* counted);

// Of one thread. Each run is told once; a job that fails over and over with one error is told of at error
// once, then at debug.
class job_log {
public:
    explicit job_log(logger& log) : log_(log) {}

    // Those that have run since the last call.
    void tell(const std::vector<statetrack::job_record>& jobs);
    // Outside the records: something thrown, a checkpoint that failed.
    void tell_failure(const std::string& job, std::string_view error, std::string_view detail);
    void tell_success(const std::string& job) { failing_.erase(job); }

private:
    logger& log_;
    std::map<std::string, std::int64_t> runs_;
    std::map<std::string, std::string> failing_;  // with what
};

}  // namespace statetrackd
