// What a load program prints for the harness: one JSON line of a rate, its delays and whatever else it
// counted.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace statetrack::bench {

using steady = std::chrono::steady_clock;

inline double ms_since(steady::time_point from) {
    return std::chrono::duration<double, std::milli>(steady::now() - from).count();
}

// The value below which this share of the values lies; sorts them.
inline double percentile(std::span<double> values, double share) {
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    return values[std::min(values.size() - 1,
                           static_cast<std::size_t>(static_cast<double>(values.size()) * share))];
}

using figures = std::vector<std::pair<std::string_view, double>>;

inline void print_figures(const figures& all) {
    std::string line = "{";
    for (const auto& [name, number] : all) {
        if (line.size() > 1) line += ',';
        line += '"' + std::string(name) + "\":" + std::to_string(number);
    }
    std::printf("%s}\n", line.c_str());
}

// Rate and delays of `delays_ms.size()` operations that took `seconds` together.
inline figures rate_figures(std::span<double> delays_ms, double seconds) {
    return {{"rps", static_cast<double>(delays_ms.size()) / seconds},
            {"p50_ms", percentile(delays_ms, 0.50)},
            {"p99_ms", percentile(delays_ms, 0.99)},
            {"max_ms", percentile(delays_ms, 1.0)}};
}

}  // namespace statetrack::bench
