// The heartbeat: one write, no lookup beyond its row; plain ones change nothing but the time.
#include <algorithm>

#include "operation.hpp"
#include "statetrack/lifecycle.hpp"
#include "tracker_impl.hpp"

namespace statetrack {
namespace {

bool waiting(std::optional<session_phase> phase) {
    return phase == session_phase::waiting_input || phase == session_phase::waiting_permission;
}

// What the beat makes of the row; the caller decides whether the difference is plain.
result<session> beaten(const operation& op, const heartbeat& beat, const session& row) {
    session after = row;
    after.last_heartbeat = op.at.now;
    after.status = next_status(row.status, session_action::heartbeat).value();
    if (after.status == session_status::active && !after.started_at) after.started_at = op.at.now;
    if (beat.progress && beat.progress->seq > row.progress_seq) {
        after.progress_seq = beat.progress->seq;
        after.last_progress_at = op.at.now;
        if (waiting(row.phase)) after.phase.reset();
    }
    if (beat.phase.given) after.phase = beat.phase.to;
    after.silence_until.reset();
    if (beat.expect_silence_ms.to.value_or(0) > 0)
        after.silence_until = timestamp{
            op.at.now.ms + std::min(*beat.expect_silence_ms.to, op.state.options.announced_silence_ms_max)};
    if (beat.current_task_id.given) after.current_task_id = beat.current_task_id.to;
    if (beat.checkpoint.given) after.checkpoint = beat.checkpoint.to;
    if (beat.metadata)
        if (const auto merged = merge_metadata(after, *beat.metadata); !merged) return merged.error();
    return after;
}

bool is_plain(const session& row, const session& after) {
    session same = row;
    same.last_heartbeat = after.last_heartbeat;
    same.last_progress_at = after.last_progress_at;
    same.progress_seq = after.progress_seq;
    same.silence_until = after.silence_until;
    return same == after;
}

// A stalled session that comes back was a false stall; its reason is that of the verdict, unless the client
// itself was suspended.
result<event_note> reactivation(operation& op, const heartbeat& beat, const session& row) {
    event_note note{.kind = "reactivated"};
    query verdicts{.where = {where<&event::session_id>(std::optional(row.session_id)),
                             where<&event::kind>(std::string("stalled"))},
                   .order = direction::descending,
                   .limit = 1};
    const auto last = select_entities<event>(op.tx, verdicts);
    if (!last) return last.error();
    note.reason = last->empty() ? std::string("silent") : last->front().reason.value_or("silent");
    if (beat.suspended_ms.value_or(0) > 0) {
        note.reason = "client_suspended";
        note.extra = "\"suspended_ms\":" + std::to_string(*beat.suspended_ms) + ",";
    }
    note.extra += "\"false_stall\":true";
    op.out.false_stalls.push_back(*note.reason);
    return note;
}

result<> write_beat(operation& op, const heartbeat& beat, const session& row, session& after, bool plain) {
    const row_news news{.at = op.at.age, .heard = op.at.age, .by_beat = true};
    if (plain) {
        const struct beat one {
            .key = row.session_id, .last_heartbeat = after.last_heartbeat,
            .last_progress_at = after.last_progress_at, .progress_seq = after.progress_seq,
            .silence_until = after.silence_until
        };
        if (const auto done = op.tx.beat(std::span(&one, 1)); !done) return done.error();
        op.out.sessions.push_back({after, news});
        return {};
    }
    event_note note{.kind = "heartbeat"};
    if (row.status == session_status::pending) note.kind = "activated";
    if (row.status == session_status::stalled) {
        auto back = reactivation(op, beat, row);
        if (!back) return back.error();
        note = std::move(*back);
    }
    if (beat.progress && beat.progress->note) {
        std::string mark = "\"progress\":{\"seq\":" + std::to_string(beat.progress->seq) + ",\"note\":";
        append_json_string(mark, *beat.progress->note);
        note.extra += (note.extra.empty() ? "" : ",") + mark + "}";
    }
    if (const auto done = op.update(row, after, note, news); !done)
        return op.place_error(done.error(), after);
    return {};
}

}  // namespace

result<heartbeat_answer> beat_session(operation& op, const heartbeat& beat,
                                      const std::optional<std::string>& machine_id) {
    auto found = find_entity<session>(op.tx, beat.session_id);
    if (!found) return found.error();
    if (!*found) return not_found_error("session", to_string(beat.session_id));
    const session& row = **found;
    if (machine_id && row.machine_id != machine_id)
        return error(errc::in_use,
                     "session " + to_string(row.session_id) + " is none of machine " + *machine_id);
    if (row.superseded_by) return superseded_error(row);
    for (const auto& epoch : {beat.epoch, op.by.epoch})
        if (const auto fits = op.check_epoch(row, epoch); !fits) return fits.error();
    if (is_terminal(row.status)) return terminal_error(row);
    if (!row.machine_id)
        return error(errc::illegal_transition,
                     "the session has no machine and so no place; recover it onto one");

    auto after = beaten(op, beat, row);
    if (!after) return after.error();
    const bool noted = beat.progress && beat.progress->note;
    const bool plain = is_plain(row, *after) && !noted;
    const bool first = row.last_heartbeat == row.started_at.value_or(row.created_at);
    if (const auto done = write_beat(op, beat, row, *after, plain); !done) return done.error();

    heartbeat_answer answer{.session = {std::move(*after)}, .plain = plain, .first = first};
    const session& now = answer.session.row;
    const std::int64_t threshold_ms = now.stall_threshold_ms.value_or(op.state.options.stall_threshold_ms);
    answer.next_heartbeat_ms = beat_interval_ms(threshold_ms);
    if (now.status == session_status::active) {
        silence quiet{.last_heard = op.at.age, .threshold_ms = threshold_ms};
        if (now.silence_until) quiet.announced_until = op.at.age + (now.silence_until->ms - op.at.now.ms);
        const auto away = op.state.absences();
        answer.deadline = timestamp{op.at.now.ms + (deadline(quiet, *away) - op.at.age)};
    }
    return answer;
}

result<heartbeat_answer> perform(operation& op, const heartbeat& request) {
    return beat_session(op, request, std::nullopt);
}

}  // namespace statetrack
