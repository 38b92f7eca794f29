// What the store knows beside the file: of the table with beats the rows that were lately asked for, and the
// beats that are not folded into their rows yet; of every table what the group being written changes in the
// counts.
#pragma once

#include <atomic>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cstdint>
#include <mutex>
#include <optional>

#include "sqlite/beat_journal.hpp"
#include "sqlite/kept_counts.hpp"
#include "sqlite/tally_batch.hpp"
#include "sqlite/warm_rows.hpp"

namespace statetrack::sqlite {

// The one with beats.
const table& beaten_table();

class row_memory {
public:
    row_memory(const database& writer, const name_book& names, const table& of, std::size_t bytes_max)
        : journal(writer, of, [this](const value& key, const beat_state& now) { folded(key, now); }),
          tallies(writer, names),
          names(names),
          of_(of),
          warm_(of, bytes_max) {}

    bool is_about(const table& t) const noexcept { return &t == &of_; }
    const table& of() const noexcept { return of_; }

    // The writer's, in its turn. A row that the group being written has changed is not kept in memory until
    // it is over.
    std::optional<stored_row> find(const uuid& key);
    std::optional<std::int64_t> ordinal_of(const uuid& key);
    void keep(const uuid& key, const stored_row& as_in_file);
    void wrote(const uuid& key);
    // `only`: the columns that the row has; empty: all.
    void bring_up_to_date(stored_row& found, std::span<const std::size_t> only = {}) const;
    // Before anything else shows what the group has written.
    void committed() { commits_.fetch_add(1, std::memory_order_release); }
    void group_ended();

    // From any thread: as far as it is committed.
    std::uint64_t commits() const noexcept { return commits_.load(std::memory_order_acquire); }
    // Grows whenever a group begins to change a row, when it is over, and when a beat is folded.
    std::uint64_t writes() const;
    // What a reader has found, beats included, in a view that was the newest one when writes() was `since`.
    // Not kept where a row has been written meanwhile: it might be this one.
    void keep_read(const uuid& key, const stored_row& found, std::uint64_t since);
    std::optional<stored_row> find_committed(const uuid& key);
    void bring_up_to_committed(stored_row& found, std::span<const std::size_t> only = {}) const;

    beat_journal journal;
    tally_batch tallies;
    kept_counts counts;
    const name_book& names;

private:
    void folded(const value& key, const beat_state& now);

    const table& of_;
    std::atomic<std::uint64_t> commits_ = 0;
    mutable std::mutex mutex_;  // guards what follows
    warm_rows warm_;
    boost::unordered_flat_set<uuid, std::hash<uuid>> written_;
    std::uint64_t writes_ = 0;
};

}  // namespace statetrack::sqlite
