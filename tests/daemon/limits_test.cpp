#include "guard/limits.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <map>
#include <random>
#include <string>

#include "statetrack/manual_clock.hpp"

using namespace statetrackd;

namespace {

window_name name(std::uint64_t n) { return {.high = n, .low = ~n}; }

statetrack::uuid id(std::uint8_t n) { return {{n, 2, 3}}; }

}  // namespace

TEST_CASE("a window opens with its first use and is over a minute later") {
    window_table table({});
    CHECK(table.use(name(1), 1'000).used == 1);
    const auto again = table.use(name(1), 60'999);
    CHECK(again.used == 2);
    CHECK(again.ends_ms == 61'000);
    const auto anew = table.use(name(1), 61'000);
    CHECK(anew.used == 1);
    CHECK(anew.ends_ms == 121'000);
}

TEST_CASE("names are counted apart") {
    window_table table({.shards = 1});
    for (std::uint64_t n = 0; n < 1'000; ++n) CHECK(table.use(name(n), 0).used == 1);
    for (std::uint64_t n = 0; n < 1'000; ++n) CHECK(table.use(name(n), 1).used == 2);
    CHECK(table.open_windows() == 1'000);
}

TEST_CASE("a window that is over is dropped by the uses after it") {
    window_table table({.shards = 1});
    for (std::uint64_t n = 0; n < 10'000; ++n) table.use(name(n), 0);
    // Each use drops a bounded number, so that none of them waits for all.
    for (int uses = 0; uses < 200; ++uses) table.use(name(7), 60'000);
    CHECK(table.open_windows() == 1);
    CHECK(table.use(name(7), 60'000).used == 201);
    CHECK(table.memory_bytes() < 65'536);
}

TEST_CASE("a name that opens anew before its old window is dropped keeps the new one") {
    window_table table({.shards = 1});
    for (std::uint64_t n = 0; n < 1'000; ++n) table.use(name(n), 0);
    // The old window is the last of a thousand: each use drops a few, then that one too.
    for (std::int64_t uses = 1; uses <= 100; ++uses) CHECK(table.use(name(999), 60'000).used == uses);
    CHECK(table.open_windows() == 1);
}

TEST_CASE("a million names and more stay within the bound, and the oldest window makes room") {
    window_table table({.windows_max = 65'536, .shards = 4, .seed = 5});
    for (std::uint64_t n = 0; n < 1'500'000; ++n) REQUIRE(table.use(name(n), 0).used == 1);
    CHECK(table.open_windows() == 65'536);
    CHECK(table.memory_bytes() <= 65'536 * 80);
    CHECK(table.use(name(1'499'999), 0).used == 2);
    CHECK(table.use(name(0), 0).used == 1);
}

TEST_CASE("a million distinct keys, machines and addresses within a minute take no more than forty MiB") {
    constexpr std::size_t mib = 1'048'576;
    statetrack::manual_clock clock;
    limiter limits({}, 1);
    const auto use_more = [&](std::uint32_t from, std::uint32_t to) {
        for (auto n = from; n < to; ++n) {
            std::array<std::uint8_t, 32> digest{};
            std::memcpy(digest.data(), &n, sizeof n);
            REQUIRE(limits.use_key(digest, clock.read()).remaining == rate_limits{}.requests - 1);
            limits.use_machine("machine-" + std::to_string(n), clock.read());
            const auto part = [&](int shift) { return '.' + std::to_string(n >> shift & 0xFF); };
            limits.use_address("10" + part(16) + part(8) + part(0), clock.read());
        }
    };
    use_more(0, 500'000);
    const auto full = limits.memory_bytes();
    CHECK(full > mib);
    CHECK(full <= 40 * mib);
    use_more(500'000, 1'000'000);
    CHECK(limits.memory_bytes() == full);
}

TEST_CASE("the table counts as a plain map does, whatever the order of names and times") {
    const std::uint64_t seed = 20'261'121;
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    window_table table({.shards = 2, .seed = seed});
    std::map<std::uint64_t, std::pair<std::int64_t, std::int64_t>> expected;  // opened, used
    std::int64_t now = 0;
    for (int i = 0; i < 200'000; ++i) {
        now += static_cast<std::int64_t>(random() % 100);
        const auto n = random() % (1 + random() % 3'000);
        auto& [opened, used] = expected[n];
        if (used == 0 || opened + window_ms <= now) opened = now, used = 0;
        ++used;
        const auto got = table.use(name(n), now);
        REQUIRE(got.used == used);
        REQUIRE(got.ends_ms == opened + window_ms);
    }
}

TEST_CASE("a budget says what is left and when it is full again, in Unix time rounded up") {
    statetrack::manual_clock clock;
    limiter limits({.heartbeats = 2}, 1);
    const auto first = limits.use_session(id(1), clock.read());
    CHECK(first.limit == 2);
    CHECK(first.remaining == 1);
    CHECK(first.resets_in_s == 60);
    CHECK(first.resets_at_s == clock.read().wall.ms / 1'000 + 60);
    clock.advance(58'500);
    CHECK_FALSE(limits.use_session(id(1), clock.read()).exceeded);
    const auto third = limits.use_session(id(1), clock.read());
    CHECK(third.exceeded);
    CHECK(third.remaining == 0);
    CHECK(third.resets_in_s == 2);
    CHECK(third.resets_at_s == first.resets_at_s);
    CHECK_FALSE(limits.use_session(id(2), clock.read()).exceeded);
    clock.advance(1'500);
    CHECK(limits.use_session(id(1), clock.read()).remaining == 1);
}

TEST_CASE("a limit of 0 counts nothing, and a new limit holds at once for windows that are open") {
    statetrack::manual_clock clock;
    limiter limits({.heartbeats = 0}, 1);
    for (int i = 0; i < 10'000; ++i) REQUIRE(limits.use_session(id(1), clock.read()).limit == 0);
    limits.set({.heartbeats = 3});
    limits.use_session(id(1), clock.read());
    CHECK(limits.use_session(id(1), clock.read()).remaining == 1);
    limits.set({.heartbeats = 2});
    CHECK(limits.use_session(id(1), clock.read()).exceeded);
}

TEST_CASE("addresses of one IPv6 network are one, an IPv4 address is itself in either notation") {
    statetrack::manual_clock clock;
    limiter limits({.failed_keys = 1}, 1);
    const auto exceeded = [&](std::string_view address) {
        return limits.use_address(address, clock.read()).exceeded;
    };
    CHECK_FALSE(exceeded("2001:db8:1:2::1"));
    CHECK(exceeded("2001:db8:1:2:ffff::9"));
    CHECK_FALSE(exceeded("2001:db8:1:3::1"));
    CHECK_FALSE(exceeded("192.0.2.1"));
    CHECK(exceeded("::ffff:192.0.2.1"));
    CHECK_FALSE(exceeded("192.0.2.2"));
    CHECK_FALSE(exceeded("fe80::1%eth0"));
    CHECK(exceeded("fe80::2"));
    CHECK_FALSE(exceeded(""));
    CHECK(exceeded(""));
}
