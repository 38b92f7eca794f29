// Simulated time, the way a host spends real time: sweep, wait as long as the sweep says, sweep again.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "statetrack/manual_clock.hpp"
#include "statetrack/tracker.hpp"

// The sessions that stalled meanwhile.
inline std::vector<statetrack::uuid> let_pass(statetrack::tracker& fleet, statetrack::manual_clock& clock,
                                              std::int64_t ms) {
    std::vector<statetrack::uuid> stalled;
    while (ms > 0) {
        const auto report = fleet.sweep();
        stalled.insert(stalled.end(), report.stalled.begin(), report.stalled.end());
        const auto step_ms = std::clamp<std::int64_t>(report.next_in_ms, 1, ms);
        clock.advance(step_ms);
        ms -= step_ms;
    }
    return stalled;
}
