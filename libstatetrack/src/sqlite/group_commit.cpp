#include "sqlite/group_commit.hpp"

#include <optional>
#include <string>
#include <vector>

#include "sqlite/write_view.hpp"

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
void abandon(connection& on, row_memory& memory) {
    if (on.on().in_transaction()) (void)on.take(control::rollback);
    memory.journal.commit_failed();
    memory.tallies.clear();
    memory.forget_written();
    on.names().undo_to(0);
}

enum class ran : std::uint8_t {
    whole,   // what it wrote is there, or all of it is undone
    lost,    // the transaction, by this unit's doing
    halfway  // it is refused, has written, and cannot be undone without a savepoint
};

ran run_unit(connection& on, row_memory& memory, unit_of_work& unit, bool savepoints) {
    write_view in(on, memory, savepoints);
    unit.outcome = run_body(unit, in);
    if (in.lost_by() || !on.on().in_transaction()) {
        if (unit.outcome)
            unit.outcome = in.lost_by().value_or(error(errc::store_unavailable, "the transaction was lost"));
        abandon(on, memory);
        return ran::lost;
    }
    if (unit.outcome) {
        const int code = in.keep();
        if (code == SQLITE_OK) return ran::whole;
        unit.outcome = failure(on.on().get(), code, "ending a unit");
    }
    if (on.on().in_transaction() && !in.can_undo()) {
        abandon(on, memory);
        return ran::halfway;
    }
    if (!on.on().in_transaction() || in.undo() != SQLITE_OK) {
        abandon(on, memory);  // its writes may be there still
        return ran::lost;
    }
    return ran::whole;
}

// A commit that failed and left the transaction open has written nothing that counts. Otherwise SQLite has
// rolled back what this process sees; where it had got as far as syncing, or further, the log may hold the
// commit whole, and whoever opens the database after a crash would find it done.
error commit_failure(connection& on, row_memory& memory, int code) {
    error why = failure(on.on().get(), code, "committing");
    const bool was_open = on.on().in_transaction();
    abandon(on, memory);
    if (was_open && !on.on().in_transaction()) return why;
    const bool before_the_end = (code & 0xFF) == SQLITE_FULL || (code & 0xFF) == SQLITE_BUSY ||
                                code == SQLITE_IOERR_WRITE || code == SQLITE_IOERR_READ;
    if (before_the_end) return why;
    return error(errc::commit_unknown, std::move(why.detail));
}

// How an attempt to commit a group ended, where it is to be made anew: with savepoints, without the unit that
// lost the transaction, or without the housekeeping that failed.
struct retry {
    bool with_savepoints = false;
    std::optional<std::size_t> without_unit{};
};

// Nothing where all is final. Housekeeping comes with a group only as long as it does the group no harm.
std::optional<retry> attempt(connection& on, row_memory& memory, const units& group, bool folds,
                             bool savepoints) {
    if (const int code = on.take(control::begin_immediate); code != SQLITE_OK) {
        const error why = failure(on.on().get(), code, "beginning a transaction");
        for (auto* unit : group) unit->outcome = why;
        abandon(on, memory);
        return std::nullopt;
    }
    for (std::size_t i = 0; i < group.size(); ++i) {
        const auto how = run_unit(on, memory, *group[i], savepoints);
        if (how == ran::lost) return retry{.without_unit = i};
        if (how == ran::halfway) return retry{.with_savepoints = true};
    }
    int code = memory.tallies.write();
    if (code == SQLITE_OK) code = memory.journal.write();
    if (code == SQLITE_OK && folds && memory.journal.fold_some() != SQLITE_OK) {
        abandon(on, memory);
        return retry{};
    }
    if (code == SQLITE_OK) code = on.take(control::commit);
    if (code == SQLITE_OK) {
        on.names().committed();
        memory.committed();
        memory.journal.commit_succeeded();
        memory.counts.committed(memory.tallies);
        memory.tallies.clear();
        return std::nullopt;
    }
    const error why = commit_failure(on, memory, code);
    // A slice may have been what did not fit.
    if (folds && !why.is(errc::commit_unknown)) return retry{};
    answer_successes(group, why);
    return std::nullopt;
}

}  // namespace

void execute_group(connection& on, row_memory& memory, std::span<unit_of_work* const> group) {
    units left(group.begin(), group.end());
    bool folds = memory.journal.folds_now();
    // Few units are refused once they have written: the group is begun anew for those.
    bool savepoints = false;
    for (int attempts = 0; !left.empty(); ++attempts) {
        const auto again = attempt(on, memory, left, folds, savepoints);
        if (!again) return;
        if (again->with_savepoints) {
            savepoints = true;
            continue;
        }
        if (!again->without_unit) {
            folds = false;
            memory.journal.put_off();
            continue;
        }
        const auto lost = left.begin() + static_cast<std::ptrdiff_t>(*again->without_unit);
        const error why = (*lost)->outcome.error();
        left.erase(lost);
        if (attempts + 1 < attempts_max) continue;
        for (auto* unit : left) unit->outcome = why;
        return;
    }
}

}  // namespace statetrack::sqlite
