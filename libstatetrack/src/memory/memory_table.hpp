// One table in memory: its rows by ordinal, its indexes and tallies kept with every write. Checks what
// concerns this table alone; references are the store's business.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "memory/kept_tally.hpp"
#include "memory/ordered_index.hpp"
#include "memory/packed_row.hpp"
#include "place_set.hpp"
#include "slabs.hpp"
#include "statetrack/storage.hpp"

namespace statetrack::memory {

// Not safe to share between threads while one of them writes.
class memory_table {
public:
    using beaten_numbers = std::array<std::optional<std::int64_t>, 4>;

    explicit memory_table(table what);

    const table& what() const noexcept { return what_; }

    // Good until the row goes or is changed, but by beat.
    std::optional<packed_row> find(const value& key) const;
    std::optional<std::int64_t> ordinal_of(const value& key) const;
    // Has the processor fetch what find will look at, and its row. Inlined, see place_set.
    [[gnu::always_inline]] void fetch(const uuid& key) const {
        if (const auto likely = by_key_.likely(std::hash<uuid>()(key))) row_at(*likely).fetch();
    }
    std::vector<stored_row> select(const query& what) const;
    std::int64_t count(std::span<const condition> where) const;

    std::int64_t next_ordinal() const noexcept { return ordinal_last_ + 1; }
    // What the row would break if it stood there as `self` (or as a new one). With `changes`, only what these
    // columns can break.
    result<> check(const row& values, std::optional<std::int64_t> self,
                   std::span<const assignment> changes = {}) const;

    // These check nothing. Running out of memory within one would leave a row half indexed, so it ends the
    // process instead. An ordinal that was put once is never the next one again.
    void put(std::int64_t ordinal, const row& values) noexcept;
    row take(std::int64_t ordinal) noexcept;
    // Both return what stood there before.
    std::vector<assignment> change(std::int64_t ordinal, std::span<const assignment> changes) noexcept;
    beaten_numbers beat(packed_row at, const beaten_numbers& to) noexcept;
    beaten_numbers beat(std::int64_t ordinal, const beaten_numbers& to) noexcept {
        return beat(row_of(ordinal), to);
    }

private:
    using place = place_set::place;
    packed_row row_at(place p) const { return {layout_, blocks_.at(p)}; }
    packed_row row_of(std::int64_t ordinal) const { return row_at(rows_.find(ordinal)->second); }
    std::uint64_t hash_at(place p) const;
    place put_row(std::int64_t ordinal, const row& values);
    void take_row(place p);

    struct index_spans {
        const ordered_index* index = nullptr;
        std::vector<row> prefixes{};
    };
    // How a query is answered: by spans of indexes that have no row in common, or (without one) by a walk
    // over all rows.
    enum class sequence : std::uint8_t { of_ordinals, of_range, of_last_part };
    struct plan {
        std::vector<index_spans> by{};
        int answered = 0;  // parts, by conditions
        sequence in = sequence::of_ordinals;
    };
    plan plan_for(const query& what) const;
    std::optional<plan> plan_by(const ordered_index& index, const query& what) const;
    std::optional<plan> plan_by_several(const query& what) const;
    // Calls visit(ordinal, row) for every row that the query's conditions hold for, until it returns false;
    // in the query's order where the plan gives that order.
    template <class Visit>
    void walk(const plan& by, const query& what, Visit&& visit) const;
    template <class Visit>
    void walk_index(const plan& by, const query& what, Visit&& visit) const;
    template <class Visit>
    void walk_rows(const query& what, Visit&& visit) const;

    table what_;
    row_layout layout_;
    mutable slabs blocks_;  // by place; a row that is looked at may be beaten
    std::map<std::int64_t, place> rows_;
    place_set by_key_;
    std::vector<ordered_index> indexes_;  // the key's first
    std::vector<kept_tally> tallies_;
    std::int64_t ordinal_last_ = 0;
};

}  // namespace statetrack::memory
