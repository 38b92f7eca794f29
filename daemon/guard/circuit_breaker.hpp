// Decides whether a store that fails is still asked: after several failures it is left alone for a while,
// then one call tries it. Knows time only as it is told.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>

#include "statetrack/clock.hpp"

namespace statetrackd {

inline constexpr std::size_t failures_to_open = 5;
inline constexpr std::int64_t failures_within_ms = 60'000;
inline constexpr std::int64_t open_for_ms = 30'000;

//            5 failures within 60 s               30 s
//   closed ───────────────────────────> open ─────────────> trying: one call goes through
//     ^                                   ^                     │   │
//     └─── it succeeds ───────────────────┼─────────────────────┘   │
//                                         └───────── it fails ──────┘
//
// Safe to call from several threads.
class circuit_breaker {
public:
    enum class permission : std::uint8_t { refused, usual, trial };
    enum class change : std::uint8_t { none, opened, closed };

    // Whoever is not refused reports how it went.
    permission ask(statetrack::instant now);
    // What a usual call reports of a time before the circuit opened changes nothing.
    change report(permission was, bool worked, statetrack::instant now);

    // Whether calls are refused, but for trials.
    bool is_open() const noexcept { return state_.load(std::memory_order_relaxed) != state::closed; }
    // Seconds until the next trial, at least 1.
    std::int64_t retry_after_s(statetrack::instant now) const;

private:
    enum class state : std::uint8_t { closed, open, trying };

    std::atomic<state> state_{state::closed};  // written under the lock
    mutable std::mutex mutex_;
    std::array<statetrack::instant, failures_to_open> failures_{};  // the newest, in a ring
    std::size_t failed_ = 0;                                        // since it was closed
    statetrack::instant opened_at_{};
};

}  // namespace statetrackd
