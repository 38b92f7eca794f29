// Health: computed from the newest sign of life and the one deadline, never from whether a sweep has run.
#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>

#include "statetrack/lifecycle.hpp"
#include "tracker_impl.hpp"

namespace statetrack {
namespace {

constexpr session_status statuses[] = {
    session_status::pending,   session_status::active, session_status::paused, session_status::stalled,
    session_status::completed, session_status::failed, session_status::expired};
static_assert(std::size(statuses) == session_statuses);

result<std::int64_t> count_in(reader& from, session_status status) {
    static const auto with = [] {
        std::array<condition, session_statuses> all;
        for (const auto one : statuses) all[static_cast<std::size_t>(one)] = where<&session::status>(one);
        return all;
    }();
    return from.count(table_of<session>(), {&with[static_cast<std::size_t>(status)], 1});
}

stalled_session shown(const session& row, std::int64_t silent_ms) {
    return {.session_id = row.session_id,
            .project_id = row.project_id,
            .machine_id = row.machine_id,
            .last_heartbeat = row.last_heartbeat,
            .time_since_heartbeat_ms = silent_ms};
}

}  // namespace

result<fleet_health> tracker::health(patience how) const {
    const moment at = impl_->look();
    auto found = impl_->read(
        [&](reader& from) -> result<fleet_health> {
            fleet_health counts{.last_updated = at.now};
            for (const auto status : statuses) {
                const auto n = count_in(from, status);
                if (!n) return n.error();
                counts.by_status[static_cast<std::size_t>(status)] = *n;
                counts.total += *n;
            }
            return counts;
        },
        how);
    if (!found) return found.error();
    std::lock_guard lock(impl_->mutex);
    const auto away = impl_->times.absences(at.age);
    auto& active = found->by_status[static_cast<std::size_t>(session_status::active)];
    const auto past = std::min(active, static_cast<std::int64_t>(impl_->overdue_now(at.age, away).size()));
    active -= past;
    found->by_status[static_cast<std::size_t>(session_status::stalled)] += past;
    found->alive_not_progressing = static_cast<std::int64_t>(impl_->not_progressing_now(at.age, away).size());
    return found;
}

result<stalled_list> tracker::stalled_sessions(const page& which, patience how) const {
    const moment at = impl_->look();
    std::vector<uuid> past;
    {
        std::lock_guard lock(impl_->mutex);
        past = impl_->overdue_now(at.age, impl_->times.absences(at.age));
    }
    std::sort(past.begin(), past.end());  // an order that stays the same from page to page
    const auto body = [&](reader& from) -> result<stalled_list> {
        std::vector<session> rows;
        for (std::size_t i = which.offset; i < past.size() && rows.size() < which.limit; ++i) {
            auto row = find_entity<session>(from, past[i]);
            if (!row) return row.error();
            // Marked since we asked memory: then it is among the others.
            if (*row && (*row)->status == session_status::active) rows.push_back(std::move(**row));
        }
        const auto marked_by_now = count_in(from, session_status::stalled);
        if (!marked_by_now) return marked_by_now.error();
        if (rows.size() < which.limit && *marked_by_now > 0) {
            const query marked{.where = {where<&session::status>(session_status::stalled)},
                               .order = direction::descending,
                               .offset = which.offset > past.size() ? which.offset - past.size() : 0,
                               .limit = which.limit - rows.size()};
            auto others = select_entities<session>(from, marked);
            if (!others) return others.error();
            for (session& row : *others) rows.push_back(std::move(row));
        }
        stalled_list list{.rows = {}, .stall_threshold_ms = impl_->options.stall_threshold_ms};
        std::lock_guard lock(impl_->mutex);
        for (const session& row : rows) {
            const live_entry* entry = impl_->index.find(row.session_id);
            const std::int64_t silent_ms =
                entry ? at.age - entry->last_heard : at.now.ms - row.last_heartbeat.ms;
            list.rows.push_back(shown(row, std::max<std::int64_t>(0, silent_ms)));
        }
        return list;
    };
    return impl_->read(body, how);
}

result<session_health> tracker::health_of(const uuid& id, patience how) const {
    const auto view = find_session(id, how);
    if (!view) return view.error();
    const session& row = view->row;
    const moment at = impl_->look();
    session_health h{.session_id = row.session_id,
                     .status = row.status,
                     .last_heartbeat = row.last_heartbeat,
                     .time_since_heartbeat_ms = std::max<std::int64_t>(0, at.now.ms - row.last_heartbeat.ms),
                     .is_stalled = row.status == session_status::stalled,
                     .stall_threshold_ms = row.stall_threshold_ms.value_or(impl_->options.stall_threshold_ms),
                     .alive_not_progressing = view->alive_not_progressing,
                     .phase = row.phase,
                     .last_progress_at = row.last_progress_at};
    std::lock_guard lock(impl_->mutex);
    const live_entry* entry = impl_->index.find(id);
    if (!entry || is_terminal(row.status)) return h;
    const auto away = impl_->times.absences(at.age);
    h.time_since_heartbeat_ms = std::max<std::int64_t>(0, at.age - entry->last_heard);
    if (entry->status == session_status::active) {
        h.deadline = impl_->times.stored_time(impl_->stall_deadline(*entry, away));
        h.is_stalled = impl_->is_overdue(*entry, at.age, away);
        h.is_healthy = !h.is_stalled;
    }
    return h;
}

result<boost::json::object> tracker::explain(const uuid& id) const {
    const auto view = find_session(id);
    if (!view) return view.error();
    const session& row = view->row;
    const auto last = impl_->read([&](reader& from) {
        query verdicts{.where = {where<&event::session_id>(std::optional(id)),
                                 where<&event::kind>(std::string("stalled"), std::string("stall_observed"),
                                                     std::string("not_progressing"),
                                                     std::string("reactivated"), std::string("expired"))},
                       .order = direction::descending,
                       .limit = 1};
        return select_entities<event>(from, verdicts);
    });
    if (!last) return last.error();

    const moment at = impl_->look();
    boost::json::object told;
    told["session_id"] = to_string(id);
    told["status"] = enum_name(row.status);
    told["epoch"] = row.epoch;
    told["now"] = to_string(at.now);
    {
        std::lock_guard lock(impl_->mutex);
        const live_entry* entry = impl_->index.find(id);
        const auto away = impl_->times.absences(at.age);
        if (entry && is_live(row.status)) {
            auto inputs = boost::json::parse('{' + impl_->verdict_inputs(*entry, at, away) + '}').as_object();
            told["verdict"] = impl_->opinion(*entry, at.age, away);
            told["deadline"] = entry->status == session_status::active ? inputs["deadline"] : nullptr;
            told["inputs"] = std::move(inputs);
        } else {
            told["verdict"] = "ended";
            told["deadline"] = nullptr;
            told["inputs"] = nullptr;
        }
        told["alive_not_progressing"] = view->alive_not_progressing;
        told["mode"] = enum_name(impl_->options.mode);
    }
    told["last_verdict"] = nullptr;
    if (!last->empty()) {
        const event& e = last->front();
        told["last_verdict"] = {{"kind", e.kind},
                                {"at", to_string(e.at)},
                                {"reason", e.reason ? boost::json::value(*e.reason) : nullptr},
                                {"actor", e.actor},
                                {"data", e.data.object()}};
    }
    return told;
}

std::string_view tracker::impl::opinion(const live_entry& entry, instant now,
                                        std::span<const absence> away) const {
    if (entry.status == session_status::stalled) return "stalled";
    if (entry.status != session_status::active) return "not judged: pending and paused sessions never stall";
    if (!is_overdue(entry, now, away))
        return not_progressing(entry, now, away) ? "alive, not progressing" : "alive";
    if (watch.holding())
        return "silent; held back: so many machines fell silent at once that it may be our fault";
    if (!times.store_available()) return "silent; held back: the store is unavailable";
    if (options.mode == stall_mode::observe) return "silent; only observed";
    return "silent; to be marked by the next sweep";
}

detector_status tracker::detector() const {
    std::lock_guard lock(impl_->mutex);
    detector_status status{.store_available = impl_->times.store_available(),
                           .live_sessions = static_cast<std::int64_t>(impl_->index.size())};
    if (impl_->watch.holding()) status.hold = "mass_silence";
    return status;
}

tracker_counters tracker::counters() const {
    std::lock_guard lock(impl_->mutex);
    return impl_->counts;
}

std::vector<job_record> tracker::jobs() const {
    std::lock_guard lock(impl_->mutex);
    std::vector<job_record> all;
    for (const auto& [name, record] : impl_->jobs) all.push_back(record);
    return all;
}

}  // namespace statetrack
