// When silence becomes a stall. Pure arithmetic on the age clock; the sweep, the health queries and explain
// all ask here, so they cannot disagree.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "statetrack/clock.hpp"

namespace statetrack {

inline constexpr std::int64_t beat_interval_ms_max = 55'000;
inline constexpr std::int64_t verdict_delay_ms_max = 1'000;   // Δ: how late a verdict may be
inline constexpr std::int64_t sweep_lateness_ms_max = 2'000;  // a sweep later than this was our own absence
inline constexpr std::int64_t listening_thresholds = 3;
inline constexpr std::size_t absences_max = 64;

// η, the advised beat interval: min(55 s, 0.31 × threshold). With 60 s beats against a threshold of 180 s two
// lost beats and a little jitter are a false stall; 55 s takes that knife edge away.
std::int64_t beat_interval_ms(std::int64_t threshold_ms);

// min(threshold, η + G), G = max(15 s, η/4) at most the threshold: how long we must have listened without a
// break before a verdict, and what is added to an announced silence.
std::int64_t listening_grace_ms(std::int64_t threshold_ms);

// A span in which this tracker could not have heard anybody.
struct absence {
    instant from{};
    instant to{};

    friend bool operator==(const absence&, const absence&) = default;
};

struct silence {
    instant last_heard{};
    std::int64_t threshold_ms = 0;
    std::optional<instant> announced_until{};
};

// The last instant at which the silence is still none of a stall: verdicts are for now > deadline.
//
// base = last_heard + threshold, or announced_until + grace where that is later.
// With absences (sorted, disjoint): no earlier than the last absence's end + grace, unless three thresholds
// have been listened in all since last_heard, breaks or not, so that a tracker that restarts for ever keeps
// nobody alive for ever.
instant deadline(const silence& of, std::span<const absence> absences);

// How long of the span from..to we listened.
std::int64_t listened_ms(instant from, instant to, std::span<const absence> absences);

}  // namespace statetrack
