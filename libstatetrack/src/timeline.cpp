#include "timeline.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>

namespace statetrack {

timeline::timeline(const clock_reading& at)
    : anchor_ms_(at.wall.ms - at.age.ms), last_look_(at), opened_at_(at.age) {
    note_last_absence();
}

void timeline::note_last_absence() {
    using limits = std::numeric_limits<std::int64_t>;
    const std::int64_t ended_ms = recorded_.empty() ? limits::min() : recorded_.back().span.to.ms;
    absent_until_ms_.store(store_down_since_ ? limits::max() : ended_ms, std::memory_order_release);
}

moment timeline::look(const clock_reading& at) {
    if (std::abs(at.wall.ms - (at.age.ms + anchor_ms_)) > wall_step_ms_min)
        anchor_ms_ = at.wall.ms - at.age.ms;
    const std::int64_t passed_ms = at.age - last_look_.age;
    const std::int64_t asleep_ms = passed_ms - (at.awake_ms - last_look_.awake_ms);
    if (passed_ms > 0) {
        if (asleep_ms > suspension_ms_min) {
            add_absence({last_look_.age, at.age}, "suspended");
            // Nobody could have called sweep in that time: it is asked for anew from here.
            if (sweep_asked_for_) *sweep_asked_for_ = std::max(*sweep_asked_for_, at.age);
        }
        last_look_ = at;
    }
    return {stored_time(at.age), at.age};
}

moment timeline::begin_sweep(const clock_reading& at) {
    const moment now = look(at);
    if (sweep_asked_for_ && now.age - *sweep_asked_for_ > sweep_lateness_ms_max)
        add_absence({*sweep_asked_for_, now.age}, "late_sweep");
    return now;
}

void timeline::end_sweep(instant at, std::int64_t next_in_ms) { sweep_asked_for_ = at + next_in_ms; }

timestamp timeline::stored_time(instant at) const { return {at.ms + anchor_ms_}; }
instant timeline::age_of(timestamp at) const { return {at.ms - anchor_ms_}; }

void timeline::store_failed(instant at) {
    if (!store_down_since_) store_down_since_ = at;
    note_last_absence();
}

void timeline::store_works(instant at) {
    if (!store_down_since_) return;
    add_absence({*store_down_since_, at}, "store_unavailable");
    store_down_since_.reset();
    note_last_absence();
}

void timeline::add_absence(absence span, std::string_view why) { absent_ms_ += merge(span, why); }
void timeline::excuse(absence span, std::string_view why) { merge(span, why); }

std::int64_t timeline::merge(absence span, std::string_view why) {
    if (span.to < span.from) return 0;
    // Overlapping ones become one, which keeps the list disjoint; the name is that of the longer.
    recorded_absence merged{span, std::string(why)};
    std::int64_t covered_ms = 0;
    std::erase_if(recorded_, [&](const recorded_absence& other) {
        if (other.span.to < merged.span.from || other.span.from > merged.span.to) return false;
        covered_ms += other.span.to - other.span.from;
        if (other.span.to - other.span.from > merged.span.to - merged.span.from) merged.why = other.why;
        merged.span = {std::min(other.span.from, merged.span.from), std::max(other.span.to, merged.span.to)};
        return true;
    });
    const std::int64_t grown_ms = merged.span.to - merged.span.from - covered_ms;
    const auto place = std::upper_bound(recorded_.begin(), recorded_.end(), merged,
                                        [](const auto& a, const auto& b) { return a.span.to < b.span.to; });
    recorded_.insert(place, std::move(merged));
    if (recorded_.size() > absences_max) recorded_.erase(recorded_.begin());
    note_last_absence();
    changed_ = true;
    shared_.reset();
    return grown_ms;
}

std::vector<absence> timeline::absences(instant at) const {
    std::vector<absence> spans;
    spans.reserve(recorded_.size() + 1);
    for (const auto& one : recorded_) spans.push_back(one.span);
    if (store_down_since_ && at >= *store_down_since_) {
        absence open{*store_down_since_, at};
        while (!spans.empty() && spans.back().to >= open.from) {
            open.from = std::min(open.from, spans.back().from);
            open.to = std::max(open.to, spans.back().to);
            spans.pop_back();
        }
        spans.push_back(open);
    }
    return spans;
}

std::shared_ptr<const std::vector<absence>> timeline::shared_absences(instant at) {
    if (store_down_since_) return std::make_shared<const std::vector<absence>>(absences(at));
    if (!shared_) shared_ = std::make_shared<const std::vector<absence>>(absences(at));
    return shared_;
}

std::int64_t timeline::listened_ms(instant at) const {
    const std::int64_t down_ms = store_down_since_ ? std::max<std::int64_t>(0, at - *store_down_since_) : 0;
    return std::max<std::int64_t>(0, at - opened_at_ - absent_ms_ - down_ms);
}

}  // namespace statetrack
