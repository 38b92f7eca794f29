// What the store knows beside the file: of the table with beats rows, packed, and the beats that are not
// folded into their rows yet; of every table what the group being written changes in the counts.
#pragma once

#include <atomic>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "sqlite/beat_journal.hpp"
#include "sqlite/kept_counts.hpp"
#include "sqlite/recent_writes.hpp"
#include "sqlite/tally_batch.hpp"
#include "sqlite/warm_rows.hpp"

namespace statetrack::sqlite {

// The one with beats.
const table& beaten_table();

class row_memory final : private committed_beats {
public:
    row_memory(const database& writer, const name_book& names, const table& of, std::size_t bytes_max);

    bool is_about(const table& t) const noexcept { return &t == &of_; }
    const table& of() const noexcept { return of_; }

    // The writer's, in its turn. A row that the group being written has changed is not kept in memory until
    // it is over.
    std::optional<stored_row> find(const uuid& key);
    std::optional<std::int64_t> ordinal_of(const uuid& key) const;
    // Brings what was found in the file up to date, too.
    void keep(stored_row& as_in_file);
    void wrote(const uuid& key);
    void inserted(const uuid& key);
    // What it wrote of a row that it knows whole: is found from now on, and kept in memory once the group is
    // committed.
    void will_be(stored_row row);
    // What was written may be undone: the file knows.
    void forget_written() { future_.clear(); }
    // `only`: the columns that the row has; empty: all.
    void bring_up_to_date(stored_row& found, std::span<const std::size_t> only = {}) const;
    // Before anything else shows what the group has written.
    void committed() { commits_.fetch_add(1, std::memory_order_release); }
    void group_ended();

    // From any thread: as far as it is committed.
    std::uint64_t commits() const noexcept { return commits_.load(std::memory_order_acquire); }
    // Grows whenever a group begins to change a row and when it is over.
    std::uint64_t writes() const;
    // What a reader has found in a view that was the newest one when writes() was `since`: brings it up to
    // date, and keeps it where it has not been written meanwhile.
    void keep_read(stored_row& found, std::uint64_t since);
    std::optional<stored_row> find_committed(const uuid& key);
    // These show rows where they lie, to a `look` that asks for nothing here. False: it is not in memory.
    bool look_at(const uuid& key, const std::function<void(row_view)>& look);
    bool look_at_committed(const uuid& key, const std::function<void(row_view)>& look);
    // These are about to be looked at.
    void fetch(std::span<const std::int64_t> ordinals) const;
    // What these are about to find. The writer's.
    void fetch(std::span<unit_of_work* const> group);
    // As such a view shows them, from the front up to the first that was written since, or is not in memory:
    // how many it showed.
    std::size_t look_in_view(std::span<const std::int64_t> ordinals, std::uint64_t since,
                             const reader::row_look& look);
    void bring_up_to_committed(stored_row& found, std::span<const std::size_t> only = {}) const;
    bool has_rows() const;
    // For more rows, without driving any out.
    bool has_room() const;
    // So many are about to be read.
    void expect(std::size_t rows);

    beat_journal journal;
    tally_batch tallies;
    kept_counts counts;
    const name_book& names;

private:
    std::optional<beat_state> journalled(std::int64_t ordinal) const override;
    void take(std::span<const journalled_beat> beats,
              const std::function<void(std::int64_t ordinal)>& first) override;
    void begin_pass() override;
    void end_pass() override;

    // With the lock held.
    bool is_journalled(std::uint32_t pass) const noexcept;
    std::optional<beat_book::dated_beat> journalled_beat_of(std::int64_t ordinal) const;
    void keep_unless_there(stored_row& found);

    const table& of_;
    std::atomic<std::uint64_t> commits_ = 0;
    mutable std::mutex mutex_;  // guards what follows
    warm_rows warm_;
    beat_book book_;  // of rows that are not warm
    recent_writes written_;
    boost::unordered_flat_map<uuid, stored_row, std::hash<uuid>> future_;  // the writer's own
    std::vector<uuid> found_next_;                                         // the same
    std::uint32_t pass_ = 1;  // of the beats that come; a row that had none says 0
    bool folding_ = false;    // those of the pass before are not all in their rows
};

}  // namespace statetrack::sqlite
