#include "sqlite/group_commit.hpp"

#include <string>
#include <vector>

#include "sqlite/view.hpp"

namespace statetrack::sqlite {
namespace {

using units = std::vector<unit_of_work*>;

// How often a group is begun anew because one of its units lost the transaction. Beyond this the trouble is
// not the unit's.
constexpr int attempts_max = 8;

void answer_successes(const units& group, const error& with) {
    for (auto* unit : group)
        if (unit->outcome) unit->outcome = with;
}

// Leaves nothing open behind.
void abandon(connection& on) {
    if (on.on().in_transaction()) (void)on.take(control::rollback);
}

// True where the transaction was lost, by this unit's doing.
bool run_unit(connection& on, unit_of_work& unit) {
    auto* db = on.on().get();
    view in(on);
    if (const int code = on.take(control::open_unit); code != SQLITE_OK) {
        unit.outcome = failure(db, code, "beginning a unit");
        return !on.on().in_transaction();
    }
    unit.outcome = run_body(unit, in);
    if (in.lost_by() || !on.on().in_transaction()) {
        if (unit.outcome)
            unit.outcome = in.lost_by().value_or(error(errc::store_unavailable, "the transaction was lost"));
        abandon(on);
        return true;
    }
    if (unit.outcome) {
        const int code = on.take(control::close_unit);
        if (code == SQLITE_OK) return false;
        unit.outcome = failure(db, code, "ending a unit");
        if (!on.on().in_transaction()) return true;
    }
    if (on.take(control::undo_unit) != SQLITE_OK || on.take(control::close_unit) != SQLITE_OK) {
        abandon(on);  // its writes may be there still
        return true;
    }
    return false;
}

// A commit that failed and left the transaction open has written nothing that counts. Otherwise SQLite has
// rolled back what this process sees; where it had got as far as syncing, or further, the log may hold the
// commit whole, and whoever opens the database after a crash would find it done.
error commit_failure(connection& on, int code) {
    error why = failure(on.on().get(), code, "committing");
    if (on.on().in_transaction()) {
        abandon(on);
        if (!on.on().in_transaction()) return why;
    }
    const bool before_the_end = (code & 0xFF) == SQLITE_FULL || (code & 0xFF) == SQLITE_BUSY ||
                                code == SQLITE_IOERR_WRITE || code == SQLITE_IOERR_READ;
    if (before_the_end) return why;
    return error(errc::commit_unknown, std::move(why.detail));
}

// The place of the unit that lost the transaction; the group's size where none did and all is final.
std::size_t attempt(connection& on, const units& group) {
    if (const int code = on.take(control::begin_immediate); code != SQLITE_OK) {
        const error why = failure(on.on().get(), code, "beginning a transaction");
        for (auto* unit : group) unit->outcome = why;
        abandon(on);
        return group.size();
    }
    for (std::size_t i = 0; i < group.size(); ++i)
        if (run_unit(on, *group[i])) return i;
    if (const int code = on.take(control::commit); code != SQLITE_OK)
        answer_successes(group, commit_failure(on, code));
    return group.size();
}

}  // namespace

void execute_group(connection& on, std::span<unit_of_work* const> group) {
    units left(group.begin(), group.end());
    for (int attempts = 0; !left.empty(); ++attempts) {
        const std::size_t lost_at = attempt(on, left);
        if (lost_at == left.size()) return;
        const error why = left[lost_at]->outcome.error();
        left.erase(left.begin() + static_cast<std::ptrdiff_t>(lost_at));
        if (attempts + 1 < attempts_max) continue;
        for (auto* unit : left) unit->outcome = error(errc::store_unavailable, why.detail);
        return;
    }
}

}  // namespace statetrack::sqlite
