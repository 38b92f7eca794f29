// The journal of plain heartbeats, through every stage of its folding: whatever stands where, what is read is
// the newest, here and in whatever a crash would leave.
#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "sqlite/beat_book.hpp"
#include "sqlite/beat_journal.hpp"
#include "sqlite_fixture.hpp"

using namespace statetrack;
using namespace statetrack::testing;

namespace {

constexpr std::size_t fleet_size = 3'000;

// Sessions that beat in groups, and what each must look like.
class beating_fleet {
public:
    explicit beating_fleet(sqlite_fixture& over) : f_(over) {
        std::vector<unit_of_work> units;
        for (std::size_t i = 0; i < fleet_size; ++i) {
            rows_.push_back(session_number(i));
            units.push_back(inserting(rows_.back()));
        }
        f_->execute(all_of(units));
        for (const auto& unit : units) REQUIRE(unit.outcome.has_value());
    }

    void beat(std::size_t beats) {
        std::vector<struct beat> all;
        for (std::size_t n = 0; n < beats; ++n) {
            session& s = rows_[random_() % fleet_size];
            s.last_heartbeat.ms = ++time_;
            if (random_() % 4 == 0) {
                ++s.progress_seq;
                s.last_progress_at = s.last_heartbeat;
            }
            s.silence_until = random_() % 8 == 0 ? std::optional(timestamp{time_ + 60'000}) : std::nullopt;
            all.push_back(
                {s.session_id, s.last_heartbeat, s.last_progress_at, s.progress_seq, s.silence_until});
        }
        REQUIRE(write(*f_, [&](transaction& tx) { return tx.beat(all); }).has_value());
    }
    // A change that also writes a beat column, as a beat that is not plain does, and one that does not.
    void patch() {
        session& s = rows_[random_() % fleet_size];
        s.last_heartbeat.ms = ++time_;
        set(s, {column_of<&session::last_heartbeat>(), s.last_heartbeat.ms});
        session& other = rows_[random_() % fleet_size];
        other.agent_role = "role " + std::to_string(time_);
        set(other, {column_of<&session::agent_role>(), *other.agent_role});
    }

    void expect_all(store& in) const {
        const auto read = in.read([&](reader& from) -> result<> {
            for (const session& s : rows_) {
                const auto found = from.find(table_of<session>(), s.session_id);
                if (!found) return found.error();
                REQUIRE(found->has_value());
                if ((*found)->values != to_row(s)) FAIL_CHECK("another row for " << s.project_id);
            }
            return {};
        });
        CHECK(read.has_value());
        const session& any = rows_[fleet_size / 2];
        CHECK(needed(in.find(table_of<session>(), any.session_id)).value().values == to_row(any));
    }
    // What a crash right now would leave.
    void expect_all_in_copy(const std::string& name) const {
        REQUIRE(f_->backup(f_.file(name)).has_value());
        const auto copy = needed(open_sqlite_store({.path = f_.file(name)}));
        expect_all(*copy);
    }

private:
    void set(const session& s, const assignment& one) {
        REQUIRE(write(*f_, [&](transaction& tx) {
                    return tx.patch(table_of<session>(), s.session_id, std::nullopt, std::span(&one, 1));
                }).has_value());
    }

    sqlite_fixture& f_;
    std::vector<session> rows_;
    std::mt19937_64 random_{7};
    std::int64_t time_ = 1'700'000'000'000;
};

std::int64_t journal_rows(const sqlite_fixture& f) { return f.number("SELECT count(*) FROM beat_journal"); }

// Beats, checkpointing as a host does, until the journal has been seen to get shorter so many times. A pass
// takes some 35.
void drive(
    sqlite_fixture& f, beating_fleet& fleet, int trimmings,
    const std::function<void(std::size_t)>& at_every_turn = [](std::size_t) {}) {
    std::int64_t rows_before = 0;
    for (std::size_t turn = 0; trimmings > 0; ++turn) {
        REQUIRE(turn < 4'000);
        fleet.beat(250);
        if (turn % 5 == 0) fleet.patch();
        if (turn % 50 == 0) REQUIRE(f->checkpoint().has_value());
        const std::int64_t rows = journal_rows(f);
        if (rows < rows_before) --trimmings;
        rows_before = rows;
        at_every_turn(turn);
    }
}

}  // namespace

TEST_CASE(
    "Through folding and trimming every row that is read is the newest, in the store and after a crash") {
    sqlite_fixture f;
    beating_fleet fleet(f);
    std::size_t copies = 0;
    drive(f, fleet, 50, [&](std::size_t turn) {
        if (turn % 100 == 0) fleet.expect_all(*f);
        if (turn % 60 == 0) fleet.expect_all_in_copy("copy " + std::to_string(++copies));
    });
    CHECK(copies > 3);
    f.open();
    fleet.expect_all(*f);
}

TEST_CASE("Rows that do not fit in memory are read from the file and its journal") {
    sqlite_fixture f;
    f.options.row_memory_kib = 64;
    f.open();
    beating_fleet fleet(f);
    drive(f, fleet, 50);
    fleet.expect_all(*f);
}

TEST_CASE("A store that falls quiet folds what it has to the end") {
    sqlite_fixture f;
    beating_fleet fleet(f);
    for (int turn = 0; turn < 700; ++turn) fleet.beat(250);
    for (int second = 0; second < 10; ++second) REQUIRE(f->checkpoint().has_value());
    CHECK(journal_rows(f) == 0);
    fleet.expect_all(*f);
    // What the rows themselves say is now the truth.
    fleet.beat(1);
    f.run("DELETE FROM beat_journal");
    CHECK(f.number("SELECT count(*) FROM sessions WHERE last_heartbeat < 1700000000000") <
          static_cast<std::int64_t>(fleet_size / 10));
}

TEST_CASE("Without a host that checkpoints the journal is folded all the same") {
    sqlite_fixture f;
    beating_fleet fleet(f);
    std::int64_t most = 0, last = 0;
    for (int turn = 0; turn < 1'500; ++turn) {
        fleet.beat(1'000);
        if (turn % 20 != 0) continue;
        last = journal_rows(f);
        most = std::max(most, last);
    }
    CHECK(most < 1'300);
    CHECK(last < most);
    fleet.expect_all(*f);
}

TEST_CASE("Beats are accepted while folding fails, and folded when it no longer does") {
    for (const char* fails : {"ABORT", "FAIL", "ROLLBACK"}) {
        CAPTURE(fails);
        sqlite_fixture f;
        beating_fleet fleet(f);
        f.run(std::string("CREATE TRIGGER refuses BEFORE UPDATE OF last_heartbeat ON sessions "
                          "BEGIN SELECT RAISE(") +
              fails + ", 'no'); END");
        for (int turn = 0; turn < 700; ++turn) {
            fleet.beat(250);
            if (turn % 100 == 0) REQUIRE(f->checkpoint().has_value());
        }
        // In quiet it is the only work there is, and its failure is said.
        const auto checkpointed = [&] {
            (void)f->checkpoint();
            return f->checkpoint();
        }();
        REQUIRE(!checkpointed.has_value());
        CHECK(checkpointed.error().is(errc::store_unavailable));
        CHECK(journal_rows(f) >= 700);
        fleet.expect_all(*f);

        f.run("DROP TRIGGER refuses");
        for (int second = 0; second < 10; ++second) REQUIRE(f->checkpoint().has_value());
        CHECK(journal_rows(f) == 0);
        fleet.expect_all(*f);
    }
}

TEST_CASE("A reader that holds its view sees no beat older than its view while the journal is folded") {
    sqlite_fixture f;
    beating_fleet fleet(f);
    fleet.beat(2'000);
    const auto read = f->read([&](reader& from) -> result<> {
        const auto before = from.select(table_of<session>(), {.limit = 10'000});
        if (!before) return before.error();
        drive(f, fleet, 30);
        for (int turn = 0; turn < 20; ++turn) fleet.beat(250);
        const auto after = from.select(table_of<session>(), {.limit = 10'000});
        if (!after) return after.error();
        const auto at = column_of<&session::last_heartbeat>();
        for (std::size_t i = 0; i < before->size(); ++i)
            CHECK(std::get<std::int64_t>((*after)[i].values[at]) >=
                  std::get<std::int64_t>((*before)[i].values[at]));
        return {};
    });
    CHECK(read.has_value());
    fleet.expect_all(*f);
}

TEST_CASE("A journal that holds something else is a corrupt store") {
    for (const char* bytes : {"x''", "x'00'", "x'02'", "x'01ff'", "x'010203'", "'text'"}) {
        sqlite_fixture f;
        f.close();
        f.run(std::string("INSERT INTO beat_journal (beats) VALUES (CAST(") + bytes + " AS BLOB))");
        const auto opened = open_sqlite_store(f.options);
        REQUIRE(!opened.has_value());
        CHECK(opened.error().is(errc::store_corrupt));
    }
}

TEST_CASE("A batch of beats comes out of its blob as it went in, the newest of each row") {
    std::mt19937_64 random(3);
    const std::int64_t odd[] = {0, 1, -1, INT64_MAX, INT64_MIN, INT64_MIN + 1, 1'700'000'000'000};
    const auto any = [&] { return odd[random() % std::size(odd)]; };
    for (int round = 0; round < 200; ++round) {
        sqlite::beat_batch batch;
        std::map<std::int64_t, sqlite::beat_state> newest;
        const auto noted = [&] {
            sqlite::beat_state s{.last_heartbeat = any(), .progress_seq = any()};
            s.has_progress = random() % 2 == 0;
            s.has_silence = random() % 2 == 0;
            if (s.has_progress) s.last_progress_at = any();
            if (s.has_silence) s.silence_until = any();
            return s;
        };
        for (int n = 0; n < 20; ++n) {
            const auto ordinal = static_cast<std::int64_t>(random() % 8) * (INT64_MAX / 8);
            batch.note(ordinal, newest[ordinal] = noted());
            // A unit that is refused takes its beats back.
            const auto before = batch.size();
            for (int refused = 0; refused < 3; ++refused)
                batch.note(static_cast<std::int64_t>(random() % 8) * (INT64_MAX / 8), noted());
            batch.undo_to(before);
        }
        const auto found = sqlite::unpacked(batch.packed());
        REQUIRE(found.has_value());
        CHECK(found->size() == newest.size());
        for (const auto& one : *found) CHECK(one.state == newest.at(one.ordinal));
    }
}
