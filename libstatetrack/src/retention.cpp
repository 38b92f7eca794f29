// Retention: ended sessions are deleted with their tasks after their time, histories and kept answers after
// theirs; in batches, each one transaction of a millisecond or so, with room between them for everybody else.
#include <algorithm>
#include <utility>

#include "statetrack/lifecycle.hpp"
#include "tracker_impl.hpp"

namespace statetrack {
namespace {

constexpr std::size_t batch_sessions_max = 2;
constexpr std::size_t batch_events_max = 64;
constexpr int batches_a_sweep_max = 2;
// Until the next sweep where there is more: a tenth of the time is retention's.
constexpr std::int64_t more_in_ms = 15;

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
                                         retention_cursor& cursor, cleanup_report& done) {
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
                  .limit = batch_sessions_max};
        if (next.from) old.min = next.from->ms;
        const auto rows = select_entities<session>(op.tx, old);
        if (!rows) return rows.error();
        more = rows->size() == batch_sessions_max;
        for (const session& row : *rows) {
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

void tracker::impl::retain(const moment& at, sweep_report& report) {
    if (!cleaning) {
        if (cleaned_at && at.age - *cleaned_at < options.cleanup_interval_ms) return;
        cleaning = true;
        cleaned_at = at.age;
        cleaning_from = {};
    }
    cleanup_report done;
    std::optional<error> failed;
    bool more = true;
    // One kind after the other: whether there may be more of any.
    const auto batch = [&]() -> result<bool> {
        const auto deleted = delete_batch(at, {at.now.ms - options.retention_days * day_ms}, retention_caller,
                                          cleaning_from, done);
        if (!deleted || *deleted) return deleted;
        const auto forgotten = forget_batch(at, {at.now.ms - options.event_retention_days * day_ms});
        if (!forgotten || *forgotten) return forgotten;
        return forget_answers(at);
    };
    for (int i = 0; i < batches_a_sweep_max && more && !failed; ++i) {
        const auto left = batch();
        if (left)
            more = *left;
        else
            failed = left.error();
    }
    if (!more || failed) cleaning = false;
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
    for (auto settled = impl_->queue.settled_ever();;) {
        const auto more = impl_->delete_batch(at, {at.now.ms - days * day_ms}, by, cursor, done);
        if (!more) return more.error();
        if (!*more) return done;
        // Nobody else since the batch before, not in the pause behind it either: nobody to make room for.
        const auto settled_before = std::exchange(settled, impl_->queue.settled_ever());
        if (pause && settled > settled_before + 1 && !pause()) return done;
    }
}

}  // namespace statetrack
