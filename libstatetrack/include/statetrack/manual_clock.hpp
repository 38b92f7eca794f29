// A clock that moves only when told to. Ships with the library so that hosts can test "stall, recover, the
// zombie returns" in milliseconds.
#pragma once

#include <mutex>

#include "statetrack/clock.hpp"

namespace statetrack {

// Safe to use from several threads.
class manual_clock final : public clock {
public:
    explicit manual_clock(timestamp start = {1'768'816'800'000});  // 2026-01-19T10:00:00Z

    clock_reading read() const override;

    // Time passes, for every clock alike. ms >= 0.
    void advance(std::int64_t ms);
    // The host sleeps: the wall and the age clock move, the awake clock stands still. ms >= 0.
    void suspend(std::int64_t ms);
    // The wall clock is set, forwards or backwards; no time passes.
    void step_wall(std::int64_t ms);
    // The host reboots: the age and the awake clock start again from zero; the wall moves on by ms >= 0.
    void reboot(std::int64_t ms);

private:
    mutable std::mutex mutex_;
    clock_reading now_;
};

}  // namespace statetrack
