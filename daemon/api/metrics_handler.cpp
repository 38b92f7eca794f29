// GET /metrics: answered from memory, so that it goes on answering whatever the store does.
#include "api/answer.hpp"
#include "api/handlers.hpp"
#include "observe/exposition.hpp"
#include "version.hpp"

namespace statetrackd {

response show_metrics(const context& in, const call& asked) {
    query_reader none(asked);
    if (auto wrong = wrong_query(in, asked, none)) return std::move(*wrong);
    if (!in.counted) return refused(in, asked, no_such_entity());
    scrape now{.circuit_open = in.breaker && in.breaker->is_open(),
               .log_lines_dropped = in.log->lines_dropped(),
               .open_connections = in.open_connections ? in.open_connections() : 0,
               .process = read_process_figures(),
               .version = version};
    if (in.tracker)
        now.tracked = scrape::detection{.counters = in.tracker->counters(),
                                        .detector = in.tracker->detector(),
                                        .jobs = in.tracker->jobs()};
    return {.body = exposition(*in.counted, now), .content_type = exposition_type};
}

}  // namespace statetrackd
