// Rows kept in memory, packed, within a bound of bytes, found by their key or their ordinal: asking SQLite
// costs more than everything else that a heartbeat or a GET does. Their beats are as new as was committed.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "place_set.hpp"
#include "slabs.hpp"
#include "sqlite/row_packing.hpp"
#include "statetrack/storage.hpp"

namespace statetrack::sqlite {

// At the bound a hand goes round and takes out what was not asked for since it last came by. Not safe to
// share between threads without a lock of the owner's.
class warm_rows {
public:
    // Rows of `of`, whose key is a uuid. `gone` is told of the beat of each row that goes, with its pass.
    using gone_beat = std::function<void(std::int64_t ordinal, const beat_state&, std::uint32_t pass)>;
    warm_rows(const table& of, const name_book& names, std::size_t bytes_max, gone_beat gone);

    std::optional<stored_row> find(const uuid& key);
    // Where it is here: its ordinal, and its values, good until it changes or goes.
    std::optional<std::int64_t> show(const uuid& key, shown_values& into);
    bool show_at(std::int64_t ordinal, shown_values& into);
    // These are about to be asked for: all wait for memory at once, not each for itself.
    void fetch(std::span<const std::int64_t> ordinals) const;
    // The same, and their ordinals after them.
    void fetch(std::span<const uuid> keys) const;
    std::optional<std::int64_t> ordinal_of(const uuid& key) const;
    bool contains(const uuid& key) const { return place_of(key).has_value(); }
    // One that is not here, with the pass of its newest beat. False where it cannot be kept.
    bool keep(const stored_row& row, std::uint32_t pass);
    void forget(const uuid& key);
    // So many are about to be kept, or as many as there is room for.
    void expect(std::size_t rows);

    std::optional<beat_book::dated_beat> beat_at(std::int64_t ordinal) const;
    // The pass of the beat before. Nothing where the row is not here, or cannot hold this and so is no more.
    std::optional<std::uint32_t> set_beat(std::int64_t ordinal, const beat_state& state, std::uint32_t pass);

    std::size_t size() const noexcept { return by_key_.size(); }
    std::size_t bytes() const noexcept { return pieces_.bytes() + by_key_.bytes() + by_ordinal_.bytes(); }
    // Whether a row more drives none out.
    bool has_room() const noexcept { return bytes() + room_left_min <= bytes_max_; }

private:
    using place = slabs::handle;
    static constexpr std::size_t room_left_min = 64 * 1024;

    std::string_view packed(place at) const { return {pieces_.at(at), pieces_.room_of(at)}; }
    std::optional<place> place_of(const uuid& key) const;
    std::optional<place> place_at(std::int64_t ordinal) const;
    void fetch_row(const place_set& by, std::uint64_t hash) const;
    std::uint64_t key_hash(place at) const;
    std::uint64_t ordinal_hash(place at) const;
    std::optional<place> put(std::string_view packed);
    void take_out(place at);
    bool make_room(std::size_t size);
    // Takes out those of a chunk that were not used lately, or `all`.
    void sweep(std::size_t chunk, bool all);

    row_packing packing_;
    std::size_t bytes_max_;
    gone_beat gone_;
    slabs pieces_;
    place_set by_key_, by_ordinal_;
    std::size_t hand_ = 0;
    std::string scratch_;
};

}  // namespace statetrack::sqlite
