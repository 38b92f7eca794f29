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

// The four columns that every beat writes.
void take_beat(const operation& op, const heartbeat& beat, session& row) {
    row.last_heartbeat = op.at.now;
    if (beat.progress && beat.progress->seq > row.progress_seq) {
        row.progress_seq = beat.progress->seq;
        row.last_progress_at = op.at.now;
    }
    row.silence_until.reset();
    if (beat.expect_silence_ms.to.value_or(0) > 0)
        row.silence_until = timestamp{
            op.at.now.ms + std::min(*beat.expect_silence_ms.to, op.state.options.announced_silence_ms_max)};
}

// What the beat makes of the row beside those; the caller decides whether anything differs.
result<session> beaten(const operation& op, const heartbeat& beat, const session& row) {
    session after = row;
    after.status = next_status(row.status, session_action::heartbeat).value();
    if (after.status == session_status::active && !after.started_at) after.started_at = op.at.now;
    if (beat.progress && beat.progress->seq > row.progress_seq && waiting(row.phase)) after.phase.reset();
    if (beat.phase.given) after.phase = beat.phase.to;
    if (beat.current_task_id.given) after.current_task_id = beat.current_task_id.to;
    if (beat.checkpoint.given) after.checkpoint = beat.checkpoint.to;
    if (beat.metadata)
        if (const auto merged = merge_metadata(after, *beat.metadata); !merged) return merged.error();
    return after;
}

// Most beats say nothing but that the session is alive and gets on: nothing to compare then.
bool says_nothing_else(const heartbeat& beat, const session& row) {
    return row.status == session_status::active && row.started_at && !beat.metadata &&
           !beat.checkpoint.given && (!beat.phase.given || beat.phase.to == row.phase) &&
           (!beat.current_task_id.given || beat.current_task_id.to == row.current_task_id) &&
           (!beat.progress || (!beat.progress->note && !waiting(row.phase)));
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

// Outside version and events.
result<> write_plain(operation& op, const session& now) {
    const struct beat one {
        .key = now.session_id, .last_heartbeat = now.last_heartbeat, .last_progress_at = now.last_progress_at,
        .progress_seq = now.progress_seq, .silence_until = now.silence_until
    };
    if (const auto done = op.tx.beat(std::span(&one, 1)); !done) return done.error();
    op.out.beats.push_back(
        {now.session_id, now.version, now.last_heartbeat, now.last_progress_at, now.silence_until});
    return {};
}

result<> write_changes(operation& op, const heartbeat& beat, const session& row, session& after) {
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
    const row_news news{.at = op.at.age, .heard = op.at.age, .by_beat = true};
    if (const auto done = op.update(row, after, note, news); !done)
        return op.place_error(done.error(), after);
    return {};
}

// Writes the beat, and brings the row to what it then is. Whether it was a plain one.
result<bool> write_beat(operation& op, const heartbeat& beat, session& row) {
    if (!says_nothing_else(beat, row)) {
        auto after = beaten(op, beat, row);
        if (!after) return after.error();
        const bool differs = !(*after == row) || (beat.progress && beat.progress->note);
        if (differs) {
            take_beat(op, beat, *after);
            if (const auto done = write_changes(op, beat, row, *after); !done) return done.error();
            row = std::move(*after);
            return false;
        }
    }
    take_beat(op, beat, row);
    if (const auto done = write_plain(op, row); !done) return done.error();
    return true;
}

}  // namespace

result<> beat_session(operation& op, const heartbeat& beat, const std::optional<std::string>& machine_id,
                      heartbeat_answer& answer) {
    session& row = answer.session.row;
    const auto found = load_entity(op.tx, beat.session_id, row);
    if (!found) return found.error();
    if (!*found) return not_found_error("session", to_string(beat.session_id));
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

    answer.first = row.last_heartbeat == row.started_at.value_or(row.created_at);
    const auto plain = write_beat(op, beat, row);
    if (!plain) return plain.error();
    answer.plain = *plain;
    const std::int64_t threshold_ms = row.stall_threshold_ms.value_or(op.state.options.stall_threshold_ms);
    answer.next_heartbeat_ms = beat_interval_ms(threshold_ms);
    if (row.status == session_status::active) {
        silence quiet{.last_heard = op.at.age, .threshold_ms = threshold_ms};
        if (row.silence_until) quiet.announced_until = op.at.age + (row.silence_until->ms - op.at.now.ms);
        answer.deadline = timestamp{op.at.now.ms + (op.state.deadline_after(quiet) - op.at.age)};
    }
    return {};
}

result<> perform_into(operation& op, const heartbeat& request, std::optional<heartbeat_answer>& answer) {
    return beat_session(op, request, std::nullopt, answer.emplace());
}

}  // namespace statetrack
