// A row in few bytes: what every row of its table has, what is null and what is as usual takes no room.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shown_values.hpp"
#include "sqlite/beat_book.hpp"
#include "sqlite/name_book.hpp"
#include "sqlite/packed_bytes.hpp"
#include "statetrack/storage.hpp"

namespace statetrack::sqlite {

// In front, where it can be changed in place, what the store itself asks and writes: flags, the pass of the
// journal that the newest beat belongs to, the key, the beat columns, the ordinal. Then the other columns. A
// row without progress, sequence and silence has no room for them.
class row_packing {
public:
    // Rows of `of`, whose key is a uuid and which has beat columns. The names outlive it.
    row_packing(const table& of, const name_book& names);

    // Replaces `to`. False where the row holds what cannot be packed.
    bool pack(std::string& to, const stored_row& from) const;
    stored_row unpack(std::string_view packed) const;
    // The values where they lie: good until the row changes.
    void show(std::string_view packed, shown_values& into) const;

    static uuid key_of(const char* packed);
    static std::int64_t ordinal_of(const char* packed);
    static std::uint32_t pass_of(const char* packed);
    static void set_pass(char* packed, std::uint32_t pass);
    static beat_state beat_of(const char* packed);
    // False where there is no room for it in this row.
    static bool set_beat(char* packed, const beat_state& state);
    // The same row with room for any beat that can be packed.
    static void widen(std::string& to, std::string_view packed);
    static bool is_packable(const beat_state& state);

    // Whether it was asked for since this was last false.
    static bool was_used(const char* packed);
    static void set_used(char* packed, bool to);

private:
    // Where its column says so, times are differences to the first.
    void pack_value(std::string& to, const column& as, const value& v,
                    std::optional<std::int64_t>& base) const;
    value_view show_value(unpacker& from, const column& as, std::optional<std::int64_t>& base) const;

    const table& of_;
    const name_book& names_;
    std::vector<std::size_t> others_;  // neither the key nor beat columns
};

}  // namespace statetrack::sqlite
