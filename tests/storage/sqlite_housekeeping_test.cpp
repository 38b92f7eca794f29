// Backups and checkpoints beside a working store.
#include <atomic>
#include <filesystem>
#include <thread>

#include "sqlite_fixture.hpp"

using namespace statetrack;
using namespace statetrack::testing;

namespace {

void fill(sqlite_store& with, std::size_t from, std::size_t to) {
    std::vector<unit_of_work> units;
    for (std::size_t n = from; n < to; ++n) {
        auto s = session_number(n);
        s.metadata = json_text::trusted("{\"x\":\"" + std::string(2'000, 'x') + "\"}");
        units.push_back(inserting(s));
    }
    const auto group = all_of(units);
    with.execute(group);
    for (const auto& unit : units) CHECK(unit.outcome.has_value());
}

std::int64_t sessions_in(const std::string& path) {
    const auto copy = needed(sqlite::database::open(path, {}));
    CHECK(needed(copy.text("PRAGMA integrity_check", "test")) == "ok");
    return needed(copy.number("SELECT count(*) FROM sessions", "test"));
}

}  // namespace

TEST_CASE("A backup is a store of its own, with everything that was durable") {
    sqlite_fixture f;
    fill(*f, 0, 300);
    const std::string copy = f.file("copy.db");
    REQUIRE(f->backup(copy).has_value());
    fill(*f, 300, 310);
    CHECK(sessions_in(copy) == 300);
    namespace fs = std::filesystem;
    CHECK(fs::status(copy).permissions() == (fs::perms::owner_read | fs::perms::owner_write));
    CHECK(!fs::exists(copy + "-partial"));
    auto restored = needed(open_sqlite_store({.path = copy}));
    fill(*restored, 400, 401);
    CHECK(f.sessions() == 310);
}

TEST_CASE("A backup overwrites nothing, and leaves nothing behind where it fails") {
    sqlite_fixture f;
    fill(*f, 0, 3);
    const auto onto_itself = f->backup(f.path());
    REQUIRE(!onto_itself.has_value());
    CHECK(onto_itself.error().is(errc::already_exists));
    CHECK(f.sessions() == 3);
    const auto nowhere = f->backup(f.file("no such folder/copy.db"));
    REQUIRE(!nowhere.has_value());
    CHECK(nowhere.error().is(errc::store_unavailable));
    CHECK(!f->backup("").has_value());
    REQUIRE(f->backup(f.file("copy.db")).has_value());
    CHECK(!f->backup(f.file("copy.db")).has_value());
    fill(*f, 3, 4);
    CHECK(sessions_in(f.file("copy.db")) == 3);
}

TEST_CASE("A backup beside a writer is whole, and has at least what was there when it began") {
    sqlite_fixture f;
    fill(*f, 0, 2'000);
    std::atomic<bool> done = false;
    std::thread copying([&] {
        const auto copied = f->backup(f.file("copy.db"));
        done = true;
        CHECK(copied.has_value());
    });
    std::size_t n = 2'000;
    while (!done) {
        fill(*f, n, n + 1);
        ++n;
    }
    copying.join();
    const auto copied = sessions_in(f.file("copy.db"));
    CHECK(copied >= 2'000);
    CHECK(copied <= static_cast<std::int64_t>(n));
}

TEST_CASE("Without a host that checkpoints the log stays small by itself") {
    sqlite_fixture f;
    for (std::size_t n = 0; n < 6'000; n += 100) fill(*f, n, n + 100);
    CHECK(std::filesystem::file_size(f.path() + "-wal") < 12'000'000);
}

TEST_CASE("A host that checkpoints keeps the log small, and the database holds what the log did") {
    sqlite_fixture f;
    for (std::size_t n = 0; n < 6'000; n += 100) {
        fill(*f, n, n + 100);
        CHECK(f->checkpoint().has_value());
    }
    CHECK(std::filesystem::file_size(f.path() + "-wal") < 12'000'000);
    // What is copied counts for the database alone: without its log it is whole.
    std::filesystem::copy_file(f.path(), f.file("alone.db"));
    CHECK(sessions_in(f.file("alone.db")) == 6'000);
}

TEST_CASE("The log begins anew beside a writer that never pauses") {
    sqlite_fixture f;
    std::atomic<bool> done = false;
    std::thread writing([&] {
        for (std::size_t n = 0; n < 12'000; n += 50) fill(*f, n, n + 50);
        done = true;
    });
    while (!done) CHECK(f->checkpoint().has_value());
    writing.join();
    // All that was written takes 97 MB; it begins anew from 32 MB on, when the copying has caught up.
    CHECK(std::filesystem::file_size(f.path() + "-wal") < 80'000'000);
}

TEST_CASE("A view that is open keeps no log for ever where no host checkpoints") {
    sqlite_fixture f;
    for (std::size_t n = 0; n < 6'000; n += 100) {
        fill(*f, n, n + 100);
        CHECK(f.sessions() == static_cast<std::int64_t>(n + 100));
    }
    CHECK(std::filesystem::file_size(f.path() + "-wal") < 12'000'000);
}

TEST_CASE("Once a host checkpoints, commits do it no more") {
    sqlite_fixture f;
    CHECK(f->checkpoint().has_value());
    for (std::size_t n = 0; n < 6'000; n += 100) fill(*f, n, n + 100);
    CHECK(std::filesystem::file_size(f.path() + "-wal") > 12'000'000);
    CHECK(f->checkpoint().has_value());
    fill(*f, 6'000, 6'001);
    // The log has begun anew, so its old length is all it has.
    const auto length = std::filesystem::file_size(f.path() + "-wal");
    fill(*f, 6'001, 6'101);
    CHECK(std::filesystem::file_size(f.path() + "-wal") == length);
}

TEST_CASE("A reader that holds its view holds up neither the writer nor a checkpoint") {
    sqlite_fixture f;
    fill(*f, 0, 10);
    const auto read = f->read([&](reader& in) -> result<> {
        const auto before = in.count(table_of<session>(), {});
        fill(*f, 10, 2'000);
        CHECK(f->checkpoint().has_value());
        const auto after = in.count(table_of<session>(), {});
        CHECK(before.has_value());
        CHECK(after.has_value());
        CHECK(before.value() == 10);
        CHECK(after.value() == 10);
        return {};
    });
    CHECK(read.has_value());
    CHECK(f.sessions() == 2'000);
}
