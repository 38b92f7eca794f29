// What the detector holds in memory: one entry a live session, its newest sign of life, and a heap of when
// each wants to be looked at. A hint beside the rows, which decide. Not thread-safe; the tracker guards it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "block_source.hpp"
#include "place_set.hpp"
#include "short_time.hpp"
#include "statetrack/deadline.hpp"
#include "statetrack/entities.hpp"
#include "timeline.hpp"

namespace statetrack {

struct machine_presence;

// What few sessions have; those that have none of it share one.
struct uncommon_limits {
    // Stored times are brought onto the age clock once, when they change: later the wall may have stepped.
    timestamp silence_until{};               // where announced
    instant announced_until{};               // where announced
    timestamp last_progress_at{};            // where progressed
    std::int64_t stall_threshold_ms = 0;     // 0: the tracker's
    std::int64_t progress_threshold_ms = 0;  // 0: none
};

// A million of them are held at once: one each line of the processor's caches.
struct alignas(64) live_entry {
    using small = std::uint32_t;  // what is larger is held as the largest there is

    uuid id{};
    instant last_heard{};
    machine_presence* machine = nullptr;     // of machine_watch, which keeps it while the session lives there
    short_time<timestamp> last_heartbeat{};  // as the row has it: another there than here is a beat not seen
    short_time<instant> progress_since{};    // the newest mark, or when judging began
    short_time<instant> filed = never;       // the earliest place in the heap that is still valid
    session_status status = session_status::active;
    bool announced : 1 = false;
    bool progressed : 1 = false;
    bool has_beat : 1 = false;           // any since it started
    bool waiting : 1 = false;            // for a person: progress is not judged
    bool progress_reported : 1 = false;  // its episode has its event
    bool observed : 1 = false;           // STALL_MODE=observe: its verdict has its event
    bool live : 1 = false;               // else its place is free
    small version = 0;
    small epoch = 1;
    small uncommon = 0;  // where its limits are kept; 0: nothing uncommon

    static constexpr instant never{short_time<instant>::ms_max};
    static small held(std::int64_t number) {
        return static_cast<small>(std::clamp<std::int64_t>(number, 0, std::numeric_limits<small>::max()));
    }
};
static_assert(sizeof(live_entry) == 64 && std::is_trivially_destructible_v<live_entry>);

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

    // Has the processor fetch what finding it looks at first. Inlined, see place_set.
    [[gnu::always_inline]] void fetch(const uuid& id) const { places_.fetch(std::hash<uuid>{}(id)); }
    // The same for the entry itself.
    [[gnu::always_inline]] void fetch_entry(const uuid& id) const {
        if (const auto likely = places_.likely(std::hash<uuid>{}(id))) __builtin_prefetch(&at(*likely));
    }
    const live_entry* find(const uuid& id) const;
    live_entry* find(const uuid& id);
    std::size_t size() const { return places_.size(); }
    std::size_t size_ever() const { return entries_; }  // free places included
    const uncommon_limits& limits_of(const live_entry& e) const { return limits_[e.uncommon]; }
    std::optional<instant> announcement_of(const live_entry& e) const {
        return e.announced ? std::optional(limits_of(e).announced_until) : std::nullopt;
    }

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
        const std::size_t end = std::min<std::size_t>(entries_, from + limit);
        for (std::size_t i = from; i < end; ++i)
            if (live_entry& e = at(static_cast<place>(i)); e.live) f(e);
        return end == entries_ ? 0 : end;
    }

private:
    using place = place_set::place;
    struct filing {
        short_time<instant> at;
        place entry;
        bool operator>(const filing& other) const { return instant(at) > instant(other.at); }
    };
    static_assert(sizeof(filing) == 12);
    static constexpr std::size_t entries_each = 1'024;

    live_entry& at(place p) { return blocks_[p / entries_each][p % entries_each]; }
    const live_entry& at(place p) const { return blocks_[p / entries_each][p % entries_each]; }
    void make_block();
    std::optional<place> place_of(const uuid& id) const;
    place new_place();
    bool valid(const filing& f) const;
    std::pair<live_entry*, bool> enter(const uuid& id);
    // To be written; `keep_limits` when that is done.
    uncommon_limits& limits_to_write(live_entry& e);
    void keep_limits(live_entry& e);
    // True where the entry must be looked at again.
    static bool judged_anew(live_entry& e);
    bool take_progress(live_entry& e, std::optional<timestamp> last_progress_at, timestamp else_since,
                       const timeline& times, instant at);
    bool take_silence(live_entry& e, std::optional<timestamp> until, const timeline& times);

    place_set places_;
    block_source memory_{entries_each * sizeof(live_entry)};
    std::vector<live_entry*> blocks_;  // whose entries are never moved
    place entries_ = 0;
    std::vector<place> free_;
    std::vector<uncommon_limits> limits_ =
        std::vector<uncommon_limits>(1);  // the first is shared by those that have none
    std::vector<live_entry::small> free_limits_;
    // A binary heap, earliest first; filings that no entry stands behind are skipped.
    std::vector<filing> heap_;
};

}  // namespace statetrack
