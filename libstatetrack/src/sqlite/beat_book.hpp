// The plain beats that stand in the journal and not in their rows yet: the newest of each row, by the row's
// ordinal; and those of the group that is being written, which count only once it is committed.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "statetrack/error.hpp"
#include "statetrack/storage.hpp"

namespace statetrack::sqlite {

// What a beat writes into the row's beat columns.
struct beat_state {
    std::int64_t last_heartbeat = 0;
    std::int64_t last_progress_at = 0;  // where has_progress
    std::int64_t progress_seq = 0;
    std::int64_t silence_until = 0;  // where has_silence
    bool has_progress = false;
    bool has_silence = false;

    friend bool operator==(const beat_state&, const beat_state&) = default;
};
beat_state state_of(const struct beat& one);
beat_state state_of(const table& in, const row& values);
void write_to(row& values, const table& in, const beat_state& state);
void write_to(std::span<value_view> values, const table& in, const beat_state& state);
// `only`: the columns that the row has; empty: all.
void write_to(row& values, const table& in, std::span<const std::size_t> only, const beat_state& state);

// The beats of one group, in order.
class beat_batch {
public:
    void note(std::int64_t ordinal, const beat_state& state);
    const beat_state* find(std::int64_t ordinal) const;
    bool empty() const noexcept { return beats_.empty(); }
    std::size_t size() const noexcept { return beats_.size(); }
    // A refused unit's beats go: back to the size there was.
    void undo_to(std::size_t size);
    void clear();

    // The newest of each row.
    template <class F>
    void for_each(F&& f) const {
        for (std::size_t i = 0; i < beats_.size(); ++i)
            if (newest_.at(beats_[i].ordinal) == i) f(beats_[i].ordinal, beats_[i].state);
    }
    // As a blob for the journal: a byte for the format (1), the first beat's time, and for each beat its
    // ordinal, flags, and its numbers as differences.
    std::string packed() const;

private:
    struct noted {
        std::int64_t ordinal = 0;
        beat_state state{};
        std::size_t before = 0;  // the same row's beat before this one; none: `first`
    };
    static constexpr std::size_t first = static_cast<std::size_t>(-1);
    std::vector<noted> beats_;
    boost::unordered_flat_map<std::int64_t, std::size_t> newest_;
};

struct journalled_beat {
    std::int64_t ordinal = 0;
    beat_state state{};
};
// The beats of a blob, in order; nothing where it is none.
std::optional<std::vector<journalled_beat>> unpacked(std::string_view blob);

// The newest committed beat of each row that may stand in the journal only. What comes between two folds is a
// pass. Safe to use from any thread.
class committed_beats {
public:
    // Nothing where the row's columns hold it.
    virtual std::optional<beat_state> journalled(std::int64_t ordinal) const = 0;
    // They are in the journal now. Calls `first` for each row that has had none in this pass.
    virtual void take(std::span<const journalled_beat> beats,
                      const std::function<void(std::int64_t ordinal)>& first) = 0;
    // What is here is folded from now on; what comes is folded by the next pass.
    virtual void begin_pass() = 0;
    // All that was here when it began is in its rows.
    virtual void end_pass() = 0;

protected:
    ~committed_beats() = default;
};

// Those of rows that are not in memory. Not safe to share between threads without a lock of the owner's.
class beat_book {
public:
    struct dated_beat {
        beat_state state{};
        std::uint32_t pass = 0;
    };
    std::optional<dated_beat> find(std::int64_t ordinal) const;
    // The pass of the one before.
    std::optional<std::uint32_t> keep(std::int64_t ordinal, const beat_state& state, std::uint32_t pass);
    void erase(std::int64_t ordinal);
    void forget_up_to(std::uint32_t pass);
    std::size_t size() const noexcept { return kept_.size(); }

private:
    struct entry {
        std::int64_t last_heartbeat;
        std::int64_t last_progress_at;
        std::int64_t progress_seq;
        std::int64_t silence_until;
        std::uint32_t pass;
        bool has_progress;
        bool has_silence;
    };
    void shrink();

    boost::unordered_flat_map<std::int64_t, entry> kept_;
};

}  // namespace statetrack::sqlite
