// Retention: ended sessions are deleted with their tasks after their time, histories and kept answers after
// theirs; in batches, each one transaction of a millisecond or so, with room between them for everybody else.
#include <algorithm>
#include <utility>

#include "statetrack/lifecycle.hpp"
#include "tracker_impl.hpp"

namespace statetrack {
namespace {

// Whoever beats meanwhile waits for a batch, and for the disk to take its pages. Measured with 64 clients
// that beat without a pause: their p99 is 1.5 times what it is without a cleanup where 45 sessions a second
// go, 1.7 where 75 do, 1.85 where 150 do, in batches of one or two.
constexpr std::size_t batch_sessions = 1;
// While nobody else is there to wait.
constexpr std::size_t batch_sessions_alone = 4;
// Of these a batch may spare all: to look at one takes a hundredth of deleting it.
constexpr std::size_t batch_looked_at = 8;
constexpr std::size_t batch_events_max = 64;
// Until the next sweep where there is more: a twentieth of the time is retention's.
constexpr std::int64_t more_in_ms = 20;

const caller retention_caller{.actor = "retention"};

// Archived ones are spared always, members of a lineage while any of it lives.
result<bool> spared(operation& op, const session& row) {
    if (row.archived) return true;
    if (row.epoch == 1 && !row.superseded_by) return false;  // a lineage of its own
    query alive{.where = where_successors_in(row.lineage_id), .limit = 1};
    alive.where.push_back(where_live());
    const auto successor = op.tx.select(table_of<session>(), alive);
    if (!successor) return successor.error();
    if (!successor->empty()) return true;
    const auto first = find_entity<session>(op.tx, row.lineage_id);
    if (!first) return first.error();
    return *first && is_live((*first)->status);
}

}  // namespace

result<bool> tracker::impl::delete_batch(const moment& at, timestamp before, const caller& by,
                                         std::size_t sessions_max, retention_cursor& cursor,
                                         cleanup_report& done) {
    cleanup_report batch;
    retention_cursor next = cursor;
    bool more = false;
    const auto body = [&](operation& op) -> result<> {
        batch = {};
        next = cursor;
        query old{.where = {},
                  .range = column_of<&session::completed_at>(),
                  .max = before.ms,
                  .order_by_range = true,
                  .offset = next.spared_there,
                  .limit = batch_looked_at};
        if (next.from) old.min = next.from->ms;
        const auto rows = select_entities<session>(op.tx, old);
        if (!rows) return rows.error();
        more = rows->size() == batch_looked_at;
        for (const session& row : *rows) {
            if (batch.deleted_sessions == static_cast<std::int64_t>(sessions_max)) {
                more = true;
                break;
            }
            const auto keep_it = spared(op, row);
            if (!keep_it) return keep_it.error();
            if (*keep_it) {
                next.spared_there = next.from == row.completed_at ? next.spared_there + 1 : 1;
                next.from = row.completed_at;
                continue;
            }
            const auto tasks = op.erase(row, "retention");
            if (!tasks) return tasks.error();
            ++batch.deleted_sessions;
            batch.deleted_tasks += *tasks;
        }
        return {};
    };
    const auto outcome = run_all({body}, at, by).front();
    if (!outcome) return outcome.error();
    cursor = next;
    done.deleted_sessions += batch.deleted_sessions;
    done.deleted_tasks += batch.deleted_tasks;
    return more;
}

// The history of one deleted session or machine: its events up to the one that says so, that one last. An id
// that was used anew keeps the events of its new life.
result<bool> tracker::impl::forget_batch(const moment& at, timestamp before) {
    bool more = false;
    const auto body = [&](operation& op) -> result<> {
        more = false;
        const query graves{.where = {where<&event::to>(std::optional<std::string>{}),
                                     where<&event::entity>(entity_type::session, entity_type::machine)},
                           .range = column_of<&event::at>(),
                           .max = before.ms,
                           .order_by_range = true,
                           .limit = 1};
        const auto found = op.tx.select(table_of<event>(), graves);
        if (!found) return found.error();
        if (found->empty()) return {};
        const stored_row& grave = found->front();
        const auto last = from_row<event>(grave.values);
        query history{
            .where = {where<&event::entity>(entity_type::machine), where<&event::entity_id>(last.entity_id)},
            .limit = batch_events_max};
        if (last.session_id) history.where = {where<&event::session_id>(last.session_id)};
        const auto events = op.tx.select(table_of<event>(), history);
        if (!events) return events.error();
        more = true;
        for (const stored_row& one : *events) {
            if (one.ordinal > grave.ordinal) break;
            const auto gone = op.tx.erase(table_of<event>(), one.ordinal);
            if (!gone) return gone.error();
        }
        return {};
    };
    const auto outcome = run_all({body}, at, retention_caller).front();
    if (!outcome) return outcome.error();
    return more;
}

// Whether nobody else's operation was settled since the last call, in the pause behind a batch either: the
// batch was one of its own.
bool tracker::impl::is_alone(std::uint64_t& settled) const {
    const auto before = std::exchange(settled, queue.settled_ever());
    return settled <= before + 1;
}

void tracker::impl::retain(const moment& at, sweep_report& report) {
    if (!cleaning) {
        if (cleaned_at && at.age - *cleaned_at < options.cleanup_interval_ms) return;
        cleaning = true;
        cleaned_at = at.age;
        cleaning_from = {};
    }
    cleanup_report done;
    std::optional<error> failed;
    // One kind after the other: whether there may be more of any.
    const auto batch = [&]() -> result<bool> {
        const auto deleted = delete_batch(at, {at.now.ms - options.retention_days * day_ms}, retention_caller,
                                          is_alone(cleaning_settled) ? batch_sessions_alone : batch_sessions,
                                          cleaning_from, done);
        if (!deleted || *deleted) return deleted;
        const auto forgotten = forget_batch(at, {at.now.ms - options.event_retention_days * day_ms});
        if (!forgotten || *forgotten) return forgotten;
        return forget_answers(at);
    };
    const auto more = batch();
    if (!more) failed = more.error();
    cleaning = more && *more;
    if (cleaning) report.next_in_ms = std::min(report.next_in_ms, more_in_ms);
    report.deleted_sessions += done.deleted_sessions;
    if (failed) report.errors.push_back(*failed);
    record("retention", at, done.deleted_sessions, failed);
}

result<cleanup_report> tracker::cleanup(std::optional<std::int64_t> older_than_days, const caller& by,
                                        const std::function<bool()>& pause) {
    const std::int64_t days = older_than_days.value_or(impl_->options.retention_days);
    if (days < 0 || days > 365'000) return invalid("older_than_days", "must be from 0 to 365000");
    const moment at = impl_->look();
    cleanup_report done;
    retention_cursor cursor;
    bool alone = false;
    for (auto settled = impl_->queue.settled_ever();;) {
        const auto more = impl_->delete_batch(at, {at.now.ms - days * day_ms}, by,
                                              alone ? batch_sessions_alone : batch_sessions, cursor, done);
        if (!more) return more.error();
        if (!*more) return done;
        alone = impl_->is_alone(settled);
        if (pause && !alone && !pause()) return done;
    }
}

}  // namespace statetrack
