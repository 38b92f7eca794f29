#include "machine_watch.hpp"

#include <algorithm>

namespace statetrack {
namespace {

// Slots of η/8: 1.5 η are the newest 12 of them, the 3 η before are the next 24.
constexpr std::int64_t slots_an_interval = 8;
constexpr std::uint64_t lately = (std::uint64_t{1} << 12) - 1;
constexpr std::uint64_t earlier = ((std::uint64_t{1} << 24) - 1) << 12;

}  // namespace

machine_watch::machine_watch(std::int64_t beat_interval_ms)
    : slot_ms_(std::max<std::int64_t>(1, beat_interval_ms / slots_an_interval)) {}

void machine_watch::apply(const machine& row, std::optional<instant> heard) {
    machine_presence& m = *enter(row.machine_id);
    if (m.registered && row.version < m.version) return;
    m.registered = true;
    m.status = row.status;
    m.version = row.version;
    has_news_ = true;
    if (heard) {
        m.own_heard = std::max(m.own_heard.value_or(*heard), *heard);
        m.heard = std::max(m.heard.value_or(*heard), *heard);
    }
}

void machine_watch::erase(const std::string& machine_id) {
    const auto at = machines_.find(machine_id);
    if (at == machines_.end()) return;
    at->second.registered = false;
    at->second.version = 0;
    at->second.own_heard.reset();
    leave(&at->second);
}

machine_presence* machine_watch::enter(const std::string& machine_id) {
    machine_presence& m = machines_[machine_id];
    m.id = machine_id;
    return &m;
}

void machine_watch::session_moved(machine_presence* from, machine_presence* to) {
    if (from == to) return;
    if (to) ++to->sessions;
    if (!from) return;
    --from->sessions;
    leave(from);
}

void machine_watch::leave(machine_presence* m) {
    if (m->registered || m->sessions > 0) return;
    machines_.erase(machines_.find(m->id));
}

void machine_watch::heard(const std::string& machine_id, instant at, std::int64_t listened_ms, bool own) {
    const auto place = machines_.find(machine_id);
    if (place != machines_.end()) heard(place->second, at, listened_ms, own);
}

void machine_watch::heard(machine_presence& m, instant at, std::int64_t listened_ms, bool own) {
    if (own) m.own_heard = std::max(m.own_heard.value_or(at), at);
    m.heard = std::max(m.heard.value_or(at), at);
    // Floor division: what was heard before the tracker was opened lies in negative slots.
    const std::int64_t slot =
        listened_ms >= 0 ? listened_ms / slot_ms_ : -((-listened_ms - 1) / slot_ms_ + 1);
    if (m.beats == 0 || slot > m.slot) {
        m.beats = m.beats == 0 ? 0 : beats_at(m, slot);
        m.slot = slot;
    }
    const std::int64_t back = m.slot - slot;
    if (back >= 0 && back < 64) m.beats |= std::uint64_t{1} << back;
}

std::uint64_t machine_watch::beats_at(const machine_presence& m, std::int64_t slot) const {
    const std::int64_t shift = slot - m.slot;
    if (shift <= 0) return m.beats;
    return shift >= 64 ? 0 : m.beats << shift;
}

const machine_presence* machine_watch::find(const std::string& machine_id) const {
    const auto at = machines_.find(machine_id);
    return at == machines_.end() ? nullptr : &at->second;
}

// Whether a census could find enough that are lost, were all machines to count: who counts costs a look at
// their sessions, and every sweep asks.
bool machine_watch::enough_lost(std::int64_t listened_ms) const {
    std::int64_t lost = 0;
    const std::int64_t slot = listened_ms / slot_ms_;
    for (const auto& [id, m] : machines_) {
        const std::uint64_t beats = beats_at(m, slot);
        if ((beats & earlier) && !(beats & lately) && ++lost >= guard_machines_min) return true;
    }
    return false;
}

machine_watch::census machine_watch::take_census(std::int64_t listened_ms, const counts& counted) const {
    census found;
    const std::int64_t slot = listened_ms / slot_ms_;
    for (const auto& [id, m] : machines_) {
        const std::uint64_t beats = beats_at(m, slot);
        if (!(beats & earlier) || !counted(m)) continue;
        found.before.push_back(id);
        if (!(beats & lately)) ++found.lost;
    }
    return found;
}

std::optional<std::pair<instant, instant>> machine_watch::guard(instant now, std::int64_t listened_ms,
                                                                const counts& counted) {
    if (hold_) {
        if (!over(*hold_, now)) return std::nullopt;
        const instant since = hold_->since;
        hold_.reset();
        return std::pair{since, now};
    }
    if (!enough_lost(listened_ms)) return std::nullopt;
    census found = take_census(listened_ms, counted);
    const auto before = static_cast<std::int64_t>(found.before.size());
    if (before < guard_machines_min) return std::nullopt;
    if (found.lost >= guard_machines_min && found.lost * 100 >= guard_lost_percent * before)
        hold_ = hold{now, std::move(found.before)};
    return std::nullopt;
}

bool machine_watch::over(const hold& h, instant now) const {
    if (now - h.since >= guard_hold_ms_max) return true;
    std::int64_t back = 0;
    for (const auto& id : h.before) {
        const machine_presence* m = find(id);
        if (m && m->heard && now - *m->heard <= guard_back_within_ms) ++back;
    }
    return back * 100 >= guard_back_percent * static_cast<std::int64_t>(h.before.size());
}

std::optional<instant> machine_watch::holding_since() const {
    return hold_ ? std::optional(hold_->since) : std::nullopt;
}

}  // namespace statetrack
