// What a SQLite store brings into memory before anybody asks, and that it is never older than the file.
#include <atomic>
#include <random>
#include <thread>

#include "sqlite/connection.hpp"
#include "sqlite/row_memory.hpp"
#include "sqlite_fixture.hpp"

using namespace statetrack;
using namespace statetrack::testing;

namespace {

void insert_sessions(store& to, std::size_t from, std::size_t end, session_status status) {
    std::vector<unit_of_work> units;
    for (std::size_t n = from; n < end; ++n) {
        session s = session_number(n);
        s.status = status;
        if (status == session_status::completed) s.completed_at = timestamp{1};
        units.push_back(inserting(s));
    }
    to.execute(all_of(units));
    for (const auto& unit : units) REQUIRE(unit.outcome.has_value());
}

std::size_t count_at_once(store& in, std::size_t sessions) {
    std::size_t found = 0;
    for (std::size_t n = 0; n < sessions; ++n) found += at_once(in, id_of(1, n)).has_value() ? 1 : 0;
    return found;
}

result<> patch(store& in, const uuid& id, assignment change) {
    return write(in, [&](transaction& tx) { return tx.patch(table_of<session>(), id, {}, {&change, 1}); });
}

std::vector<stored_row> selected(reader& from, const query& what) {
    return needed(from.select(table_of<session>(), what));
}

// From the file, whatever is in memory: asked for by its columns.
query by_columns(query what) {
    for (std::size_t i = 0; i < table_of<session>().columns.size(); ++i) what.columns.push_back(i);
    return what;
}

std::vector<query> some_queries() {
    const auto is = [](std::size_t column, std::string text) { return condition{column, {std::move(text)}}; };
    const auto project = column_of<&session::project_id>(), status = column_of<&session::status>();
    std::vector<query> all{{},
                           {.where = {is(project, "project 1")}},
                           {.where = {is(project, "project 2"), is(status, "paused")}},
                           {.where = {is(status, "active")}, .offset = 3}};
    for (std::size_t i = 0, end = all.size(); i < end; ++i) {
        all.push_back(all[i]);
        all.back().order = direction::descending;
        all.back().limit = 7;
        all.push_back(all.back());
        all.back().after = 20;
    }
    return all;
}

}  // namespace

TEST_CASE("Live sessions are in memory soon after the opening, ended ones only when they were asked for") {
    sqlite_fixture f;
    insert_sessions(*f, 0, 700, session_status::active);
    insert_sessions(*f, 700, 800, session_status::completed);
    f.open();
    CHECK(count_at_once(*f, 800) == 0);
    REQUIRE(f->checkpoint().has_value());
    CHECK(count_at_once(*f, 700) == 700);
    CHECK(count_at_once(*f, 800) == 700);
    REQUIRE(f->find(table_of<session>(), id_of(1, 750)).has_value());
    CHECK(count_at_once(*f, 800) == 701);
}

TEST_CASE("What is brought into memory before anybody asks is the newest, as far as there is room") {
    sqlite_fixture f;
    f.options.row_memory_kib = 256;
    insert_sessions(*f, 0, 8'000, session_status::active);
    f.open();
    REQUIRE(f->checkpoint().has_value());
    const auto in_memory = count_at_once(*f, 8'000);
    CHECK(in_memory > 1'000);
    CHECK(in_memory < 7'000);
    CHECK(at_once(*f, id_of(1, 7'999)).has_value());
    CHECK_FALSE(at_once(*f, id_of(1, 0)).has_value());
    // And no more by asking again.
    REQUIRE(f->checkpoint().has_value());
    CHECK(count_at_once(*f, 8'000) == in_memory);

    f.options.row_memory_kib = 16 * 1'024;
    f.open();
    REQUIRE(f->checkpoint().has_value());
    CHECK(count_at_once(*f, 8'000) == 8'000);
}

TEST_CASE("Beats of before the opening are in the rows that are brought into memory, and after them") {
    sqlite_fixture f;
    insert_sessions(*f, 0, 50, session_status::active);
    const auto beat_all = [&](std::int64_t ms) {
        REQUIRE(write(*f, [&](transaction& tx) -> result<> {
                    for (std::size_t n = 0; n < 50; ++n) {
                        const struct beat one {
                            .key = id_of(1, n), .last_heartbeat = { ms + static_cast<std::int64_t>(n) }
                        };
                        if (auto done = tx.beat({&one, 1}); !done) return done;
                    }
                    return {};
                }).has_value());
    };
    beat_all(1'000);
    f.open();
    REQUIRE(f->checkpoint().has_value());
    for (std::size_t n = 0; n < 50; ++n)
        CHECK(at_once(*f, id_of(1, n))->last_heartbeat.ms == 1'000 + std::int64_t(n));
    beat_all(2'000);
    for (std::size_t n = 0; n < 50; ++n)
        CHECK(at_once(*f, id_of(1, n))->last_heartbeat.ms == 2'000 + std::int64_t(n));
    // One that has room for no more than its time gets progress and silence, and loses them again.
    for (const bool has : {true, false}) {
        REQUIRE(write(*f, [&](transaction& tx) {
                    struct beat one {
                        .key = id_of(1, 7), .last_heartbeat = { 3'000 }
                    };
                    if (has) one.last_progress_at = timestamp{2'500}, one.silence_until = timestamp{9'000};
                    one.progress_seq = has ? 4 : 0;
                    return tx.beat({&one, 1});
                }).has_value());
        const auto row = at_once(*f, id_of(1, 7));
        REQUIRE(row.has_value());
        CHECK(row->last_progress_at == (has ? std::optional(timestamp{2'500}) : std::nullopt));
        CHECK(row->silence_until == (has ? std::optional(timestamp{9'000}) : std::nullopt));
        CHECK(row->progress_seq == (has ? 4 : 0));
    }
}

TEST_CASE("A row that was read before it was written is not kept, nor in place of one that is there") {
    sqlite_fixture f;
    insert_sessions(*f, 0, 3, session_status::active);
    const auto on = f.beside();
    sqlite::name_book names;
    REQUIRE(names.load(on).has_value());
    sqlite::connection reading(f.beside(), names);
    const auto row_of = [&](std::size_t n) {
        return *needed(reading.find(table_of<session>(), id_of(1, n)));
    };
    const auto shown = [](sqlite::row_memory& in, std::int64_t ordinal, std::uint64_t since) {
        std::optional<stored_row> found;
        in.look_in_view({&ordinal, 1}, since, [&](std::int64_t at, row_view values) {
            found.emplace(stored_row{at, to_values(values)});
        });
        return found;
    };
    for (const bool written : {false, true}) {
        CAPTURE(written);
        sqlite::row_memory memory(on, names, sqlite::beaten_table(), 1'024 * 1'024);
        const auto since = memory.writes();
        auto row = row_of(0);
        if (written) {
            memory.wrote(id_of(1, 0));
            memory.keep_read(row, since);
            CHECK_FALSE(memory.find_committed(id_of(1, 0)));
            memory.group_ended();
        }
        memory.keep_read(row, since);
        CHECK(memory.find_committed(id_of(1, 0)).has_value() == !written);
        // Another row's writing is no hindrance.
        auto other = row_of(1);
        memory.keep_read(other, since);
        CHECK(memory.find_committed(id_of(1, 1)) == other);
        CHECK(shown(memory, other.ordinal, since) == other);
        memory.keep_read(row, memory.writes());
        CHECK(memory.find_committed(id_of(1, 0)) == row);
        CHECK(shown(memory, row.ordinal, since).has_value() == !written);
        // Up to the first that cannot be shown.
        const std::int64_t three[] = {other.ordinal, row.ordinal, other.ordinal};
        CHECK(memory.look_in_view(three, since, [](std::int64_t, row_view) {}) == (written ? 1 : 3));

        auto older = other;
        older.values[column_of<&session::version>()] = std::int64_t{0};
        memory.keep_read(older, memory.writes());
        CHECK(memory.find_committed(id_of(1, 1)) == other);
    }
    // What was written so long ago that nobody remembers which rows it were.
    sqlite::row_memory memory(on, names, sqlite::beaten_table(), 1'024 * 1'024);
    const auto since = memory.writes();
    for (std::size_t n = 10; n < 2'000; ++n) {
        memory.wrote(id_of(1, n));
        memory.group_ended();
    }
    auto row = row_of(0);
    memory.keep_read(row, since);
    CHECK_FALSE(memory.find_committed(id_of(1, 0)));
}

TEST_CASE("A row that was found in the unit that inserted it is not in memory when the unit is refused") {
    sqlite_fixture f;
    const auto s = session_number(1);
    for (const bool refused : {true, false}) {
        const auto outcome = write(*f, [&](transaction& tx) -> result<> {
            if (auto done = tx.insert(table_of<session>(), to_row(s)); !done) return done.error();
            CHECK(needed(tx.find(table_of<session>(), s.session_id)).has_value());
            CHECK_FALSE(at_once(*f, s.session_id));
            return refused ? result<>(error(errc::in_use)) : result<>();
        });
        CHECK(outcome.has_value() == !refused);
        CHECK(at_once(*f, s.session_id).has_value() == !refused);
    }
}

TEST_CASE("A list is the same with the rows in memory and without, whatever was written between") {
    sqlite_fixture f;
    std::mt19937_64 random(11);
    constexpr std::size_t sessions = 60;
    for (std::size_t n = 0; n < sessions; ++n) {
        session s = session_number(n);
        s.project_id = "project " + std::to_string(n % 4);
        s.status = n % 3 == 0 ? session_status::paused : session_status::active;
        std::vector<unit_of_work> one{inserting(s)};
        f->execute(all_of(one));
        REQUIRE(one.front().outcome.has_value());
    }
    const auto compare = [&] {
        const auto read = f->read([&](reader& from) -> result<> {
            for (const auto& what : some_queries())
                CHECK(selected(from, what) == selected(from, by_columns(what)));
            return {};
        });
        CHECK(read.has_value());
    };
    compare();
    for (int turn = 0; turn < 200; ++turn) {
        const auto id = id_of(1, random() % sessions);
        const auto some = static_cast<std::int64_t>(random() % 1'000);
        switch (random() % 5) {
            case 0:
                CHECK(patch(*f, id, {column_of<&session::version>(), some + 1}).has_value());
                break;
            case 1:
                CHECK(patch(*f, id,
                            {column_of<&session::status>(), std::string(some % 2 ? "active" : "paused")})
                          .has_value());
                break;
            case 2:
                CHECK(write(*f, [&](transaction& tx) {
                          const struct beat one {
                              .key = id, .last_heartbeat = {some}, .progress_seq = some % 3
                          };
                          return tx.beat({&one, 1});
                      }).has_value());
                break;
            case 3:
                (void)f->find(table_of<session>(), id);
                break;
            default:
                CHECK(f->checkpoint().has_value());
        }
        compare();
        if (turn == 100) f.open();
    }
    // The control: the rows of a list do come from memory, and by its columns from the file.
    f.run("UPDATE sessions SET agent_role = 'behind the back'");
    CHECK(write(*f, [](transaction& tx) { return tx.beat({}); }).has_value());  // the next view is a new one
    const auto read = f->read([&](reader& from) -> result<> {
        CHECK_FALSE(selected(from, {}) == selected(from, by_columns({})));
        return {};
    });
    CHECK(read.has_value());
}

TEST_CASE("A view that is older than a write shows no row of after it") {
    sqlite_fixture f;
    insert_sessions(*f, 0, 4, session_status::active);
    f.open();
    REQUIRE(f->checkpoint().has_value());
    const auto version = column_of<&session::version>();
    const auto read = f->read([&](reader& from) -> result<> {
        const auto before = selected(from, {});
        REQUIRE(before.size() == 4);
        CHECK(patch(*f, id_of(1, 2), {version, std::int64_t{9}}).has_value());
        // The writer brings the new one into memory.
        CHECK(write(*f, [&](transaction& tx) -> result<> {
                  (void)needed(tx.find(table_of<session>(), id_of(1, 2)));
                  return {};
              }).has_value());
        CHECK(at_once(*f, id_of(1, 2))->version == 9);
        CHECK(selected(from, {}) == before);
        return {};
    });
    CHECK(read.has_value());
    const auto again = f->read([&](reader& from) -> result<> {
        CHECK(std::get<std::int64_t>(selected(from, {})[2].values[version]) == 9);
        return {};
    });
    CHECK(again.has_value());
}

TEST_CASE("Memory that is filled beside a writer and readers is no older than what was durable") {
    sqlite_fixture f;
    constexpr std::size_t sessions = 3'000;
    insert_sessions(*f, 0, sessions, session_status::active);
    f.open();
    std::vector<std::atomic<std::int64_t>> versions(sessions), beats(sessions);
    std::atomic<bool> done{false}, wrong{false};
    const auto look = [&](std::size_t n) {
        const auto version = versions[n].load();
        const auto beat = beats[n].load();
        const auto row = at_once(*f, id_of(1, n));
        if (row && (row->version < version || row->last_heartbeat.ms < beat)) wrong = true;
    };
    std::thread fills([&] {
        while (!done)
            if (!f->checkpoint()) wrong = true;
    });
    std::thread reads([&] {
        for (std::size_t n = 0; !done; n = (n + 7) % sessions) {
            look(n);
            if (n % 5 == 0 && !f->find(table_of<session>(), id_of(1, n))) wrong = true;
        }
    });
    std::mt19937_64 random(5);
    for (std::int64_t i = 2; i < 400; ++i) {
        const std::size_t n = random() % sessions;
        const struct beat one {
            .key = id_of(1, n), .last_heartbeat = { i }
        };
        if (!write(*f, [&](transaction& tx) { return tx.beat({&one, 1}); })) wrong = true;
        beats[n] = i;
        const std::size_t other = random() % sessions;
        if (!patch(*f, id_of(1, other), {column_of<&session::version>(), i})) wrong = true;
        versions[other] = i;
        look(n);
        look(other);
    }
    done = true;
    fills.join();
    reads.join();
    for (std::size_t n = 0; n < sessions; ++n) look(n);
    CHECK_FALSE(wrong);
}
