// What the detector holds in memory: one entry a live session, its newest sign of life, and a heap of when
// each wants to be looked at. A hint beside the rows, which decide. Not thread-safe; the tracker guards it.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "statetrack/deadline.hpp"
#include "statetrack/entities.hpp"
#include "timeline.hpp"

namespace statetrack {

inline constexpr instant never{std::numeric_limits<std::int64_t>::max()};
// Earlier than every reading, and far enough from the end of the range to be subtracted from.
inline constexpr instant at_once{std::numeric_limits<std::int64_t>::min() / 4};

struct live_entry {
    uuid id{};
    session_status status = session_status::active;
    std::int64_t version = 0;
    std::int64_t epoch = 1;
    instant last_heard{};
    timestamp last_heartbeat{};  // as the row has it: another there than here is a beat we have not seen
    bool has_beat = false;       // any since it started
    // Stored times are brought onto the age clock once, when they change: later the wall may have stepped.
    std::optional<timestamp> silence_until{};
    std::optional<instant> announced_until{};
    std::optional<timestamp> last_progress_at{};
    instant progress_since{};  // the newest mark, or when judging began
    std::optional<std::int64_t> stall_threshold_ms{};
    std::optional<std::int64_t> progress_threshold_ms{};
    bool waiting = false;            // for a person: progress is not judged
    bool progress_reported = false;  // its episode has its event
    bool observed = false;           // STALL_MODE=observe: its verdict has its event
    std::optional<std::string> machine_id{};
    instant filed = never;  // the earliest place in the heap that is still valid
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
    // Brings the entry to what the row says; a terminal row's entry goes. Older versions of a row are
    // ignored.
    void apply(const session& row, const timeline& times, const row_news& news);
    // The same for what a plain heartbeat changes. The entry, where there is one to tell.
    const live_entry* beat(const plain_beat& by, const timeline& times, instant at);
    void erase(const uuid& id);
    // A sign of life: a maximum, so that it is harmless if the write behind it fails. False: unknown, or
    // another epoch than the session's.
    bool heard(const uuid& id, std::optional<std::int64_t> epoch, instant at);

    const live_entry* find(const uuid& id) const;
    live_entry* find(const uuid& id);
    std::size_t size() const { return entries_.size(); }

    // Files an entry to be looked at no later than `at`.
    void file(live_entry& entry, instant at);
    // Takes up to `limit` ids out whose filing is at or before `now`; each must be filed again by the caller.
    std::vector<uuid> take_due(instant now, std::size_t limit);
    // The ids whose filing is at or before `now`, left in place.
    std::vector<uuid> peek_due(instant now) const;
    std::optional<instant> next_due() const;

    template <class F>
    void for_each(F&& f) {
        for (auto& [id, entry] : entries_) f(entry);
    }
    template <class F>
    void for_each(F&& f) const {
        for (const auto& [id, entry] : entries_) f(entry);
    }

private:
    struct filing {
        instant at;
        uuid id;
        bool operator>(const filing& other) const { return at > other.at; }
    };
    bool valid(const filing& f) const;
    // True where the entry must be looked at again.
    static bool take_progress(live_entry& e, std::optional<timestamp> last_progress_at, timestamp else_since,
                              const timeline& times, instant at);
    static bool take_silence(live_entry& e, std::optional<timestamp> until, const timeline& times);

    boost::unordered_flat_map<uuid, live_entry, std::hash<uuid>> entries_;
    std::vector<filing>
        heap_;  // a binary heap, earliest first; filings that no entry stands behind are skipped
};

}  // namespace statetrack
