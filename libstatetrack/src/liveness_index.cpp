#include "liveness_index.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "machine_watch.hpp"
#include "statetrack/lifecycle.hpp"

namespace statetrack {
namespace {

bool waits_for_a_person(const session& row) {
    return row.phase == session_phase::waiting_input || row.phase == session_phase::waiting_permission;
}

std::uint64_t hash_of(const uuid& id) { return std::hash<uuid>{}(id); }

// Keeps a machine's counts right while an entry changes.
class counted_at_machine {
public:
    explicit counted_at_machine(const live_entry& of) : of_(of) { count(-1); }
    counted_at_machine(const counted_at_machine&) = delete;
    counted_at_machine& operator=(const counted_at_machine&) = delete;
    ~counted_at_machine() { count(1); }

private:
    void count(std::int64_t by) const {
        if (!of_.machine || of_.status != session_status::active) return;
        of_.machine->active += by;
        if (of_.announced) of_.machine->announced += by;
    }

    const live_entry& of_;
};

}  // namespace

std::optional<liveness_index::place> liveness_index::place_of(const uuid& id) const {
    return places_.find(hash_of(id), [&](place p) { return at(p).id == id; });
}

liveness_index::place liveness_index::new_place() {
    if (!free_.empty()) {
        const place p = free_.back();
        free_.pop_back();
        return p;
    }
    if (entries_ == blocks_.size() * entries_each) make_block();
    return entries_++;
}

void liveness_index::make_block() {
    auto* const block = reinterpret_cast<live_entry*>(memory_.take());
    std::uninitialized_default_construct_n(block, entries_each);
    blocks_.push_back(block);
}

std::pair<live_entry*, bool> liveness_index::enter(const uuid& id) {
    if (const auto known = place_of(id)) return {&at(*known), false};
    const place p = new_place();
    live_entry& e = at(p);
    e.id = id;
    e.live = true;
    places_.insert(hash_of(id), p, [this](place one) { return hash_of(at(one).id); });
    return {&e, true};
}

uncommon_limits& liveness_index::limits_to_write(live_entry& e) {
    if (e.uncommon == 0 && free_limits_.empty()) {
        e.uncommon = static_cast<live_entry::small>(limits_.size());
        limits_.emplace_back();
    } else if (e.uncommon == 0) {
        e.uncommon = free_limits_.back();
        free_limits_.pop_back();
    }
    return limits_[e.uncommon];
}

void liveness_index::keep_limits(live_entry& e) {
    const uncommon_limits& now = limits_[e.uncommon];
    const bool needed =
        e.announced || e.progressed || now.stall_threshold_ms != 0 || now.progress_threshold_ms != 0;
    if (e.uncommon == 0 || needed) return;
    limits_[e.uncommon] = {};
    free_limits_.push_back(std::exchange(e.uncommon, 0));
}

liveness_index::told liveness_index::apply(const session& row, machine_presence* machine,
                                           const timeline& times, const row_news& news) {
    if (is_terminal(row.status)) {
        erase(row.session_id);
        return {};
    }
    const auto [entry, is_new] = enter(row.session_id);
    live_entry& e = *entry;
    const auto version = live_entry::held(row.version);
    if (!is_new && version < e.version) return {};
    const counted_at_machine counted(e);
    const std::int64_t stall_threshold_ms = row.stall_threshold_ms.value_or(0);
    const std::int64_t progress_threshold_ms = row.progress_threshold_ms.value_or(0);
    // What could bring a deadline forward: only then is the entry filed anew.
    bool look_again = is_new || e.status != row.status;
    if (limits_of(e).stall_threshold_ms != stall_threshold_ms ||
        limits_of(e).progress_threshold_ms != progress_threshold_ms) {
        look_again = true;
        auto& limits = limits_to_write(e);
        limits.stall_threshold_ms = stall_threshold_ms;
        limits.progress_threshold_ms = progress_threshold_ms;
    }
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
    e.version = version;
    e.epoch = live_entry::held(row.epoch);
    e.machine = machine;
    look_again |= take_silence(e, row.silence_until, times);
    const bool waits = waits_for_a_person(row);
    const bool judged_again = e.waiting && !waits;
    look_again |= e.waiting != waits;
    e.waiting = waits;
    const auto known = e.progressed ? std::optional(limits_of(e).last_progress_at) : std::nullopt;
    if (is_new || known != row.last_progress_at)
        look_again |=
            take_progress(e, row.last_progress_at, row.started_at.value_or(row.created_at), times, news.at);
    // Judging begins anew when the agent has stopped waiting for a person.
    if (judged_again) {
        e.progress_since = std::max<instant>(e.progress_since, news.at);
        e.progress_reported = false;
    }
    keep_limits(e);
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
    places_.reserve(sessions, [this](place p) { return hash_of(at(p).id); });
    blocks_.reserve(sessions / entries_each + 1);
    heap_.reserve(sessions);
}

liveness_index::told liveness_index::beat(const plain_beat& by, const timeline& times, instant at) {
    live_entry* e = find(by.session_id);
    if (!e || live_entry::held(by.version) < e->version) return {};
    const counted_at_machine counted(*e);
    e->last_heard = std::max(e->last_heard, at);
    e->has_beat = true;
    e->last_heartbeat = by.last_heartbeat;
    bool look_again = judged_anew(*e);
    look_again |= take_silence(*e, by.silence_until, times);
    // A plain beat changes progress by a mark only.
    if (by.last_progress_at && (!e->progressed || limits_of(*e).last_progress_at != *by.last_progress_at))
        look_again |= take_progress(*e, by.last_progress_at, *by.last_progress_at, times, at);
    keep_limits(*e);
    return {e, look_again};
}

// A deadline that comes later needs no new look: the old one finds it.
bool liveness_index::take_progress(live_entry& e, std::optional<timestamp> last_progress_at,
                                   timestamp else_since, const timeline& times, instant at) {
    if (last_progress_at || e.progressed)
        limits_to_write(e).last_progress_at = last_progress_at.value_or(timestamp{});
    e.progressed = last_progress_at.has_value();
    e.progress_since = std::min(times.age_of(last_progress_at.value_or(else_since)), at);
    const bool was_reported = e.progress_reported;
    e.progress_reported = false;
    return was_reported;
}

bool liveness_index::take_silence(live_entry& e, std::optional<timestamp> until, const timeline& times) {
    if ((e.announced ? std::optional(limits_of(e).silence_until) : std::nullopt) == until) return false;
    const auto before = announcement_of(e);
    e.announced = until.has_value();
    auto& limits = limits_to_write(e);
    limits.silence_until = until.value_or(timestamp{});
    limits.announced_until = until ? times.age_of(*until) : instant{};
    return before && (!e.announced || limits.announced_until < *before);
}

void liveness_index::erase(const uuid& id) {
    const auto known = place_of(id);
    if (!known) return;
    live_entry& e = at(*known);
    {
        const counted_at_machine counted(e);
        e.machine = nullptr;
    }
    places_.erase(hash_of(id), *known);
    e.announced = e.progressed = false;
    if (e.uncommon != 0) limits_[e.uncommon] = {};
    keep_limits(e);
    e = {};
    free_.push_back(*known);
}

liveness_index::told liveness_index::heard(const uuid& id, std::optional<std::int64_t> epoch, instant at) {
    live_entry* e = find(id);
    if (!e || (epoch && live_entry::held(*epoch) != e->epoch)) return {};
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
    const auto known = place_of(id);
    return known ? &at(*known) : nullptr;
}

live_entry* liveness_index::find(const uuid& id) {
    const auto known = place_of(id);
    return known ? &at(*known) : nullptr;
}

void liveness_index::file(live_entry& entry, instant at) {
    at = std::min(at, live_entry::never - 1);
    if (at >= entry.filed) return;
    entry.filed = at;
    // Not twice as many at once: there may be a million.
    if (heap_.size() == heap_.capacity()) heap_.reserve(heap_.size() + heap_.size() / 4 + 1);
    heap_.push_back({at, *place_of(entry.id)});
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>{});
}

// A place may have been taken over since: then its new entry is looked at, which does no harm.
bool liveness_index::valid(const filing& f) const {
    const live_entry& e = at(f.entry);
    return e.live && instant(e.filed) == f.at;
}

std::vector<uuid> liveness_index::take_due(instant now, std::size_t limit) {
    std::vector<uuid> due;
    while (!heap_.empty() && heap_.front().at <= now && due.size() < limit) {
        const filing top = heap_.front();
        std::pop_heap(heap_.begin(), heap_.end(), std::greater<>{});
        heap_.pop_back();
        if (!valid(top)) continue;
        live_entry& e = at(top.entry);
        e.filed = live_entry::never;
        due.push_back(e.id);
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
        if (valid(heap_[i])) due.push_back(at(heap_[i].entry).id);
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
