#include "liveness_index.hpp"

#include <algorithm>
#include <utility>

#include "statetrack/lifecycle.hpp"

namespace statetrack {
namespace {

bool waits_for_a_person(const session& row) {
    return row.phase == session_phase::waiting_input || row.phase == session_phase::waiting_permission;
}

}  // namespace

void liveness_index::apply(const session& row, const timeline& times, const row_news& news) {
    if (is_terminal(row.status)) return erase(row.session_id);
    auto [at, is_new] = entries_.try_emplace(row.session_id);
    live_entry& e = at->second;
    if (!is_new && row.version < e.version) return;
    // What could bring a deadline forward: only then is the entry filed anew.
    bool look_again = is_new || e.status != row.status || e.stall_threshold_ms != row.stall_threshold_ms ||
                      e.progress_threshold_ms != row.progress_threshold_ms;
    if (is_new) {
        e.id = row.session_id;
        e.last_heard = news.heard.value_or(news.at);
        e.has_beat = row.last_heartbeat > row.started_at.value_or(row.created_at);
    } else if (news.heard) {
        e.last_heard = std::max(e.last_heard, *news.heard);
    }
    e.has_beat = e.has_beat || news.by_beat;
    if (e.status != row.status || news.heard) e.observed = false;
    e.status = row.status;
    e.last_heartbeat = row.last_heartbeat;
    e.version = row.version;
    e.epoch = row.epoch;
    e.stall_threshold_ms = row.stall_threshold_ms;
    e.progress_threshold_ms = row.progress_threshold_ms;
    e.machine_id = row.machine_id;
    look_again |= take_silence(e, row.silence_until, times);
    const bool waits = waits_for_a_person(row);
    const bool judged_again = e.waiting && !waits;
    look_again |= e.waiting != waits;
    e.waiting = waits;
    if (is_new || e.last_progress_at != row.last_progress_at)
        look_again |=
            take_progress(e, row.last_progress_at, row.started_at.value_or(row.created_at), times, news.at);
    // Judging begins anew when the agent has stopped waiting for a person.
    if (judged_again) {
        e.progress_since = std::max(e.progress_since, news.at);
        e.progress_reported = false;
    }
    if (look_again) file(e, at_once);
}

const live_entry* liveness_index::beat(const plain_beat& by, const timeline& times, instant at) {
    live_entry* e = find(by.session_id);
    if (!e || by.version < e->version) return nullptr;
    e->last_heard = std::max(e->last_heard, at);
    e->has_beat = true;
    e->observed = false;
    e->last_heartbeat = by.last_heartbeat;
    bool look_again = take_silence(*e, by.silence_until, times);
    // A plain beat changes progress by a mark only.
    if (by.last_progress_at && e->last_progress_at != by.last_progress_at)
        look_again |= take_progress(*e, by.last_progress_at, *by.last_progress_at, times, at);
    if (look_again) file(*e, at_once);
    return e;
}

// A deadline that comes later needs no new look: the old one finds it.
bool liveness_index::take_progress(live_entry& e, std::optional<timestamp> last_progress_at,
                                   timestamp else_since, const timeline& times, instant at) {
    e.last_progress_at = last_progress_at;
    e.progress_since = std::min(times.age_of(last_progress_at.value_or(else_since)), at);
    return std::exchange(e.progress_reported, false);
}

bool liveness_index::take_silence(live_entry& e, std::optional<timestamp> until, const timeline& times) {
    if (e.silence_until == until) return false;
    const auto before = e.announced_until;
    e.silence_until = until;
    e.announced_until = until ? std::optional(times.age_of(*until)) : std::nullopt;
    return before && (!e.announced_until || *e.announced_until < *before);
}

void liveness_index::erase(const uuid& id) { entries_.erase(id); }

bool liveness_index::heard(const uuid& id, std::optional<std::int64_t> epoch, instant at) {
    live_entry* e = find(id);
    if (!e || (epoch && *epoch != e->epoch)) return false;
    if (at > e->last_heard) {
        e->last_heard = at;
        e->observed = false;
    }
    return true;
}

const live_entry* liveness_index::find(const uuid& id) const {
    const auto at = entries_.find(id);
    return at == entries_.end() ? nullptr : &at->second;
}

live_entry* liveness_index::find(const uuid& id) {
    const auto at = entries_.find(id);
    return at == entries_.end() ? nullptr : &at->second;
}

void liveness_index::file(live_entry& entry, instant at) {
    if (at >= entry.filed) return;
    entry.filed = at;
    heap_.push_back({at, entry.id});
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>{});
}

bool liveness_index::valid(const filing& f) const {
    const live_entry* e = find(f.id);
    return e && e->filed == f.at;
}

std::vector<uuid> liveness_index::take_due(instant now, std::size_t limit) {
    std::vector<uuid> due;
    while (!heap_.empty() && heap_.front().at <= now && due.size() < limit) {
        const filing top = heap_.front();
        std::pop_heap(heap_.begin(), heap_.end(), std::greater<>{});
        heap_.pop_back();
        if (!valid(top)) continue;
        find(top.id)->filed = never;
        due.push_back(top.id);
    }
    return due;
}

std::vector<uuid> liveness_index::peek_due(instant now) const {
    std::vector<uuid> due;
    // Children are never earlier than their parent, so only what is due, and its children, are looked at.
    std::vector<std::size_t> open;
    if (!heap_.empty()) open.push_back(0);
    while (!open.empty()) {
        const std::size_t i = open.back();
        open.pop_back();
        if (heap_[i].at > now) continue;
        if (valid(heap_[i])) due.push_back(heap_[i].id);
        for (const std::size_t child : {2 * i + 1, 2 * i + 2})
            if (child < heap_.size()) open.push_back(child);
    }
    return due;
}

std::optional<instant> liveness_index::next_due() const {
    if (heap_.empty()) return std::nullopt;
    return heap_.front()
        .at;  // perhaps of a filing that is no longer valid: a look too many, never one too few
}

}  // namespace statetrack
