// What the SQLite store opens, what it refuses, and what it leaves alone.
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "sqlite/settings.hpp"
#include "sqlite_fixture.hpp"

using namespace statetrack;
using namespace statetrack::testing;

TEST_CASE("A second store on the same file is refused, in the same process too") {
    sqlite_fixture f;
    is_refused(f.options, errc::store_in_use, {f.path(), "this process"});
    std::filesystem::create_symlink(f.path(), f.file("link.db"));
    is_refused({.path = f.file("link.db")}, errc::store_in_use, {f.path()});
    f.close();
    f.open();
}

TEST_CASE("Another process is refused, and named to whom it refuses") {
    sqlite_fixture f;
    const pid_t other = fork();
    if (other == 0) {
        const auto opened = open_sqlite_store(f.options);
        const bool refused = !opened.has_value() && opened.error().is(errc::store_in_use) &&
                             opened.error().detail.find(std::to_string(getppid())) != std::string::npos;
        _exit(refused ? 0 : 1);
    }
    int status = -1;
    REQUIRE(waitpid(other, &status, 0) == other);
    CHECK(status == 0);
    CHECK(write(*f, inserting(session_number(1)).body).has_value());
}

TEST_CASE("A lock ends with its process, however that ends") {
    sqlite_fixture f;
    f.close();
    const pid_t other = fork();
    if (other == 0) {
        const auto opened = open_sqlite_store(f.options);
        kill(getpid(), opened.has_value() ? SIGKILL : SIGTERM);
    }
    int status = -1;
    REQUIRE(waitpid(other, &status, 0) == other);
    CHECK(WTERMSIG(status) == SIGKILL);
    f.open();
}

TEST_CASE("What was written is there after reopening, with its counts") {
    sqlite_fixture f;
    REQUIRE(write(*f, inserting(session_number(1)).body).has_value());
    f.open();
    CHECK(f.sessions() == 1);
    CHECK(write(*f, inserting(session_number(1)).body).error().is(errc::already_exists));
}

TEST_CASE("A database of a newer version is refused, naming both, and left as it is") {
    sqlite_fixture f;
    f.close();
    f.run("PRAGMA user_version = " + std::to_string(schema_version + 41));
    const auto before = bytes_of(f.path());
    is_refused(f.options, errc::schema_too_new,
               {f.path(), std::to_string(schema_version + 41), "up to " + std::to_string(schema_version)});
    CHECK(bytes_of(f.path()) == before);
}

TEST_CASE("Another program's database is refused and left as it is") {
    const temp_dir folder;
    const std::string path = folder.file("other.db");
    const auto make = [&](const std::string& sql) {
        const auto other =
            needed(sqlite::database::open(path, {.flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE}));
        REQUIRE(other.run(sql, "test").has_value());
    };
    SUBCASE("with tables") { make("CREATE TABLE sessions (x)"); }
    SUBCASE("with an application id of its own") { make("PRAGMA application_id = 7"); }
    SUBCASE("with a version of its own") { make("PRAGMA user_version = 1"); }
    SUBCASE("with tables, a version and WAL") {
        make("PRAGMA journal_mode = WAL; CREATE TABLE t (x); PRAGMA user_version = 1");
    }
    const auto before = bytes_of(path);
    is_refused({.path = path}, errc::store_corrupt, {path});
    CHECK(bytes_of(path) == before);
}

TEST_CASE("A file that is no database is refused and left as it is") {
    const temp_dir folder;
    const std::string path = folder.file("notes.txt"), text(5'000, 'x');
    std::ofstream(path) << text;
    is_refused({.path = path}, errc::store_corrupt, {path});
    CHECK(bytes_of(path) == text);
}

TEST_CASE("A database that lacks an index or a table is refused: its invariants would be nobody's") {
    sqlite_fixture f;
    f.close();
    SUBCASE("an index") {
        f.run("DROP INDEX sessions_active_place");
        is_refused(f.options, errc::store_corrupt, {"sessions_active_place"});
    }
    SUBCASE("a table") {
        f.run("DROP TABLE tallies");
        is_refused(f.options, errc::store_corrupt, {"tallies"});
    }
}

TEST_CASE("Paths that lead nowhere are refused with a reason") {
    const temp_dir folder;
    is_refused({.path = ""}, errc::validation_failed, {"file"});
    is_refused({.path = ":memory:"}, errc::validation_failed, {"memory"});
    is_refused({.path = folder.file("no such folder/store.db")}, errc::store_unavailable, {"no such folder"});
    is_refused({.path = folder.path().string()}, errc::store_unavailable, {folder.path().string()});
}

TEST_CASE("Paths may hold what means something in a URI") {
    const temp_dir folder;
    const std::string path = folder.file("a %41 ? mode=ro & # é.db");
    auto opened = needed(open_sqlite_store({.path = path}));
    REQUIRE(write(*opened, inserting(session_number(1)).body).has_value());
    CHECK(std::filesystem::exists(path));
    CHECK(std::filesystem::exists(path + "-owner"));
}

TEST_CASE("A new database is its owner's alone, whatever the umask, and an old one keeps its permissions") {
    const mode_t before = umask(0);
    sqlite_fixture f;
    umask(0377);
    const temp_dir folder;
    auto other = needed(open_sqlite_store({.path = folder.file("store.db")}));
    umask(before);
    REQUIRE(write(*f, inserting(session_number(1)).body).has_value());
    for (const auto& path :
         {f.path(), f.path() + "-wal", f.path() + "-shm", f.path() + "-owner", folder.file("store.db")})
        CHECK_MESSAGE(mode_of(path) == 0600, path);
    f.close();
    chmod(f.path().c_str(), 0640);
    f.open();
    CHECK(mode_of(f.path()) == 0640);
}

TEST_CASE("Every connection has its settings, and one that lacks them is noticed") {
    sqlite_fixture f;
    f.close();
    const auto lock = f.path() + "-owner";
    const auto writer = needed(sqlite::open_writer(f.options, lock, sqlite::released_schema()));
    const auto reader = needed(sqlite::open_beside(f.options, sqlite::use::reading));
    const auto passes = needed(sqlite::open_beside(f.options, sqlite::use::checkpoints));
    for (const auto* on : {&writer, &reader, &passes}) {
        CHECK(sqlite::verify_pragma(*on, "journal_mode", "wal").has_value());
        CHECK(sqlite::verify_pragma(*on, "synchronous", "2").has_value());
        CHECK(sqlite::verify_pragma(*on, "foreign_keys", "1").has_value());
        CHECK(sqlite::verify_pragma(*on, "temp_store", "2").has_value());
        CHECK(sqlite::verify_pragma(*on, "busy_timeout", "1").has_value());
    }
    CHECK(sqlite::verify_pragma(reader, "query_only", "1").has_value());
    CHECK(sqlite::verify_pragma(writer, "wal_autocheckpoint", "1000").has_value());
    const auto bare = f.beside();
    const auto off = sqlite::verify_pragma(bare, "foreign_keys", "1");
    REQUIRE(!off.has_value());
    CHECK(off.error().is(errc::store_unavailable));
    CHECK(off.error().detail.find("foreign_keys") != std::string::npos);
}
