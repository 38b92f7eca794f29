// What the operating system knows of this process, under the names that every Prometheus client library uses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace statetrackd {

struct process_figures {
    double cpu_seconds = 0;
    double start_time_seconds = 0;  // Unix time
    std::int64_t resident_bytes = 0;
    std::int64_t virtual_bytes = 0;
    std::int64_t threads = 0;
    std::int64_t open_files = 0;
    std::int64_t files_max = 0;
};

// Nothing where the system does not say (it is no Linux, or /proc is not mounted).
std::optional<process_figures> read_process_figures();

// The fields of /proc/self/stat; `boot_seconds` is the Unix time of the system's start.
std::optional<process_figures> parse_process_stat(const std::string& stat, double ticks_per_second,
                                                  std::int64_t page_bytes, double boot_seconds);

}  // namespace statetrackd
