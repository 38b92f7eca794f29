#include "statetrack/deadline.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace statetrack;

namespace {

constexpr std::int64_t threshold = 180'000;

silence heard_at(std::int64_t ms) { return {.last_heard = {ms}, .threshold_ms = threshold}; }

}  // namespace

TEST_CASE("the advised interval is 55 s for the default threshold and 31 % of shorter ones") {
    CHECK(beat_interval_ms(180'000) == 55'000);
    CHECK(beat_interval_ms(100'000) == 31'000);
    CHECK(beat_interval_ms(1'000) == 310);
    CHECK(beat_interval_ms(86'400'000) == 55'000);
}

TEST_CASE("the listening grace is interval plus slack, and never more than the threshold") {
    CHECK(listening_grace_ms(180'000) == 70'000);
    CHECK(listening_grace_ms(60'000) == 18'600 + 15'000);
    CHECK(listening_grace_ms(10'000) == 10'000);
    CHECK(listening_grace_ms(1'000) == 1'000);
}

TEST_CASE("without absences the deadline is the last sign of life plus the threshold") {
    CHECK(deadline(heard_at(5'000), {}) == instant{185'000});
}

TEST_CASE("announced silence moves the deadline only where it is later") {
    auto quiet = heard_at(0);
    quiet.announced_until = instant{600'000};
    CHECK(deadline(quiet, {}) == instant{670'000});
    quiet.announced_until = instant{10'000};
    CHECK(deadline(quiet, {}) == instant{180'000});
}

TEST_CASE("after an absence nobody is judged before we have listened for the grace") {
    const std::vector<absence> away{{{100'000}, {700'000}}};
    CHECK(deadline(heard_at(90'000), away) == instant{770'000});
    CHECK(deadline(heard_at(690'000), away) == instant{870'000});
    CHECK(deadline(heard_at(750'000), away) == instant{930'000});
}

TEST_CASE("three thresholds listened in all are enough, breaks or not") {
    // Away for 10 s, back for 20 s, again and again: the grace of 70 s is never reached.
    std::vector<absence> away;
    for (std::int64_t i = 0; i < 60; ++i) away.push_back({{20'000 + i * 30'000}, {30'000 + i * 30'000}});
    // 540 s of listening are 27 spans of 20 s, the last of which ends at 26 × 30 s + 20 s.
    CHECK(deadline(heard_at(0), away) == instant{26 * 30'000 + 20'000});
}

TEST_CASE("an announced silence holds although three thresholds have been listened") {
    std::vector<absence> away;
    for (std::int64_t i = 0; i < 60; ++i) away.push_back({{20'000 + i * 30'000}, {30'000 + i * 30'000}});
    auto quiet = heard_at(0);
    quiet.announced_until = instant{1'000'000};
    CHECK(deadline(quiet, away) == instant{1'070'000});
}

TEST_CASE("absences that ended by the last sign of life change nothing") {
    std::vector<absence> away;
    for (std::int64_t i = 0; i < 60; ++i) away.push_back({{20'000 + i * 30'000}, {30'000 + i * 30'000}});
    const std::int64_t back = away.back().to.ms;
    for (const std::int64_t threshold_ms : {1'000, 20'000, 180'000, 86'400'000}) {
        for (const std::int64_t heard : {back, back + 1, back + 40'000}) {
            silence quiet{.last_heard = {heard}, .threshold_ms = threshold_ms};
            CHECK(deadline(quiet, away) == deadline(quiet, {}));
            quiet.announced_until = instant{heard + 5'000};
            CHECK(deadline(quiet, away) == deadline(quiet, {}));
        }
    }
    CHECK(deadline({.last_heard = {back - 1}, .threshold_ms = 1'000}, away) == instant{back + 1'000});
}

TEST_CASE("listened time leaves the absences out") {
    const std::vector<absence> away{{{10}, {20}}, {{30}, {50}}};
    CHECK(listened_ms({0}, {60}, away) == 30);
    CHECK(listened_ms({15}, {40}, away) == 10);
    CHECK(listened_ms({60}, {50}, away) == 0);
}
