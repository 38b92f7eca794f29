// The tracker's own sense of time: stored times that follow the wall clock, and the record of when it was not
// listening. Not thread-safe but for absent_since; the tracker guards it.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "statetrack/clock.hpp"
#include "statetrack/deadline.hpp"

namespace statetrack {

inline constexpr std::int64_t wall_step_ms_min = 1'000;   // beyond this a stored time is re-anchored
inline constexpr std::int64_t suspension_ms_min = 1'000;  // less is two clocks' rounding

// A reading of the clocks together with the stored time that belongs to it.
struct moment {
    timestamp now{};
    instant age{};
};

struct recorded_absence {
    absence span{};
    std::string why;  // not_running, suspended, late_sweep, store_unavailable, mass_silence
};

class timeline {
public:
    explicit timeline(const clock_reading& at);

    // Looks at the clocks: re-anchors after a step of the wall, and records a suspension of the host as
    // absence. Every operation begins with this.
    moment look(const clock_reading& at);
    // The same at the beginning of a sweep, which may come later than asked for: an absence too. (Not so in
    // look: a host that never sweeps must still be told by health queries who is silent.)
    moment begin_sweep(const clock_reading& at);
    // The sweep is to be called again within next_in_ms.
    void end_sweep(instant at, std::int64_t next_in_ms);

    timestamp stored_time(instant at) const;
    instant age_of(timestamp at) const;  // of a stored time, on the present anchor

    // The store cannot be used from now on / can again.
    void store_failed(instant at);
    void store_works(instant at);
    bool store_available() const { return !store_down_since_; }

    void add_absence(absence span, std::string_view why);
    // A span that excuses silence like an absence and yet was none since the opening: one from before it, or
    // a hold, in which we did listen. Leaves listened_ms alone.
    void excuse(absence span, std::string_view why);
    // Sorted and disjoint; one that still goes on ends at `at`.
    std::vector<absence> absences(instant at) const;
    // The same, made anew only when it has changed.
    std::shared_ptr<const std::vector<absence>> shared_absences(instant at);
    // Whether an absence ends after `at`, or still goes on: others do not move the deadline of who was heard
    // then. Safe to call from any thread.
    bool absent_since(instant at) const noexcept {
        return absent_until_ms_.load(std::memory_order_acquire) > at.ms;
    }
    const std::vector<recorded_absence>& recorded() const { return recorded_; }
    bool changed_since_saved() const { return changed_; }
    void saved() { changed_ = false; }

    // Time listened since the tracker was opened, absences taken out: never goes back.
    std::int64_t listened_ms(instant at) const;

private:
    // By how much the time covered grew.
    std::int64_t merge(absence span, std::string_view why);

    void note_last_absence();

    std::int64_t anchor_ms_ = 0;  // stored time - age
    clock_reading last_look_;
    std::optional<instant> sweep_asked_for_;
    std::optional<instant> store_down_since_;
    std::vector<recorded_absence> recorded_;
    instant opened_at_;
    std::int64_t absent_ms_ = 0;  // since opened_at_
    std::atomic<std::int64_t> absent_until_ms_;
    bool changed_ = false;
    std::shared_ptr<const std::vector<absence>> shared_;  // of what is recorded; none: to be made anew
};

}  // namespace statetrack
