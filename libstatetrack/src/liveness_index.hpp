// What the detector holds in memory: one entry a live session, its newest sign of life, and a heap of when
// each wants to be looked at. A hint beside the rows, which decide. Not thread-safe; the tracker guards it.
#pragma once

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "statetrack/deadline.hpp"
#include "statetrack/entities.hpp"
#include "timeline.hpp"

namespace statetrack {

inline constexpr instant never{std::numeric_limits<std::int64_t>::max()};

struct machine_presence;

// A million of them are held at once, so absent values take no room of their own.
struct live_entry {
    uuid id{};
    std::int64_t version = 0;
    std::int64_t epoch = 1;
    instant last_heard{};
    timestamp last_heartbeat{};  // as the row has it: another there than here is a beat we have not seen
    // Stored times are brought onto the age clock once, when they change: later the wall may have stepped.
    timestamp silence_until{};               // where announced
    instant announced_until{};               // where announced
    timestamp last_progress_at{};            // where progressed
    instant progress_since{};                // the newest mark, or when judging began
    std::int64_t stall_threshold_ms = 0;     // 0: the tracker's
    std::int64_t progress_threshold_ms = 0;  // 0: none
    machine_presence* machine = nullptr;     // of machine_watch, which keeps it while the session lives there
    instant filed = never;                   // the earliest place in the heap that is still valid
    session_status status = session_status::active;
    bool announced : 1 = false;
    bool progressed : 1 = false;
    bool has_beat : 1 = false;           // any since it started
    bool waiting : 1 = false;            // for a person: progress is not judged
    bool progress_reported : 1 = false;  // its episode has its event
    bool observed : 1 = false;           // STALL_MODE=observe: its verdict has its event
    bool live : 1 = false;               // else its place is free

    std::optional<instant> announcement() const {
        return announced ? std::optional(announced_until) : std::nullopt;
    }
};

// When a row was written, and whether that was a sign of life.
struct row_news {
    instant at{};
    std::optional<instant> heard{};
    bool by_beat = false;
};

// What a plain heartbeat left in its row.
struct plain_beat {
    uuid session_id{};
    std::int64_t version = 0;
    timestamp last_heartbeat{};
    std::optional<timestamp> last_progress_at{};
    std::optional<timestamp> silence_until{};
};

class liveness_index {
public:
    // What a row has told: of which entry, and whether a deadline of its may have come forward, so that it
    // must be filed anew.
    struct told {
        live_entry* entry = nullptr;
        bool look_again = false;
    };
    // Brings the entry to what the row says; a terminal row's entry goes. Older versions of a row are
    // ignored. `machine`: where the session lives.
    told apply(const session& row, machine_presence* machine, const timeline& times, const row_news& news);
    // The same for what a plain heartbeat changes.
    told beat(const plain_beat& by, const timeline& times, instant at);
    // What apply reads of a row, in the table's order.
    static std::vector<std::size_t> columns_applied();
    // So many are about to come.
    void reserve(std::size_t sessions);
    void erase(const uuid& id);
    // A sign of life: a maximum, so that it is harmless if the write behind it fails. No entry: unknown, or
    // another epoch than the session's.
    told heard(const uuid& id, std::optional<std::int64_t> epoch, instant at);

    const live_entry* find(const uuid& id) const;
    live_entry* find(const uuid& id);
    std::size_t size() const { return places_.size(); }
    std::size_t size_ever() const { return entries_.size(); }  // free places included

    // Files an entry to be looked at no later than `at`.
    void file(live_entry& entry, instant at);
    // Takes up to `limit` ids out whose filing is at or before `now`; each must be filed again by the caller.
    std::vector<uuid> take_due(instant now, std::size_t limit);
    // The ids whose filing is at or before `now`, left in place.
    std::vector<uuid> peek_due(instant now) const;
    std::optional<instant> next_due() const;

    // Calls f(entry) for up to `limit` places from `from` on; where to go on, 0 at the end.
    template <class F>
    std::size_t walk(std::size_t from, std::size_t limit, F&& f) {
        const std::size_t end = std::min(entries_.size(), from + limit);
        for (std::size_t i = from; i < end; ++i)
            if (entries_[i].live) f(entries_[i]);
        return end == entries_.size() ? 0 : end;
    }

private:
    using place = std::uint32_t;
    struct filing {
        instant at;
        place entry;
        bool operator>(const filing& other) const { return at > other.at; }
    };
    bool valid(const filing& f) const;
    std::pair<live_entry*, bool> enter(const uuid& id);
    // True where the entry must be looked at again.
    static bool judged_anew(live_entry& e);
    static bool take_progress(live_entry& e, std::optional<timestamp> last_progress_at, timestamp else_since,
                              const timeline& times, instant at);
    static bool take_silence(live_entry& e, std::optional<timestamp> until, const timeline& times);

    boost::unordered_flat_map<uuid, place, std::hash<uuid>> places_;
    std::deque<live_entry> entries_;  // never moved
    std::vector<place> free_;
    // A binary heap, earliest first; filings that no entry stands behind are skipped.
    std::vector<filing> heap_;
};

}  // namespace statetrack
