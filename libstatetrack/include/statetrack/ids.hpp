// Identifiers and where they come from: 128-bit UUIDs (RFC 9562) and an injectable source of version 4 ones.
#pragma once

#include <array>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace statetrack {

struct uuid {
    std::array<std::uint8_t, 16> bytes{};

    friend auto operator<=>(const uuid&, const uuid&) = default;
    // Two words, where the array's own comparison would be a call of memcmp.
    friend bool operator==(const uuid& a, const uuid& b) noexcept {
        using words = std::array<std::uint64_t, 2>;
        return std::bit_cast<words>(a.bytes) == std::bit_cast<words>(b.bytes);
    }
};

// Lower case, 36 characters.
std::string to_string(const uuid& id);
// Writes the 36 characters of to_string to out, without a terminator.
void write_text(const uuid& id, char* out);

// The 36-character form with hexadecimal digits of either case; nothing where the text is anything else.
std::optional<uuid> parse_uuid(std::string_view text);
// As parse_uuid, and of version 4 with the RFC variant.
std::optional<uuid> parse_uuid_v4(std::string_view text);

// Where the library takes its ids from. Implementations are safe to call from several threads.
class id_source {
public:
    virtual ~id_source() = default;
    virtual uuid next() = 0;
};

// Version 4 ids from the operating system's generator (getrandom), a pool of them drawn at a time.
std::unique_ptr<id_source> make_random_ids();
// Version 4 ids that repeat for a seed: for tests and simulations, never for production.
std::unique_ptr<id_source> make_seeded_ids(std::uint64_t seed);

}  // namespace statetrack

template <>
struct std::hash<statetrack::uuid> {
    // Ids from clients need not be random, so every bit of both words has to reach every bit of the hash.
    // (Who chooses ids to collide still can: a secret key would take the repeatability from seeded runs.)
    std::size_t operator()(const statetrack::uuid& id) const noexcept {
        const auto words = std::bit_cast<std::array<std::uint64_t, 2>>(id.bytes);
        std::uint64_t h = words[0] * 0x9E3779B97F4A7C15ULL;
        h ^= h >> 32;
        h = (h ^ words[1]) * 0xD6E8FEB86659FD93ULL;
        h ^= h >> 32;
        h *= 0xD6E8FEB86659FD93ULL;
        return h ^ (h >> 32);
    }
};
