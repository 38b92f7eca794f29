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

std::pair<live_entry*, bool> liveness_index::enter(const uuid& id) {
    const auto [at, is_new] = places_.try_emplace(id);
    if (!is_new) return {&entries_[at->second], false};
    if (free_.empty()) {
        at->second = static_cast<place>(entries_.size());
        entries_.emplace_back();
    } else {
        at->second = free_.back();
        free_.pop_back();
        entries_[at->second] = {};
    }
    live_entry& e = entries_[at->second];
    e.id = id;
    e.live = true;
    return {&e, true};
}

liveness_index::told liveness_index::apply(const session& row, machine_presence* machine,
                                           const timeline& times, const row_news& news) {
    if (is_terminal(row.status)) {
        erase(row.session_id);
        return {};
    }
    const auto [entry, is_new] = enter(row.session_id);
    live_entry& e = *entry;
    if (!is_new && row.version < e.version) return {};
    const std::int64_t stall_threshold_ms = row.stall_threshold_ms.value_or(0);
    const std::int64_t progress_threshold_ms = row.progress_threshold_ms.value_or(0);
    // What could bring a deadline forward: only then is the entry filed anew.
    bool look_again = is_new || e.status != row.status || e.stall_threshold_ms != stall_threshold_ms ||
                      e.progress_threshold_ms != progress_threshold_ms;
    if (is_new) {
        e.last_heard = news.heard.value_or(news.at);
        e.has_beat = row.last_heartbeat > row.started_at.value_or(row.created_at);
    } else if (news.heard) {
        e.last_heard = std::max(e.last_heard, *news.heard);
    }
    e.has_beat = e.has_beat || news.by_beat;
    if (e.status != row.status || news.heard) look_again |= judged_anew(e);
    e.status = row.status;
    e.last_heartbeat = row.last_heartbeat;
    e.version = row.version;
    e.epoch = row.epoch;
    e.stall_threshold_ms = stall_threshold_ms;
    e.progress_threshold_ms = progress_threshold_ms;
    e.machine = machine;
    look_again |= take_silence(e, row.silence_until, times);
    const bool waits = waits_for_a_person(row);
    const bool judged_again = e.waiting && !waits;
    look_again |= e.waiting != waits;
    e.waiting = waits;
    const auto known = e.progressed ? std::optional(e.last_progress_at) : std::nullopt;
    if (is_new || known != row.last_progress_at)
        look_again |=
            take_progress(e, row.last_progress_at, row.started_at.value_or(row.created_at), times, news.at);
    // Judging begins anew when the agent has stopped waiting for a person.
    if (judged_again) {
        e.progress_since = std::max(e.progress_since, news.at);
        e.progress_reported = false;
    }
    return {&e, look_again};
}

std::vector<std::size_t> liveness_index::columns_applied() {
    return {column_of<&session::session_id>(),
            column_of<&session::machine_id>(),
            column_of<&session::status>(),
            column_of<&session::last_heartbeat>(),
            column_of<&session::stall_threshold_ms>(),
            column_of<&session::silence_until>(),
            column_of<&session::progress_threshold_ms>(),
            column_of<&session::last_progress_at>(),
            column_of<&session::phase>(),
            column_of<&session::started_at>(),
            column_of<&session::epoch>(),
            column_of<&session::version>(),
            column_of<&session::created_at>()};
}

void liveness_index::reserve(std::size_t sessions) {
    places_.reserve(sessions);
    heap_.reserve(sessions);
}

liveness_index::told liveness_index::beat(const plain_beat& by, const timeline& times, instant at) {
    live_entry* e = find(by.session_id);
    if (!e || by.version < e->version) return {};
    e->last_heard = std::max(e->last_heard, at);
    e->has_beat = true;
    e->last_heartbeat = by.last_heartbeat;
    bool look_again = judged_anew(*e);
    look_again |= take_silence(*e, by.silence_until, times);
    // A plain beat changes progress by a mark only.
    if (by.last_progress_at && (!e->progressed || e->last_progress_at != *by.last_progress_at))
        look_again |= take_progress(*e, by.last_progress_at, *by.last_progress_at, times, at);
    return {e, look_again};
}

// A deadline that comes later needs no new look: the old one finds it.
bool liveness_index::take_progress(live_entry& e, std::optional<timestamp> last_progress_at,
                                   timestamp else_since, const timeline& times, instant at) {
    e.progressed = last_progress_at.has_value();
    e.last_progress_at = last_progress_at.value_or(timestamp{});
    e.progress_since = std::min(times.age_of(last_progress_at.value_or(else_since)), at);
    const bool was_reported = e.progress_reported;
    e.progress_reported = false;
    return was_reported;
}

bool liveness_index::take_silence(live_entry& e, std::optional<timestamp> until, const timeline& times) {
    if ((e.announced ? std::optional(e.silence_until) : std::nullopt) == until) return false;
    const auto before = e.announcement();
    e.announced = until.has_value();
    e.silence_until = until.value_or(timestamp{});
    e.announced_until = until ? times.age_of(*until) : instant{};
    return before && (!e.announced || e.announced_until < *before);
}

void liveness_index::erase(const uuid& id) {
    const auto at = places_.find(id);
    if (at == places_.end()) return;
    entries_[at->second] = {};
    free_.push_back(at->second);
    places_.erase(at);
}

liveness_index::told liveness_index::heard(const uuid& id, std::optional<std::int64_t> epoch, instant at) {
    live_entry* e = find(id);
    if (!e || (epoch && *epoch != e->epoch)) return {};
    if (at <= e->last_heard) return {e, false};
    e->last_heard = at;
    return {e, judged_anew(*e)};
}

// While a stall is only observed its deadline is not looked at again; from a sign of life on it is.
bool liveness_index::judged_anew(live_entry& e) {
    const bool was_observed = e.observed;
    e.observed = false;
    return was_observed;
}

const live_entry* liveness_index::find(const uuid& id) const {
    const auto at = places_.find(id);
    return at == places_.end() ? nullptr : &entries_[at->second];
}

live_entry* liveness_index::find(const uuid& id) {
    const auto at = places_.find(id);
    return at == places_.end() ? nullptr : &entries_[at->second];
}

void liveness_index::file(live_entry& entry, instant at) {
    if (at >= entry.filed) return;
    entry.filed = at;
    heap_.push_back({at, places_.find(entry.id)->second});
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>{});
}

// A place may have been taken over since: then its new entry is looked at, which does no harm.
bool liveness_index::valid(const filing& f) const {
    const live_entry& e = entries_[f.entry];
    return e.live && e.filed == f.at;
}

std::vector<uuid> liveness_index::take_due(instant now, std::size_t limit) {
    std::vector<uuid> due;
    while (!heap_.empty() && heap_.front().at <= now && due.size() < limit) {
        const filing top = heap_.front();
        std::pop_heap(heap_.begin(), heap_.end(), std::greater<>{});
        heap_.pop_back();
        if (!valid(top)) continue;
        entries_[top.entry].filed = never;
        due.push_back(entries_[top.entry].id);
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
        if (valid(heap_[i])) due.push_back(entries_[heap_[i].entry].id);
        for (const std::size_t child : {2 * i + 1, 2 * i + 2})
            if (child < heap_.size()) open.push_back(child);
    }
    return due;
}

std::optional<instant> liveness_index::next_due() const {
    if (heap_.empty()) return std::nullopt;
    // Perhaps of a filing that is no longer valid: a look too many, never one too few.
    return heap_.front().at;
}

}  // namespace statetrack
