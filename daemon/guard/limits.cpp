#include "guard/limits.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "guard/keys.hpp"

namespace statetrackd {
namespace {

constexpr std::size_t keys_max = 65'536;
constexpr std::size_t sessions_max = 1'048'576;
constexpr std::size_t machines_max = 65'536;
constexpr std::size_t addresses_max = 262'144;

window_name name_of_bytes(const std::uint8_t* sixteen) {
    window_name name;
    std::memcpy(&name.high, sixteen, sizeof name.high);
    std::memcpy(&name.low, sixteen + sizeof name.high, sizeof name.low);
    return name;
}

window_name name_of_text(std::string_view text) { return name_of_bytes(sha256_of(text).data()); }

window_name name_of_address(std::string_view address) {
    std::array<std::uint8_t, 16> bytes{};
    const std::string text(address.substr(0, address.find('%')));  // without an interface
    if (::inet_pton(AF_INET, text.c_str(), bytes.data() + 12) == 1) {
        bytes[10] = bytes[11] = 0xFF;  // as IPv6 writes an IPv4 address
        return name_of_bytes(bytes.data());
    }
    if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) != 1) return name_of_text(address);
    constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    if (std::memcmp(bytes.data(), mapped.data(), mapped.size()) != 0) std::memset(bytes.data() + 8, 0, 8);
    return name_of_bytes(bytes.data());
}

std::int64_t seconds_up(std::int64_t ms) { return (ms + 999) / 1'000; }

}  // namespace

limiter::limiter(rate_limits limits, std::uint64_t seed)
    : keys_({.windows_max = keys_max, .seed = seed}),
      sessions_({.windows_max = sessions_max, .seed = seed + 1}),
      machines_({.windows_max = machines_max, .seed = seed + 2}),
      addresses_({.windows_max = addresses_max, .seed = seed + 3}) {
    set(limits);
}

void limiter::set(rate_limits limits) {
    requests_ = limits.requests;
    heartbeats_ = limits.heartbeats;
    failed_keys_ = limits.failed_keys;
}

budget_standing limiter::use(window_table& in, const window_name& name, std::int64_t limit,
                             const statetrack::clock_reading& now) {
    if (limit <= 0) return {};
    const auto window = in.use(name, now.age.ms);
    const auto left_ms = std::max<std::int64_t>(window.ends_ms - now.age.ms, 1);
    return {.limit = limit,
            .remaining = std::max<std::int64_t>(limit - window.used, 0),
            .resets_at_s = seconds_up(now.wall.ms + left_ms),
            .resets_in_s = seconds_up(left_ms),
            .exceeded = window.used > limit};
}

budget_standing limiter::use_key(std::span<const std::uint8_t, 32> digest,
                                 const statetrack::clock_reading& now) {
    return use(keys_, name_of_bytes(digest.data()), requests_, now);
}

budget_standing limiter::use_session(const statetrack::uuid& id, const statetrack::clock_reading& now) {
    return use(sessions_, name_of_bytes(id.bytes.data()), heartbeats_, now);
}

budget_standing limiter::use_machine(std::string_view id, const statetrack::clock_reading& now) {
    return use(machines_, name_of_text(id), heartbeats_, now);
}

budget_standing limiter::use_address(std::string_view address, const statetrack::clock_reading& now) {
    return use(addresses_, name_of_address(address), failed_keys_, now);
}

std::size_t limiter::memory_bytes() const {
    std::size_t bytes = 0;
    for (const auto* table : {&keys_, &sessions_, &machines_, &addresses_}) bytes += table->memory_bytes();
    return bytes;
}

}  // namespace statetrackd
