// The hash of entity tags and cursors: FNV-1a, 64 bits (draft-eastlake-fnv). Quick and stable across builds;
// no protection against forgery, and none is needed where it is used.
#pragma once

#include <cstdint>
#include <string_view>

namespace statetrackd {

class fnv1a {
public:
    void add(std::string_view bytes) {
        for (const char c : bytes) add_byte(static_cast<std::uint8_t>(c));
    }
    void add(std::int64_t n) {
        for (int shift = 0; shift < 64; shift += 8)
            add_byte(static_cast<std::uint8_t>(static_cast<std::uint64_t>(n) >> shift));
    }
    std::uint64_t value() const { return hash_; }

private:
    void add_byte(std::uint8_t b) { hash_ = (hash_ ^ b) * 1'099'511'628'211u; }

    std::uint64_t hash_ = 14'695'981'039'346'656'037u;
};

}  // namespace statetrackd
