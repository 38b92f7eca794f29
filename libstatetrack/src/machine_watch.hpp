// The machines as the detector sees them: how fresh each is, which sessions live there, and whether so many
// fell silent at once that the fault is likelier ours than theirs. Not thread-safe; the tracker guards it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory_resource>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "statetrack/clock.hpp"
#include "statetrack/entities.hpp"

namespace statetrack {

// The mass-silence guard of the model, section "Stall detection".
inline constexpr std::int64_t guard_machines_min = 3;
inline constexpr std::int64_t guard_lost_percent = 30;
inline constexpr std::int64_t guard_back_percent = 70;
inline constexpr std::int64_t guard_back_within_ms = 60'000;
inline constexpr std::int64_t guard_hold_ms_max = 15 * 60'000;

// What every beat of a machine's sessions touches lies in one line of the processor's caches.
struct alignas(64) machine_presence {
    std::optional<instant> heard{};  // its own beat or any of its sessions'
    // One bit a slot of listened time, the newest lowest: when it beat.
    std::int64_t slot = 0;
    std::uint64_t beats = 0;
    std::int64_t active = 0;     // of its sessions; counted by liveness_index
    std::int64_t announced = 0;  // of these: those that announced silence, over by now perhaps
    std::int64_t sessions = 0;   // live ones

    std::string id{};
    bool registered = false;
    machine_status status = machine_status::online;
    std::int64_t version = 0;
    std::optional<instant> own_heard{};  // the machine's own heartbeat
};

class machine_watch {
public:
    // beat_interval_ms: η of the tracker's default threshold.
    explicit machine_watch(std::int64_t beat_interval_ms);

    void apply(const machine& row, std::optional<instant> heard);
    void erase(const std::string& machine_id);
    // Where a session is about to live: good as long as it does.
    machine_presence* enter(const std::string& machine_id);
    void session_moved(machine_presence* from, machine_presence* to);
    // Forgets a machine that has neither a row nor a session.
    void leave(machine_presence* m);
    // listened_ms: the tracker's time less its absences, so that a window that we missed is none of silence.
    void heard(machine_presence& m, instant at, std::int64_t listened_ms, bool own);
    void heard(const std::string& machine_id, instant at, std::int64_t listened_ms, bool own);

    const machine_presence* find(const std::string& machine_id) const;
    // Whether a machine's row has come or changed since this was last asked.
    bool take_news() { return std::exchange(has_news_, false); }

    // Whether a machine counts: it has an active session that announced no silence.
    using counts = std::function<bool(const machine_presence&)>;

    struct census {
        std::vector<std::string> before;  // B: beat in the 3 η before the last 1.5 η
        std::int64_t lost = 0;            // those of B silent for the last 1.5 η
    };
    census take_census(std::int64_t listened_ms, const counts& counted) const;

    // Starts, keeps or ends the hold. A span when one has just ended: it counts as our absence.
    std::optional<std::pair<instant, instant>> guard(instant now, std::int64_t listened_ms,
                                                     const counts& counted);
    bool holding() const { return hold_.has_value(); }
    std::optional<instant> holding_since() const;

    template <class F>
    void for_each(F&& f) const {
        for (const auto& [id, presence] : machines_) f(id, presence);
    }

private:
    struct hold {
        instant since{};
        std::vector<std::string> before;
    };
    bool over(const hold& h, instant now) const;
    bool enough_lost(std::int64_t listened_ms) const;
    std::uint64_t beats_at(const machine_presence& m, std::int64_t slot) const;

    std::int64_t slot_ms_;
    // Close together, though they come one by one among all that is made with their sessions.
    std::pmr::unsynchronized_pool_resource memory_;
    std::pmr::unordered_map<std::string, machine_presence> machines_{&memory_};
    std::optional<hold> hold_;
    bool has_news_ = true;
};

}  // namespace statetrack
