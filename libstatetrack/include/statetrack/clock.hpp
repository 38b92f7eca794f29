// Time as the library sees it: it never asks the system itself, a clock is passed in.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace statetrack {

inline constexpr std::int64_t day_ms = 86'400'000;

// A point of UTC, milliseconds since 1970. What is stored and shown; ages are never computed from it.
struct timestamp {
    std::int64_t ms = 0;

    friend auto operator<=>(const timestamp&, const timestamp&) = default;
};

// ISO 8601 as `2026-01-19T10:00:00.123Z`; years outside 0..9999 are clamped to that range.
std::string to_string(timestamp at);
// Writes the 24 characters of to_string to out, without a terminator.
void write_text(timestamp at, char* out);
// The form above, milliseconds optional, `Z` required; nothing for anything else.
std::optional<timestamp> parse_timestamp(std::string_view text);

// A point on a clock that never goes back and counts suspension; its zero means nothing. Ages are
// differences of these.
struct instant {
    std::int64_t ms = 0;

    friend auto operator<=>(const instant&, const instant&) = default;
    friend instant operator+(instant at, std::int64_t ms) { return {at.ms + ms}; }
    friend instant operator-(instant at, std::int64_t ms) { return {at.ms - ms}; }
    friend std::int64_t operator-(instant a, instant b) { return a.ms - b.ms; }
};

// One look at all the clocks.
struct clock_reading {
    timestamp wall{};           // UTC; may step
    instant age{};              // never goes back, counts suspension (CLOCK_BOOTTIME)
    std::int64_t awake_ms = 0;  // never goes back, stands still in suspension (CLOCK_MONOTONIC)
};

// The only source of time in the library. Implementations are safe to call from several threads.
class clock {
public:
    virtual ~clock() = default;
    virtual clock_reading read() const = 0;
};

// The operating system's clocks.
std::unique_ptr<clock> make_system_clock();

}  // namespace statetrack
