#include "sqlite/warm_rows.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace statetrack::sqlite {
namespace {

// Chunks that one row may have looked through before it drives a whole one out.
constexpr int chunks_looked_through = 8;
// Few rows are smaller, with their places.
constexpr std::size_t row_bytes_min = 64;

std::uint64_t hash_of(const uuid& key) { return std::hash<uuid>{}(key); }
std::uint64_t hash_of(std::int64_t ordinal) { return hash_of_number(ordinal); }

}  // namespace

warm_rows::warm_rows(const table& of, const name_book& names, std::size_t bytes_max, gone_beat gone)
    : packing_(of, names), bytes_max_(bytes_max), gone_(std::move(gone)) {}

std::optional<warm_rows::place> warm_rows::place_of(const uuid& key) const {
    return by_key_.find(hash_of(key), [&](place at) { return row_packing::key_of(pieces_.at(at)) == key; });
}

std::optional<warm_rows::place> warm_rows::place_at(std::int64_t ordinal) const {
    return by_ordinal_.find(hash_of(ordinal),
                            [&](place at) { return row_packing::ordinal_of(pieces_.at(at)) == ordinal; });
}

std::optional<stored_row> warm_rows::find(const uuid& key) {
    const auto at = place_of(key);
    if (!at) return std::nullopt;
    row_packing::set_used(pieces_.at(*at), true);
    return packing_.unpack(packed(*at));
}

std::optional<std::int64_t> warm_rows::show(const uuid& key, shown_values& into) {
    const auto at = place_of(key);
    if (!at) return std::nullopt;
    row_packing::set_used(pieces_.at(*at), true);
    packing_.show(packed(*at), into);
    return row_packing::ordinal_of(pieces_.at(*at));
}

bool warm_rows::show_at(std::int64_t ordinal, shown_values& into) {
    const auto at = place_at(ordinal);
    if (!at) return false;
    row_packing::set_used(pieces_.at(*at), true);
    packing_.show(packed(*at), into);
    return true;
}

// Inlined, whatever the compiler thinks: GCC 12 takes a function that does nothing but fetch for one without
// effects, and leaves out the calls.
[[gnu::always_inline]] inline void warm_rows::fetch_row(const place_set& by, std::uint64_t hash) const {
    constexpr std::size_t line_bytes = 64;
    const auto at = by.likely(hash);
    if (!at) return;
    const auto row = packed(*at);
    for (std::size_t n = 0; n < row.size(); n += line_bytes) __builtin_prefetch(row.data() + n);
}

void warm_rows::fetch(std::span<const std::int64_t> ordinals) const {
    for (const auto ordinal : ordinals) by_ordinal_.fetch(hash_of(ordinal));
    for (const auto ordinal : ordinals) fetch_row(by_ordinal_, hash_of(ordinal));
}

void warm_rows::fetch(std::span<const uuid> keys) const {
    for (const auto& key : keys) by_key_.fetch(hash_of(key));
    for (const auto& key : keys) fetch_row(by_key_, hash_of(key));
    for (const auto& key : keys)
        if (const auto at = by_key_.likely(hash_of(key))) by_ordinal_.fetch(ordinal_hash(*at));
}

std::optional<std::int64_t> warm_rows::ordinal_of(const uuid& key) const {
    const auto at = place_of(key);
    if (!at) return std::nullopt;
    return row_packing::ordinal_of(pieces_.at(*at));
}

bool warm_rows::keep(const stored_row& row, std::uint32_t pass) {
    if (bytes_max_ == 0 || !packing_.pack(scratch_, row)) return false;
    row_packing::set_pass(scratch_.data(), pass);
    // One that would drive many others out is not worth it.
    return scratch_.size() <= bytes_max_ / 8 && put(scratch_);
}

void warm_rows::expect(std::size_t rows) {
    rows = std::min(rows, bytes_max_ / row_bytes_min);
    by_key_.reserve(rows, [this](place one) { return key_hash(one); });
    by_ordinal_.reserve(rows, [this](place one) { return ordinal_hash(one); });
}

std::uint64_t warm_rows::key_hash(place at) const { return hash_of(row_packing::key_of(pieces_.at(at))); }
std::uint64_t warm_rows::ordinal_hash(place at) const {
    return hash_of(row_packing::ordinal_of(pieces_.at(at)));
}

std::optional<warm_rows::place> warm_rows::put(std::string_view packed) {
    if (!make_room(packed.size())) return std::nullopt;
    const auto at = pieces_.take(packed.size());
    if (!at) return std::nullopt;
    std::memcpy(pieces_.at(*at), packed.data(), packed.size());
    by_key_.insert(key_hash(*at), *at, [this](place one) { return key_hash(one); });
    by_ordinal_.insert(ordinal_hash(*at), *at, [this](place one) { return ordinal_hash(one); });
    return at;
}

void warm_rows::take_out(place at) {
    by_key_.erase(key_hash(at), at);
    by_ordinal_.erase(ordinal_hash(at), at);
    pieces_.give_back(at);
}

void warm_rows::forget(const uuid& key) {
    const auto at = place_of(key);
    if (!at) return;
    const char* row = pieces_.at(*at);
    gone_(row_packing::ordinal_of(row), row_packing::beat_of(row), row_packing::pass_of(row));
    take_out(*at);
}

std::optional<beat_book::dated_beat> warm_rows::beat_at(std::int64_t ordinal) const {
    const auto at = place_at(ordinal);
    if (!at) return std::nullopt;
    const char* row = pieces_.at(*at);
    return beat_book::dated_beat{row_packing::beat_of(row), row_packing::pass_of(row)};
}

std::optional<std::uint32_t> warm_rows::set_beat(std::int64_t ordinal, const beat_state& state,
                                                 std::uint32_t pass) {
    const auto at = place_at(ordinal);
    if (!at) return std::nullopt;
    char* row = pieces_.at(*at);
    const std::uint32_t before = row_packing::pass_of(row);
    if (row_packing::set_beat(row, state)) {
        row_packing::set_pass(row, pass);
        return before;
    }
    if (!row_packing::is_packable(state)) {
        forget(row_packing::key_of(row));
        return std::nullopt;
    }
    std::string wider;
    row_packing::widen(wider, packed(*at));
    row_packing::set_beat(wider.data(), state);
    row_packing::set_pass(wider.data(), pass);
    take_out(*at);
    if (put(wider)) return before;
    gone_(ordinal, state, pass);
    return before;
}

bool warm_rows::make_room(std::size_t size) {
    const auto fits = [&] {
        return pieces_.has_room_for(size) || bytes() + slabs::chunk_bytes(size) <= bytes_max_;
    };
    for (int looked = 0; looked < chunks_looked_through && pieces_.chunks() > 0; ++looked) {
        if (fits()) return true;
        hand_ = (hand_ + 1) % pieces_.chunks();
        sweep(hand_, false);
    }
    for (std::size_t n = 0; n < pieces_.chunks() && !fits(); ++n) {
        hand_ = (hand_ + 1) % pieces_.chunks();
        sweep(hand_, true);
    }
    return fits();
}

void warm_rows::sweep(std::size_t chunk, bool all) {
    pieces_.for_each_in(chunk, [&](place at) {
        char* row = pieces_.at(at);
        if (!all && row_packing::was_used(row))
            row_packing::set_used(row, false);
        else
            forget(row_packing::key_of(row));
    });
}

}  // namespace statetrack::sqlite
