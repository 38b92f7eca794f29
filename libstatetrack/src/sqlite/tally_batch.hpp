// What the units of one group have changed in the tallies: written once a group, each count once, instead of
// with every row.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "sqlite/handle.hpp"
#include "sqlite/tallies.hpp"
#include "statetrack/storage.hpp"

namespace statetrack::sqlite {

// The writer's, and used in its turn.
class tally_batch {
public:
    tally_batch(const database& on, const name_book& names) : on_(on), names_(names) {}

    // A row of this table has come (1) or gone (-1).
    void count(const table& of, const row& values, std::int64_t by);
    // A row has changed in these columns.
    void change(const table& of, const row& from, std::span<const assignment> changes);

    std::size_t mark() const noexcept { return noted_.size(); }
    // A refused unit's changes go: back to the mark.
    void undo_to(std::size_t mark);
    void clear();

    // What is to be added to the count that the file holds.
    std::int64_t pending(const tally_entry& entry) const;

    // Calls f(entry, what is to be added to it).
    template <class F>
    void for_each(F&& f) const {
        for (std::size_t i = 0; i < entries_.size(); ++i) f(*entries_[i], sums_[i]);
    }

    // Before the group's COMMIT. SQLite's code.
    int write();

private:
    struct noted {
        std::size_t entry = 0;
        std::int64_t by = 0;
    };

    // Where the row is one of those that the tally at this place counts.
    void note(const table& of, std::size_t place, std::span<const value* const> values, std::int64_t by);
    int prepare();
    int write(const tally_entry& to, std::int64_t sum);

    const database& on_;
    const name_book& names_;
    statement add_, take_, drop_;
    std::unordered_map<tally_entry, std::size_t, tally_entry_hash> known_;
    std::vector<const tally_entry*> entries_;  // in known_
    std::vector<std::int64_t> sums_;           // of the entries
    std::vector<noted> noted_;
};

// Whether a change of one of these columns changes what the table's tallies say.
bool tallied(const table& of, std::span<const assignment> changes);

}  // namespace statetrack::sqlite
