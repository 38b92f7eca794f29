#include "verdicts.hpp"

#include <algorithm>
#include <functional>

#include "statetrack/lifecycle.hpp"
#include "tracker_impl.hpp"

namespace statetrack {
namespace {

using condition_now = std::function<bool(const live_entry&, instant, std::span<const absence>)>;

// The session's row, where the verdict may still be passed on it: nothing where a beat or anything else came
// in between, heard by us or (another daemon's) written in the row.
result<std::optional<session>> still(operation& op, candidate& about, const condition_now& holds) {
    about.written = false;
    auto row = find_entity<session>(op.tx, about.id);
    if (!row) return row.error();
    if (!*row || is_terminal((*row)->status) || (*row)->last_heartbeat != about.seen)
        return std::optional<session>{};
    const instant now = op.state.look().age;
    std::lock_guard lock(op.state.mutex);
    const live_entry* entry = op.state.index.find(about.id);
    if (!entry || !holds(*entry, now, op.state.times.absences(now))) return std::optional<session>{};
    return row;
}

result<std::optional<session>> still_silent(operation& op, candidate& about) {
    return still(op, about, [&](const live_entry& e, instant now, std::span<const absence> away) {
        return op.state.is_overdue(e, now, away) && !op.state.watch.holding();
    });
}

// Whether the newest event of that kind is younger than `since`: the episode has its event already.
result<bool> noted_since(operation& op, const uuid& id, std::string_view kind, timestamp since) {
    query newest{
        .where = {where<&event::session_id>(std::optional(id)), where<&event::kind>(std::string(kind))},
        .order = direction::descending,
        .limit = 1};
    const auto found = select_entities<event>(op.tx, newest);
    if (!found) return found.error();
    return !found->empty() && found->front().at > since;
}

std::string verdict_member(std::string_view inputs) {
    return std::string("\"verdict\":{").append(inputs).append(1, '}');
}

event_note stall_note(const operation& op, std::string_view kind, const candidate& about,
                      std::size_t others) {
    std::string inputs = about.inputs + ",\"lateness_ms\":";
    append_json(inputs, std::max<std::int64_t>(0, op.at.age - about.deadline));
    inputs += ",\"others_in_this_pass\":";
    append_json(inputs, static_cast<std::int64_t>(others));
    return {.kind = kind, .reason = about.reason, .extra = verdict_member(inputs)};
}

}  // namespace

result<> write_stall(operation& op, candidate& about, std::size_t others_in_pass) {
    const auto row = still_silent(op, about);
    if (!row) return row.error();
    if (!*row) return {};
    session after = **row;
    after.status = next_status(after.status, session_action::stall_verdict).value();
    op.out.stalls.push_back(about.reason);
    const auto done = op.update(**row, after, stall_note(op, "stalled", about, others_in_pass));
    about.written = done.has_value();
    return done;
}

result<> write_observed_stall(operation& op, candidate& about, std::size_t others_in_pass) {
    const auto row = still_silent(op, about);
    if (!row) return row.error();
    if (!*row) return {};
    const auto known = noted_since(op, about.id, "stall_observed", (*row)->last_heartbeat);
    if (!known) return known.error();
    if (!*known) {
        op.out.stalls.push_back(about.reason);
        const auto done = op.note_event(**row, stall_note(op, "stall_observed", about, others_in_pass));
        if (!done) return done.error();
    }
    about.written = true;
    return {};
}

result<> write_no_progress(operation& op, candidate& about) {
    const auto row = still(op, about, [&](const live_entry& e, instant now, std::span<const absence> away) {
        return op.state.not_progressing(e, now, away);
    });
    if (!row) return row.error();
    if (!*row) return {};
    const timestamp since =
        (*row)->last_progress_at.value_or((*row)->started_at.value_or((*row)->created_at));
    const auto known = noted_since(op, about.id, "not_progressing", since);
    if (!known) return known.error();
    if (!*known) {
        const auto done =
            op.note_event(**row, {.kind = "not_progressing", .extra = verdict_member(about.inputs)});
        if (!done) return done.error();
    }
    about.written = true;
    return {};
}

result<> write_expiry(operation& op, candidate& about) {
    const auto row = still(op, about, [&](const live_entry& e, instant now, std::span<const absence> away) {
        return now > op.state.expiry_deadline(e, away);
    });
    if (!row) return row.error();
    if (!*row) return {};
    const auto ended = end_session(op, **row, session_status::expired, "expired", nullptr, "expired");
    if (!ended) return ended.error();
    about.written = true;
    return {};
}

result<bool> write_offline(operation& op, const std::string& machine_id, instant deadline) {
    const auto row = find_entity<machine>(op.tx, machine_id);
    if (!row) return row.error();
    if (!*row || next_status((*row)->status, machine_action::silence) == (*row)->status) return false;
    {
        const instant now = op.state.look().age;
        std::lock_guard lock(op.state.mutex);
        const machine_presence* m = op.state.watch.find(machine_id);
        if (!m || op.state.watch.holding() ||
            now <= op.state.offline_deadline(*m, op.state.times.absences(now)))
            return false;
    }
    machine after = **row;
    after.status = next_status(after.status, machine_action::silence);
    std::string inputs = "\"machine_offline_threshold_ms\":";
    append_json(inputs, op.state.options.machine_offline_threshold_ms);
    inputs += ",\"lateness_ms\":";
    append_json(inputs, std::max<std::int64_t>(0, op.at.age - deadline));
    const auto done =
        op.update(**row, after, {.kind = "offline", .reason = "silent", .extra = verdict_member(inputs)});
    if (!done) return done.error();
    return true;
}

}  // namespace statetrack
