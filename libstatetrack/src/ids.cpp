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

// Of every character; -1: it is no hexadecimal digit.
constexpr auto hex_values = [] {
    std::array<std::int8_t, 256> values{};
    values.fill(-1);
    for (std::size_t i = 0; i < 10; ++i) values['0' + i] = static_cast<std::int8_t>(i);
    for (std::size_t i = 0; i < 6; ++i) values['a' + i] = values['A' + i] = static_cast<std::int8_t>(10 + i);
    return values;
}();
int hex_value(char c) { return hex_values[static_cast<unsigned char>(c)]; }

constexpr std::size_t text_length = 36;
constexpr std::array<std::uint8_t, 4> places_of_dashes{8, 13, 18, 23};
constexpr std::array<std::uint8_t, 16> places_of_bytes{0,  2,  4,  6,  9,  11, 14, 16,
                                                       19, 21, 24, 26, 28, 30, 32, 34};

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
    for (const auto at : places_of_dashes) out[at] = '-';
    for (std::size_t i = 0; i < id.bytes.size(); ++i) {
        out[places_of_bytes[i]] = digits[id.bytes[i] >> 4];
        out[places_of_bytes[i] + 1] = digits[id.bytes[i] & 0x0F];
    }
}

std::string to_string(const uuid& id) {
    std::string text(text_length, '\0');
    write_text(id, text.data());
    return text;
}

std::optional<uuid> parse_uuid(std::string_view text) {
    if (text.size() != text_length) return std::nullopt;
    for (const auto at : places_of_dashes)
        if (text[at] != '-') return std::nullopt;
    uuid id;
    int wrong = 0;  // negative as soon as one digit is none
    for (std::size_t i = 0; i < id.bytes.size(); ++i) {
        const int high = hex_value(text[places_of_bytes[i]]);
        const int low = hex_value(text[places_of_bytes[i] + std::size_t{1}]);
        wrong |= high | low;
        id.bytes[i] = static_cast<std::uint8_t>((high & 0x0F) << 4 | (low & 0x0F));
    }
    if (wrong < 0) return std::nullopt;
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
