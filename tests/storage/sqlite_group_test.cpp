// Groups of units when something goes wrong beneath them: a full disk, a lost transaction, a commit that
// fails.
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "sqlite/group_commit.hpp"
#include "sqlite/tallies.hpp"
#include "sqlite_fixture.hpp"

using namespace statetrack;
using namespace statetrack::testing;
using sqlite::connection;

namespace {

// The writer's connection itself, so that a test can trip it up.
struct opened_writer {
    sqlite_fixture f;
    sqlite::name_book names;
    std::unique_ptr<connection> on;
    std::unique_ptr<sqlite::row_memory> memory;

    opened_writer() {
        f.close();
        on = std::make_unique<connection>(
            needed(sqlite::open_writer(f.options, f.path() + "-owner", sqlite::released_schema())), names);
        memory = std::make_unique<sqlite::row_memory>(on->on(), names, table_of<session>(), 1024 * 1024);
    }
    void run_group(std::vector<unit_of_work>& units) {
        const auto group = all_of(units);
        sqlite::execute_group(*on, *memory, group);
        memory->group_ended();
    }
    std::int64_t sessions() { return f.number("SELECT count(*) FROM sessions"); }
};

int interrupt(void*) { return 1; }
int refuse_commit(void*) { return 1; }

// Loses the whole transaction in the middle of a write, as an I/O error may.
unit_of_work interrupted(opened_writer& w, const session& s, bool owns_up = true) {
    return {.body = [&w, s, owns_up](transaction& tx) -> result<> {
        auto* db = w.on->on().get();
        CHECK(tx.insert(table_of<session>(), to_row(session_number(899))).has_value());
        sqlite3_progress_handler(db, 1, interrupt, nullptr);
        const auto inserted = tx.insert(table_of<session>(), to_row(s));
        sqlite3_progress_handler(db, 0, nullptr, nullptr);
        CHECK(!inserted.has_value());
        // On its own this would be committed at once.
        CHECK(!tx.insert(table_of<session>(), to_row(session_number(900))).has_value());
        if (owns_up && !inserted) return inserted.error();
        return {};
    }};
}

void is_error(const result<>& outcome, errc expected) {
    REQUIRE(!outcome.has_value());
    CHECK_MESSAGE(outcome.error().is(expected), outcome.error().code.message(), ": ", outcome.error().detail);
}

// No file of this process grows beyond it: writing fails as on a broken disk.
class file_size_limit {
public:
    explicit file_size_limit(std::uintmax_t bytes) : signal_(std::signal(SIGXFSZ, SIG_IGN)) {
        REQUIRE(getrlimit(RLIMIT_FSIZE, &before_) == 0);
        const rlimit now{bytes, before_.rlim_max};
        REQUIRE(setrlimit(RLIMIT_FSIZE, &now) == 0);
    }
    ~file_size_limit() {
        setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, signal_);
    }
    file_size_limit(const file_size_limit&) = delete;
    file_size_limit& operator=(const file_size_limit&) = delete;

private:
    rlimit before_{};
    void (*signal_)(int);
};

// Every tally as the rows say it should be.
std::int64_t tallies_that_differ(const sqlite_fixture& f) {
    std::string sql = "CREATE TEMP TABLE kept AS SELECT * FROM tallies; DELETE FROM tallies; ";
    for (const auto* t : schema())
        for (const auto& one : sqlite::fill_tallies(*t)) sql += one + "; ";
    const auto beside = f.beside();
    REQUIRE(beside.run("BEGIN; " + sql, "test").has_value());
    // Tallies without columns have a row of 0 where there are no rows at all.
    const auto differing = needed(beside.number(
        "SELECT count(*) FROM (SELECT * FROM (SELECT tally, key, n FROM tallies WHERE n > 0 EXCEPT SELECT "
        "tally, key, n FROM kept) UNION ALL SELECT * FROM (SELECT tally, key, n FROM kept EXCEPT SELECT "
        "tally, "
        "key, n FROM tallies WHERE n > 0))",
        "test"));
    REQUIRE(beside.run("ROLLBACK", "test").has_value());
    return differing;
}

}  // namespace

TEST_CASE("On a full disk a unit too large is refused as store_full, and its neighbours are durable") {
    sqlite_fixture f;
    const auto pages = f.number("PRAGMA page_count");
    f.options.pages_max = pages + 40;
    f.open();
    auto large = session_number(2);
    large.metadata = json_text::trusted("{\"x\":\"" + std::string(400'000, 'x') + "\"}");
    std::vector<unit_of_work> units{inserting(session_number(1)), inserting(large),
                                    inserting(session_number(3))};
    const auto group = all_of(units);
    f->execute(group);
    CHECK(units[0].outcome.has_value());
    is_error(units[1].outcome, errc::store_full);
    CHECK(units[2].outcome.has_value());
    f.options.pages_max = 0;
    f.open();
    CHECK(f.sessions() == 2);
    CHECK(tallies_that_differ(f) == 0);
}

TEST_CASE("Until the disk is full every success is durable, and from then on every write says so") {
    sqlite_fixture f;
    f.options.pages_max = f.number("PRAGMA page_count") + 20;
    f.open();
    std::int64_t durable = 0;
    std::size_t n = 0;
    for (int groups = 0; groups < 40; ++groups) {
        std::vector<unit_of_work> units;
        for (int i = 0; i < 10; ++i) units.push_back(inserting(session_number(++n)));
        const auto group = all_of(units);
        f->execute(group);
        for (const auto& unit : units) {
            if (unit.outcome)
                ++durable;
            else
                is_error(unit.outcome, errc::store_full);
        }
    }
    CHECK(durable > 0);
    CHECK(durable < static_cast<std::int64_t>(n));
    CHECK(f.sessions() == durable);
    f.options.pages_max = 0;
    f.open();
    CHECK(f.sessions() == durable);
    CHECK(tallies_that_differ(f) == 0);
    CHECK(write(*f, inserting(session_number(++n)).body).has_value());
}

TEST_CASE("A log that can be written no further refuses the group whole, and what was acknowledged stays") {
    sqlite_fixture f;
    std::size_t n = 0, durable = 0;
    const auto execute_one = [&] { return write(*f, inserting(session_number(++n)).body); };
    for (; durable < 20; ++durable) REQUIRE(execute_one().has_value());
    {
        const file_size_limit limit(std::filesystem::file_size(f.path() + "-wal") + 30'000);
        while (execute_one().has_value()) ++durable;
        const auto refused = execute_one();
        REQUIRE(!refused.has_value());
        // Known not to be in the log: it could not be written, so it cannot have been synced.
        CHECK_MESSAGE(!refused.error().is(errc::commit_unknown), refused.error().detail);
        CHECK(f->find(table_of<session>(), session_number(1).session_id).has_value());
    }
    for (int more = 0; more < 20; ++more, ++durable) REQUIRE(execute_one().has_value());
    CHECK(f.sessions() == static_cast<std::int64_t>(durable));
    f.open();
    CHECK(f.sessions() == static_cast<std::int64_t>(durable));
    CHECK(tallies_that_differ(f) == 0);
}

TEST_CASE("A unit that loses the transaction loses it for itself alone") {
    opened_writer w;
    std::vector<unit_of_work> units{inserting(session_number(1)), interrupted(w, session_number(2)),
                                    inserting(session_number(3)), interrupted(w, session_number(4), false),
                                    inserting(session_number(5))};
    w.run_group(units);
    for (const std::size_t i : {0u, 2u, 4u}) CHECK(units[i].outcome.has_value());
    is_error(units[1].outcome, errc::store_unavailable);
    is_error(units[3].outcome, errc::store_unavailable);
    CHECK(w.sessions() == 3);
    CHECK(tallies_that_differ(w.f) == 0);
}

TEST_CASE("A store that loses every transaction gives up, and says so to everybody") {
    opened_writer w;
    std::vector<unit_of_work> units;
    for (std::size_t n = 0; n < 30; ++n) units.push_back(interrupted(w, session_number(n)));
    w.run_group(units);
    for (const auto& unit : units) is_error(unit.outcome, errc::store_unavailable);
    CHECK(w.sessions() == 0);
    std::vector<unit_of_work> after{inserting(session_number(1))};
    w.run_group(after);
    CHECK(after[0].outcome.has_value());
}

TEST_CASE("A transaction that cannot begin writes nothing") {
    sqlite_fixture f;
    const auto beside = f.beside();
    REQUIRE(beside.run("BEGIN IMMEDIATE", "test").has_value());
    std::vector<unit_of_work> units{inserting(session_number(1)), inserting(session_number(2))};
    const auto group = all_of(units);
    f->execute(group);
    for (const auto& unit : units) is_error(unit.outcome, errc::store_unavailable);
    REQUIRE(beside.run("ROLLBACK", "test").has_value());
    CHECK(f.sessions() == 0);
    f->execute(group);
    for (const auto& unit : units) CHECK(unit.outcome.has_value());
}

TEST_CASE("A commit that fails and leaves the transaction open has written nothing") {
    opened_writer w;
    const auto orphan = task_number(1, session_number(7));
    unit_of_work deferring{.body = [&](transaction& tx) -> result<> {
        (void)w.on->on().run("PRAGMA defer_foreign_keys = ON", "test");
        if (auto inserted = tx.insert(table_of<task>(), to_row(orphan)); !inserted) return inserted.error();
        return {};
    }};
    std::vector<unit_of_work> units{inserting(session_number(1)), deferring, inserting(session_number(1))};
    w.run_group(units);
    is_error(units[0].outcome, errc::store_unavailable);
    is_error(units[1].outcome, errc::store_unavailable);
    is_error(units[2].outcome, errc::already_exists);
    CHECK(w.sessions() == 0);
    std::vector<unit_of_work> after{inserting(session_number(1))};
    w.run_group(after);
    CHECK(after[0].outcome.has_value());
}

TEST_CASE("A commit that fails with the transaction gone is unknown") {
    opened_writer w;
    sqlite3_commit_hook(w.on->on().get(), refuse_commit, nullptr);
    std::vector<unit_of_work> units{inserting(session_number(1)), inserting(session_number(1))};
    w.run_group(units);
    is_error(units[0].outcome, errc::commit_unknown);
    is_error(units[1].outcome, errc::already_exists);
    sqlite3_commit_hook(w.on->on().get(), nullptr, nullptr);
    w.run_group(units);
    CHECK(units[0].outcome.has_value());
}

TEST_CASE("A group is begun anew, with savepoints, only where a unit is refused once it has written") {
    sqlite_fixture f;
    int runs = 0;
    const auto counted = [&runs](const session& s, bool refused_behind) {
        return unit_of_work{.body = [&runs, s, refused_behind](transaction& tx) -> result<> {
            ++runs;
            if (auto inserted = tx.insert(table_of<session>(), to_row(s)); !inserted) return inserted.error();
            if (refused_behind) return error(errc::in_use);
            return {};
        }};
    };
    std::vector<unit_of_work> units{counted(session_number(1), false), counted(session_number(1), false),
                                    counted(session_number(2), false)};
    f->execute(all_of(units));
    CHECK(runs == 3);
    is_error(units[1].outcome, errc::already_exists);
    CHECK(f.sessions() == 2);

    units = {counted(session_number(3), false), counted(session_number(4), true),
             counted(session_number(5), false)};
    f->execute(all_of(units));
    CHECK(runs == 3 + 2 + 3);
    CHECK(units[0].outcome.has_value());
    is_error(units[1].outcome, errc::in_use);
    CHECK(units[2].outcome.has_value());
    CHECK(f.sessions() == 4);
    CHECK(tallies_that_differ(f) == 0);
}

TEST_CASE("Refusals name what was broken and quote no SQL") {
    sqlite_fixture f;
    auto wrong = session_number(1);
    wrong.completed_at = timestamp{1};
    auto twin = session_number(2);
    twin.lineage_id = session_number(3).lineage_id;
    REQUIRE(write(*f, inserting(session_number(3)).body).has_value());
    const std::pair<session, std::string> refused[] = {{wrong, "sessions_completed_at_terminal"},
                                                       {twin, "sessions_lineage_begins"},
                                                       {session_number(3), "sessions_key"}};
    for (const auto& [s, name] : refused) {
        const auto outcome = write(*f, inserting(s).body);
        REQUIRE(!outcome.has_value());
        CHECK(outcome.error().detail == "sessions: " + name);
    }
}

TEST_CASE("Tallies equal a recount after anything, cascades and a person's own SQL included") {
    sqlite_fixture f;
    std::uint64_t dice = 1;
    const auto roll = [&](std::uint64_t sides) {
        dice = dice * 6364136223846793005ULL + 1442695040888963407ULL;
        return static_cast<std::size_t>((dice >> 33) % sides);
    };
    const auto& in = table_of<session>();
    for (int round = 0; round < 12; ++round) {
        std::vector<unit_of_work> units;
        for (int i = 0; i < 25; ++i) {
            auto s = session_number(roll(30));
            s.project_id = roll(2) ? "a\",\"b" : "a";
            s.machine_id = roll(3) ? std::optional<std::string>(roll(2) ? "b" : "null") : std::nullopt;
            s.status = roll(2) ? session_status::stalled : session_status::pending;
            s.archived = roll(2) == 0;
            const auto verb = roll(5), n = roll(60);
            const bool refused = roll(6) == 0;
            units.push_back({.body = [=, &in](transaction& tx) -> result<> {
                const value key{s.session_id};
                result<> done{};
                if (verb < 2) {
                    const auto inserted = tx.insert(in, to_row(s));
                    if (!inserted) done = inserted.error();
                } else if (verb == 2) {
                    const row values = to_row(s);
                    std::vector<assignment> changes;
                    for (const auto column :
                         {column_of<&session::project_id>(), column_of<&session::machine_id>(),
                          column_of<&session::status>(), column_of<&session::archived>()})
                        changes.push_back({column, values[column]});
                    done = tx.patch(in, key, {}, changes);
                } else if (verb == 3) {
                    const auto inserted = tx.insert(table_of<task>(), to_row(task_number(n, s)));
                    if (!inserted) done = inserted.error();
                } else {
                    done = tx.erase(in, key);
                }
                return refused ? result<>(errc::in_use) : done;
            }});
        }
        const auto group = all_of(units);
        f->execute(group);
        CHECK(tallies_that_differ(f) == 0);
    }
    CHECK(f.number("SELECT count(*) FROM tallies WHERE n < 1") == 0);
    std::vector<unit_of_work> erasures;
    for (int n = 0; n < 30; ++n)
        erasures.push_back({.body = [key = value{session_number(static_cast<std::size_t>(n)).session_id}](
                                        transaction& tx) { return tx.erase(table_of<session>(), key); }});
    f->execute(all_of(erasures));
    CHECK(f.sessions() == 0);
    CHECK(f.number("SELECT count(*) FROM tallies") == 0);
    // Control: a count that is off is seen.
    REQUIRE(write(*f, inserting(session_number(1)).body).has_value());
    f.run("UPDATE tallies SET n = n + 1 WHERE tally = 0");
    CHECK(tallies_that_differ(f) == 2);
}
