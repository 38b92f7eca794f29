#include "statetrack/deadline.hpp"

#include <algorithm>

namespace statetrack {
namespace {

// The instant at which `need_ms` of listening since `from` are complete.
instant listened_until(instant from, std::int64_t need_ms, std::span<const absence> absences) {
    for (const auto& away : absences) {
        if (away.to <= from) continue;
        const std::int64_t before_ms = std::max<std::int64_t>(0, away.from - from);
        if (need_ms <= before_ms) break;
        need_ms -= before_ms;
        from = away.to;
    }
    return from + need_ms;
}

}  // namespace

std::int64_t beat_interval_ms(std::int64_t threshold_ms) {
    return std::min(beat_interval_ms_max, threshold_ms * 31 / 100);
}

std::int64_t listening_grace_ms(std::int64_t threshold_ms) {
    const std::int64_t interval_ms = beat_interval_ms(threshold_ms);
    const std::int64_t slack_ms = std::min(threshold_ms, std::max<std::int64_t>(15'000, interval_ms / 4));
    return std::min(threshold_ms, interval_ms + slack_ms);
}

instant deadline(const silence& of, std::span<const absence> absences) {
    const std::int64_t grace_ms = listening_grace_ms(of.threshold_ms);
    instant base = of.last_heard + of.threshold_ms;
    if (of.announced_until) base = std::max(base, *of.announced_until + grace_ms);
    if (absences.empty()) return base;
    const instant rested = std::max(base, absences.back().to + grace_ms);
    if (rested == base) return base;
    const instant listened = listened_until(of.last_heard, listening_thresholds * of.threshold_ms, absences);
    return std::min(rested, std::max(base, listened));
}

std::int64_t listened_ms(instant from, instant to, std::span<const absence> absences) {
    std::int64_t total_ms = std::max<std::int64_t>(0, to - from);
    for (const auto& away : absences)
        total_ms -= std::max<std::int64_t>(0, std::min(away.to, to) - std::max(away.from, from));
    return std::max<std::int64_t>(0, total_ms);
}

}  // namespace statetrack
