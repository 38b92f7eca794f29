// A store's file looked at from outside: what is seen, what is found broken, what a copy is worth.
#include "statetrack/sqlite_snapshot.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "sqlite/online_copy.hpp"
#include "sqlite_fixture.hpp"
#include "statetrack/ids.hpp"
#include "statetrack/manual_clock.hpp"
#include "statetrack/tracker.hpp"
#include "statetrack/verify.hpp"

using namespace statetrack;
using namespace statetrack::testing;
namespace fs = std::filesystem;

namespace {

// With a history, so that every invariant can hold.
class tracked_file {
public:
    tracked_file() {
        tracked_ = needed(tracker::open(*f, time_, *ids_));
        for (int i = 0; i < 20; ++i) {
            ids.push_back(ids_->next());
            REQUIRE(
                tracked_
                    ->apply(new_session{
                        .project_id = "p" + std::to_string(i), .machine_id = "m", .session_id = ids.back()})
                    .has_value());
        }
    }
    // Plain ones, which are journalled.
    void beat_all() {
        time_.advance(1'000);
        for (const auto& id : ids)
            REQUIRE(tracked_->apply(heartbeat{.session_id = id, .epoch = 1}).has_value());
    }
    void close() {
        tracked_.reset();
        f.close();
    }
    std::unique_ptr<sqlite_snapshot> look() const { return needed(open_sqlite_snapshot({.path = f.path()})); }

    sqlite_fixture f;
    std::vector<uuid> ids;

private:
    manual_clock time_;
    std::unique_ptr<id_source> ids_ = make_seeded_ids(5);
    std::unique_ptr<tracker> tracked_;
};

value last_beat(store& in, const uuid& id) {
    return needed(in.find(table_of<session>(), id)).value().values[column_of<&session::last_heartbeat>()];
}

// Whatever a copy under this name would have left.
bool anything_left(const std::string& copy) {
    for (const auto* tail : {"", "-partial", "-partial-journal", "-partial-wal", "-partial-shm"})
        if (fs::exists(copy + tail)) return true;
    return false;
}

}  // namespace

TEST_CASE("A snapshot holds what was durable when it was opened, journalled heartbeats included") {
    tracked_file t;
    t.beat_all();
    const auto then = last_beat(*t.f, t.ids[3]);
    REQUIRE(t.f.number("SELECT count(*) FROM beat_journal") > 0);
    const auto snapshot = t.look();
    t.beat_all();
    CHECK(last_beat(*snapshot, t.ids[3]) == then);
    CHECK(last_beat(*t.f, t.ids[3]) != then);
    CHECK(last_beat(*t.look(), t.ids[3]) == last_beat(*t.f, t.ids[3]));
    CHECK(needed(snapshot->check_file()).empty());
    const auto found = needed(verify(*snapshot));
    CHECK(found.broken_count == 0);
    CHECK(found.sessions == 20);
}

TEST_CASE("A snapshot is only read") {
    tracked_file t;
    const auto snapshot = t.look();
    CHECK(write(*snapshot, [&](transaction& tx) { return tx.erase(table_of<session>(), t.ids[0]); })
              .error()
              .is(errc::store_unavailable));
    CHECK(snapshot
              ->read([&](reader& in) -> result<> {
                  return dynamic_cast<transaction&>(in).erase(table_of<session>(), t.ids[0]);
              })
              .error()
              .is(errc::store_unavailable));
    CHECK(t.f.sessions() == 20);
}

TEST_CASE("Looking at a file that nobody has open changes no byte of it") {
    tracked_file t;
    t.beat_all();
    t.close();
    const auto before = bytes_of(t.f.path());
    {
        const auto snapshot = t.look();
        CHECK(needed(verify(*snapshot)).sessions == 20);
        CHECK(needed(snapshot->check_file()).empty());
    }
    CHECK(bytes_of(t.f.path()) == before);
    t.f.open();
    CHECK(t.f.sessions() == 20);
}

TEST_CASE("What a crash has left in the log only is seen") {
    tracked_file t;
    t.beat_all();
    const auto now = last_beat(*t.f, t.ids[0]);
    const std::string crashed = t.f.file("crashed.db");
    fs::copy_file(t.f.path(), crashed);
    fs::copy_file(t.f.path() + "-wal", crashed + "-wal");
    const auto snapshot = needed(open_sqlite_snapshot({.path = crashed}));
    CHECK(last_beat(*snapshot, t.ids[0]) == now);
    CHECK(needed(verify(*snapshot)).broken_count == 0);
}

TEST_CASE("A copy of a snapshot is a store of its own, with the journalled heartbeats") {
    tracked_file t;
    t.beat_all();
    const std::string copy = t.f.file("copy.db");
    std::int64_t told = 0;
    REQUIRE(t.look()
                ->copy(copy, [&](std::int64_t done, std::int64_t all) { told = done == all ? all : 0; })
                .has_value());
    CHECK(told > 0);
    CHECK_FALSE(fs::exists(copy + "-partial"));
    CHECK((fs::status(copy).permissions() & fs::perms::all) ==
          (fs::perms::owner_read | fs::perms::owner_write));
    const auto restored = needed(open_sqlite_store({.path = copy}));
    for (const auto& id : t.ids) CHECK(last_beat(*restored, id) == last_beat(*t.f, id));
}

TEST_CASE("A copy overwrites nothing, whoever was faster") {
    tracked_file t;
    const std::string copy = t.f.file("copy.db");
    const auto snapshot = t.look();
    const auto late = t.look();
    // The name is taken while the copy is being written.
    const auto beaten = late->copy(copy, [&](std::int64_t, std::int64_t) {
        if (!fs::exists(copy)) std::ofstream(copy) << "somebody else's";
    });
    CHECK(beaten.error().is(errc::already_exists));
    CHECK(bytes_of(copy) == "somebody else's");
    CHECK_FALSE(fs::exists(copy + "-partial"));
    CHECK(snapshot->copy(copy, {}).error().is(errc::already_exists));
    CHECK(bytes_of(copy) == "somebody else's");
}

TEST_CASE("Two copies to one name get in nobody's way, and one that was cut short is taken over") {
    tracked_file t;
    const std::string copy = t.f.file("copy.db");
    {
        const auto source = t.f.beside();
        const auto first = needed(sqlite::online_copy::begin(source, copy, t.f.path()));
        CHECK(t.look()->copy(copy, {}).error().is(errc::already_exists));
        CHECK(fs::exists(first.partial_path()));
    }
    CHECK_FALSE(anything_left(copy));
    std::ofstream(copy + "-partial") << std::string(100'000, 'x');
    REQUIRE(t.look()->copy(copy, {}).has_value());
    CHECK(needed(open_sqlite_snapshot({.path = copy}))->version() == schema_version);
}

TEST_CASE("A copy that breaks an invariant gets no name") {
    tracked_file t;
    const std::string copy = t.f.file("copy.db");
    t.f.run(
        "UPDATE sessions SET agent_role = 'nobody''s' WHERE project_id = (SELECT number FROM names WHERE "
        "text = 'p7')");
    const auto refused = t.look()->copy(copy, {});
    CHECK(refused.error().is(errc::store_corrupt));
    CHECK(refused.error().detail.find("agent_role") != std::string::npos);
    CHECK_FALSE(anything_left(copy));
}

TEST_CASE("What is interrupted leaves nothing behind") {
    tracked_file t;
    const std::string copy = t.f.file("copy.db");
    bool stop = false;
    const auto snapshot =
        needed(open_sqlite_snapshot({.path = t.f.path(), .interrupted = [&] { return stop; }}));
    const auto ended = snapshot->copy(copy, [&](std::int64_t, std::int64_t) { stop = true; });
    CHECK(ended.error().is(errc::store_unavailable));
    CHECK_FALSE(anything_left(copy));
    stop = false;
    CHECK(snapshot->copy(copy, {}).has_value());
}

TEST_CASE("Broken pages and dangling references are found in the file itself") {
    tracked_file t;
    t.beat_all();
    REQUIRE(write(*t.f, [&](transaction& tx) -> result<> {
                auto of = session_number(0);
                of.session_id = t.ids[0];
                const auto added = tx.insert(table_of<task>(), to_row(task_number(1, of)));
                return added ? result<>{} : result<>{added.error()};
            }).has_value());
    t.close();
    t.f.run("PRAGMA foreign_keys = OFF; UPDATE tasks SET session_id = randomblob(16)");
    const auto dangling = needed(t.look()->check_file());
    REQUIRE(dangling.size() == 1);
    CHECK(dangling[0].find("of tasks names what is not there in sessions") != std::string::npos);

    const auto root = t.f.number("SELECT rootpage FROM sqlite_schema WHERE name = 'events'");
    const auto size = t.f.number("PRAGMA page_size");
    t.f.number("PRAGMA wal_checkpoint(TRUNCATE)");
    std::fstream file(t.f.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp((root - 1) * size);
    file << std::string(static_cast<std::size_t>(size), '\xff');
    file.close();
    CHECK_FALSE(needed(t.look()->check_file()).empty());
}

TEST_CASE("A database of an older version can be copied as it is, and not be read") {
    const temp_dir dir;
    const std::string path = dir.file("older.db");
    {
        const auto made =
            needed(sqlite::database::open(path, {.flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE}));
        REQUIRE(made.run(bytes_of(STATETRACK_TEST_DATABASES "/version-1.sql"), "test").has_value());
    }
    const auto snapshot = needed(open_sqlite_snapshot({.path = path}));
    CHECK(snapshot->version() == 1);
    CHECK(needed(snapshot->check_file()).empty());
    CHECK(verify(*snapshot).error().is(errc::store_unavailable));
    REQUIRE(snapshot->copy(dir.file("copy.db"), {}).has_value());
    CHECK(needed(open_sqlite_snapshot({.path = dir.file("copy.db")}))->version() == 1);
    const auto migrated = needed(open_sqlite_store({.path = dir.file("copy.db")}));
    CHECK(needed(verify(*migrated)).broken_count == 0);
}

TEST_CASE("What is no store of this program is not opened") {
    const temp_dir dir;
    const auto none = open_sqlite_snapshot({.path = dir.file("none.db")});
    CHECK(none.error().is(errc::store_unavailable));
    CHECK_FALSE(fs::exists(dir.file("none.db")));
    CHECK(open_sqlite_snapshot({.path = ":memory:"}).error().is(errc::validation_failed));
    std::ofstream(dir.file("letter.txt")) << std::string(4'096, 'x');
    CHECK(open_sqlite_snapshot({.path = dir.file("letter.txt")}).error().is(errc::store_corrupt));
    tracked_file t;
    t.close();
    t.f.run("PRAGMA user_version = 99");
    CHECK(open_sqlite_snapshot({.path = t.f.path()}).error().is(errc::schema_too_new));
    t.f.run("PRAGMA user_version = " + std::to_string(schema_version) + "; DROP TABLE beat_journal");
    CHECK(open_sqlite_snapshot({.path = t.f.path()}).error().is(errc::store_corrupt));
}
