// Metrics as text, the way Prometheus reads them. The one file that knows of the library for it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "observe/metrics.hpp"
#include "observe/process_figures.hpp"
#include "statetrack/views.hpp"

namespace statetrackd {

inline constexpr std::string_view exposition_type = "text/plain; version=0.0.4; charset=utf-8";

// What others know at the moment of a scrape.
struct scrape {
    // Nothing before the store has been opened for the first time.
    struct detection {
        statetrack::tracker_counters counters{};
        statetrack::detector_status detector{};
        std::vector<statetrack::job_record> jobs{};
    };
    std::optional<detection> tracked{};
    bool circuit_open = false;
    std::uint64_t log_lines_dropped = 0;
    std::size_t open_connections = 0;
    std::optional<process_figures> process{};
    std::string_view version{};
};

// Names that users' dashboards know stand beside twins that keep to Prometheus' rules of naming (base units,
// no reserved suffixes) where they break these themselves.
std::string exposition(const metrics& counted, const scrape& now);

}  // namespace statetrackd
