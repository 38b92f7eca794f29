// Plain beats made durable for next to nothing: each commit writes one row that holds all its beats, and now
// and then the newest of each session is folded into its row, in the order of the rows, a slice with every
// commit. Between, a session's row says less than the journal does; what is read is brought up to date from
// memory (beat_book). Sound because one process owns the file.
//
// Measured against one UPDATE a beat: a fifth of the log's bytes, and no page of its own for every beat, so
// that a million sessions cost what ten thousand do.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "sqlite/beat_book.hpp"
#include "sqlite/handle.hpp"
#include "statetrack/table.hpp"

namespace statetrack::sqlite {

inline constexpr std::string_view journal_name = "beat_journal";
std::string create_journal();

// The writer's, and used in its turn but for what says otherwise.
class beat_journal {
public:
    // Beats of `of`, which has beat columns; what is committed of them is kept in `beats`.
    beat_journal(const database& on, const table& of, committed_beats& beats)
        : on_(on), of_(of), beats_(beats) {}

    // What earlier runs have journalled and not folded. Once, at the opening. Errors: store_corrupt,
    // store_unavailable.
    result<> replay();

    // The newest beat of a row, within the group being written; nothing where its columns hold it.
    std::optional<beat_state> find(std::int64_t ordinal) const;
    // That of the group being written.
    const beat_state* noted(std::int64_t ordinal) const { return batch_.find(ordinal); }

    void note(std::int64_t ordinal, const beat_state& state) { batch_.note(ordinal, state); }
    std::size_t mark() const noexcept { return batch_.size(); }
    void undo_to(std::size_t mark) { batch_.undo_to(mark); }

    // Before the group's COMMIT: writes its beats. SQLite's code.
    int write();
    // After that, where `folds_now`: folds or trims a slice. SQLite's code; not the group's failure.
    int fold_some();
    bool folds_now() const;
    // A slice, or the commit that held one, has failed: the next groups go without.
    void put_off() noexcept { put_off_ = groups_without_fold; }
    // After the COMMIT.
    void commit_succeeded();
    void commit_failed();

    // Whether so much has gathered that folding should begin; `overdue`: so much that it must. From any
    // thread.
    bool wants_fold(bool overdue = false) const;
    // Begins to fold what has gathered so far. From any thread but one at a time; takes a moment for each
    // row, which is why it is not done in the writer's turn.
    void begin_fold();
    bool folding() const;
    // Folds a slice outside of any group, in a transaction of its own. Whether there is more.
    result<bool> fold_alone();
    // What has been folded and taken out of the journal need not be kept in memory any more. Only while
    // nobody reads from an older state of the file: what he reads would lack its beats.
    bool wants_forget() const;
    void forget_folded();

private:
    enum class stage : std::uint8_t { none, gathering, folding, trimming, forgetting };
    static constexpr int groups_without_fold = 64;

    int fold_slice();
    int trim_slice();
    int prepare();
    void take(std::span<const journalled_beat> beats);  // with the lock held

    const database& on_;
    const table& of_;
    committed_beats& beats_;
    statement insert_, fold_, trim_;
    beat_batch batch_;
    bool wrote_batch_ = false;
    std::size_t batch_bytes_ = 0;
    int put_off_ = 0;  // groups

    // Guards everything below.
    mutable std::mutex mutex_;      // taken before any lock of beats_
    std::string beaten_;            // in this pass: ordinals, packed
    std::size_t beaten_count_ = 0;  // of them
    std::int64_t last_row_ = 0;
    std::int64_t first_row_ = 1;  // the oldest that the journal may hold
    std::size_t bytes_ = 0;       // of the journal's blobs
    stage stage_ = stage::none;
    std::int64_t fold_up_to_ = 0;
    std::vector<std::int64_t> order_;  // ordinals to fold
    std::size_t folded_ = 0;           // of them
    std::size_t slice_ = 0;            // rows folded, or journal rows trimmed, in the open transaction
};

}  // namespace statetrack::sqlite
