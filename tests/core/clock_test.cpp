#include "statetrack/clock.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "printers.hpp"
#include "statetrack/manual_clock.hpp"

using namespace statetrack;

namespace {

struct written {
    std::int64_t ms;
    const char* text;
};
constexpr written both_ways[] = {
    {0, "1970-01-01T00:00:00.000Z"},
    {1, "1970-01-01T00:00:00.001Z"},
    {-1, "1969-12-31T23:59:59.999Z"},
    {-86'400'000, "1969-12-31T00:00:00.000Z"},
    {-86'400'001, "1969-12-30T23:59:59.999Z"},
    {1'768'816'800'123, "2026-01-19T10:00:00.123Z"},
    {951'782'400'000, "2000-02-29T00:00:00.000Z"},
    {1'709'164'800'000, "2024-02-29T00:00:00.000Z"},
    {4'107'542'399'999, "2100-02-28T23:59:59.999Z"},
    {-62'167'219'200'000, "0000-01-01T00:00:00.000Z"},
    {253'402'300'799'999, "9999-12-31T23:59:59.999Z"},
};

}  // namespace

TEST_CASE("A time is written as ISO 8601 in UTC with milliseconds, and read again") {
    for (const auto& [ms, text] : both_ways) {
        CAPTURE(text);
        CHECK(to_string(timestamp{ms}) == text);
        CHECK(parse_timestamp(text) == timestamp{ms});
    }
}

TEST_CASE("A time beyond the years 0 to 9999 is written as the nearest within") {
    CHECK(to_string(timestamp{std::numeric_limits<std::int64_t>::max()}) == "9999-12-31T23:59:59.999Z");
    CHECK(to_string(timestamp{std::numeric_limits<std::int64_t>::min()}) == "0000-01-01T00:00:00.000Z");
}

TEST_CASE("A time is read without milliseconds, too") {
    CHECK(parse_timestamp("2026-01-19T10:00:00Z") == timestamp{1'768'816'800'000});
}

TEST_CASE("Nothing else is a time") {
    for (const char* wrong : {"",
                              "2026-01-19",
                              "2026-01-19T10:00:00",
                              "2026-01-19T10:00:00.123",
                              "2026-01-19T10:00:00+00:00",
                              "2026-01-19 10:00:00Z",
                              "2026-01-19t10:00:00Z",
                              "2026-01-19T10:00:00z",
                              "2026-01-19T10:00:00.1Z",
                              "2026-01-19T10:00:00.1234Z",
                              "2026-01-19T10:00:00,123Z",
                              "2026-1-19T10:00:00.123Z",
                              "2026-13-01T10:00:00Z",
                              "2026-00-01T10:00:00Z",
                              "2026-02-29T10:00:00Z",
                              "2100-02-29T10:00:00Z",
                              "2026-04-31T10:00:00Z",
                              "2026-01-00T10:00:00Z",
                              "2026-01-19T24:00:00Z",
                              "2026-01-19T10:60:00Z",
                              "2026-01-19T10:00:60Z",
                              "2026-01-19T-1:00:00Z",
                              "+026-01-19T10:00:00Z",
                              "2026-01-19T10:00:00.12ZZ"}) {
        CAPTURE(wrong);
        CHECK(!parse_timestamp(wrong));
    }
}

TEST_CASE("Every day of four centuries is written and read alike") {
    constexpr std::int64_t day_ms = 86'400'000, days = 146'097;
    std::string before;
    for (std::int64_t day = 0; day < days; ++day) {
        const timestamp at{-62'167'219'200'000 + day * day_ms};
        const auto text = to_string(at);
        if (parse_timestamp(text) != at || !(before < text)) FAIL_CHECK(text);
        before = text;
    }
}

TEST_CASE("The system's clocks show plausible times and never go back") {
    const auto clock = make_system_clock();
    const auto first = clock->read();
    CHECK(first.wall.ms > 1'700'000'000'000);
    CHECK(first.awake_ms > 0);
    auto before = first;
    for (int i = 0; i < 1'000; ++i) {
        const auto now = clock->read();
        CHECK(now.age >= before.age);
        CHECK(now.awake_ms >= before.awake_ms);
        before = now;
    }
    CHECK(before.age.ms >= before.awake_ms);  // what counts suspension is never behind what does not
}

TEST_CASE("A manual clock stands still until it is told to move") {
    manual_clock clock({5'000});
    for (int i = 0; i < 3; ++i) {
        const auto now = clock.read();
        CHECK(now.wall == timestamp{5'000});
        CHECK(now.age == instant{0});
        CHECK(now.awake_ms == 0);
    }
    CHECK(manual_clock().read().wall == parse_timestamp("2026-01-19T10:00:00Z"));
}

TEST_CASE("Each way of moving a manual clock moves the clocks that it would move") {
    manual_clock clock({5'000});
    const auto stands_at = [&](std::int64_t wall, std::int64_t age, std::int64_t awake) {
        const auto now = clock.read();
        CHECK(now.wall.ms == wall);
        CHECK(now.age.ms == age);
        CHECK(now.awake_ms == awake);
    };
    clock.advance(100);
    stands_at(5'100, 100, 100);
    clock.suspend(1'000);
    stands_at(6'100, 1'100, 100);
    clock.step_wall(-6'000);
    stands_at(100, 1'100, 100);
    clock.step_wall(50);
    stands_at(150, 1'100, 100);
    clock.reboot(10);
    stands_at(160, 0, 0);
    clock.advance(0);
    stands_at(160, 0, 0);
}

TEST_CASE("Instants are added to and subtracted") {
    const instant at{1'000};
    CHECK((at + 5).ms == 1'005);
    CHECK((at - 5).ms == 995);
    CHECK((at + 5) - at == 5);
    CHECK(at < at + 1);
}
