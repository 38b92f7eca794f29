#include "statetrack/ids.hpp"

#include <sys/random.h>

#include <cerrno>
#include <cstring>
#include <mutex>
#include <random>
#include <system_error>

namespace statetrack {
namespace {

constexpr char digits[] = "0123456789abcdef";

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool dash_before_byte(std::size_t byte) { return byte == 4 || byte == 6 || byte == 8 || byte == 10; }

uuid as_version_4(uuid id) {  // RFC 9562, section 5.4
    id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0F) | 0x40);
    id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3F) | 0x80);
    return id;
}

class random_ids final : public id_source {
public:
    uuid next() override {
        std::lock_guard lock(mutex_);
        if (used_ == pool_.size()) refill();
        return as_version_4(pool_[used_++]);
    }

private:
    void refill() {
        auto* out = reinterpret_cast<char*>(pool_.data());
        std::size_t missing = sizeof pool_;
        while (missing > 0) {
            const ssize_t got = getrandom(out, missing, 0);
            if (got < 0) {
                if (errno == EINTR) continue;
                throw std::system_error(errno, std::generic_category(), "getrandom");
            }
            out += got;
            missing -= static_cast<std::size_t>(got);
        }
        used_ = 0;
    }

    std::mutex mutex_;
    std::array<uuid, 16> pool_{};  // 256 bytes: the most that getrandom gives without being interrupted
    std::size_t used_ = pool_.size();
};

class seeded_ids final : public id_source {
public:
    explicit seeded_ids(std::uint64_t seed) : generator_(seed) {}

    uuid next() override {
        std::lock_guard lock(mutex_);
        const std::array<std::uint64_t, 2> words{generator_(), generator_()};
        uuid id;
        std::memcpy(id.bytes.data(), words.data(), sizeof words);
        return as_version_4(id);
    }

private:
    std::mutex mutex_;
    std::mt19937_64 generator_;
};

}  // namespace

void write_text(const uuid& id, char* out) {
    for (std::size_t i = 0; i < id.bytes.size(); ++i) {
        if (dash_before_byte(i)) *out++ = '-';
        *out++ = digits[id.bytes[i] >> 4];
        *out++ = digits[id.bytes[i] & 0x0F];
    }
}

std::string to_string(const uuid& id) {
    std::string text(36, '\0');
    write_text(id, text.data());
    return text;
}

std::optional<uuid> parse_uuid(std::string_view text) {
    if (text.size() != 36) return std::nullopt;
    uuid id;
    std::size_t at = 0;
    for (std::size_t i = 0; i < id.bytes.size(); ++i) {
        if (dash_before_byte(i) && text[at++] != '-') return std::nullopt;
        const int high = hex_value(text[at++]);
        const int low = hex_value(text[at++]);
        if (high < 0 || low < 0) return std::nullopt;
        id.bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
    }
    return id;
}

std::optional<uuid> parse_uuid_v4(std::string_view text) {
    auto id = parse_uuid(text);
    if (id && ((id->bytes[6] >> 4) != 4 || (id->bytes[8] >> 6) != 2)) return std::nullopt;
    return id;
}

std::unique_ptr<id_source> make_random_ids() { return std::make_unique<random_ids>(); }
std::unique_ptr<id_source> make_seeded_ids(std::uint64_t seed) { return std::make_unique<seeded_ids>(seed); }

}  // namespace statetrack

std::size_t std::hash<statetrack::uuid>::operator()(const statetrack::uuid& id) const noexcept {
    std::array<std::uint64_t, 2> words;
    std::memcpy(words.data(), id.bytes.data(), sizeof words);
    // Ids from clients need not be random, so every bit of both words has to reach every bit of the hash.
    // (Who chooses ids to collide still can: a secret key would take the repeatability from seeded runs.)
    std::uint64_t h = words[0] * 0x9E3779B97F4A7C15ULL;
    h ^= h >> 32;
    h = (h ^ words[1]) * 0xD6E8FEB86659FD93ULL;
    h ^= h >> 32;
    h *= 0xD6E8FEB86659FD93ULL;
    return h ^ (h >> 32);
}
