// What stands in the write-ahead log on the disk, and when: nothing is shown to readers before it is there
// and synced, and what could not be written is never acknowledged.
#include <filesystem>
#include <fstream>

#include "crash_image.hpp"
#include "observed_disk.hpp"
#include "sqlite/gathering_vfs.hpp"

using namespace statetrack;
using namespace statetrack::testing;
using kind = disk_event::kind;

namespace {

// Looks at the log whenever readers are shown more of it.
class log_watch {
public:
    explicit log_watch(std::string log) : log_(std::move(log)) {}

    int operator()(const disk_event& event) {
        if (event.what == kind::show) return look(event.shown);
        if (event.of_log && event.what == kind::write) ++writes, ++unsynced_;
        if (event.of_log && event.what == kind::sync) unsynced_ = 0;
        return SQLITE_OK;
    }

    int shown = 0;     // times
    int missing = 0;   // of them: another frame stood there, or none
    int unsynced = 0;  // of them
    int writes = 0;
    std::int64_t frames = 0;

private:
    int look(const shown_frame& now) {
        if (now == last_ || now.number == 0) return SQLITE_OK;
        const bool begun_anew = now.salt != last_.salt;
        frames += begun_anew ? now.number : std::int64_t{now.number} - last_.number;
        last_ = now;
        ++shown;
        if (!holds(now)) ++missing;
        if (unsynced_ > 0) ++unsynced;
        return SQLITE_OK;
    }
    bool holds(const shown_frame& frame) const {
        constexpr std::int64_t log_header_bytes = 32, frame_header_bytes = 24;
        std::array<unsigned char, frame_header_bytes> found{};
        std::ifstream in(log_, std::ios::binary);
        in.seekg(log_header_bytes + (frame.number - 1) * (frame_header_bytes + frame.page_bytes));
        in.read(reinterpret_cast<char*>(found.data()), frame_header_bytes);
        const auto big_endian = [&](std::size_t at) {
            std::uint32_t n = 0;
            for (std::size_t i = 0; i < 4; ++i) n = n << 8 | found[at + i];
            return n;
        };
        return in.good() && std::equal(frame.salt.begin(), frame.salt.end(), found.begin() + 8) &&
               big_endian(16) == frame.checksum[0] && big_endian(20) == frame.checksum[1];
    }

    std::string log_;
    shown_frame last_;
    int unsynced_ = 0;
};

// Commits through the gathering files, with this setting.
log_watch committed_with(const std::string& synchronous) {
    const temp_dir folder;
    const auto path = folder.file("plain.db");
    log_watch watch(path + "-wal");
    const observed_disk disk(std::ref(watch));
    const auto on = needed(sqlite::database::open(
        path, {.flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, .vfs = sqlite::gathering_vfs()}));
    for (const std::string sql : {"PRAGMA journal_mode = WAL", "CREATE TABLE t (a TEXT)"})
        REQUIRE(on.run(sql, "test").has_value());
    REQUIRE(on.run("PRAGMA synchronous = " + synchronous, "test").has_value());
    for (int i = 0; i < 20; ++i)
        REQUIRE(on.run("INSERT INTO t VALUES (hex(randomblob(3000)))", "test").has_value());
    return watch;
}

session large_session(std::size_t n) {
    auto large = session_number(n);
    large.metadata = json_text::trusted("{\"x\":\"" + std::string(400'000, 'x') + "\"}");
    return large;
}

std::int64_t after_a_crash(const sqlite_fixture& f, const std::string& where = "1") {
    return crash_image(f).number("SELECT count(*) FROM sessions WHERE " + where);
}

}  // namespace

TEST_CASE("Readers are shown nothing that does not stand in the log, synced") {
    sqlite_fixture f;
    f.close();
    f.options.cache_kib = 64;  // so small that a large unit is written before it is committed
    log_watch watch(f.path() + "-wal");
    const observed_disk disk(std::ref(watch));
    f.open();
    for (std::size_t n = 1; n <= 60; ++n) {
        std::vector<unit_of_work> units{inserting(n % 10 == 0 ? large_session(n) : session_number(n)),
                                        inserting(session_number(1'000 + n))};
        f->execute(all_of(units));
        for (const auto& unit : units) REQUIRE(unit.outcome.has_value());
        if (n % 7 == 0) REQUIRE(f->checkpoint().has_value());
    }
    CHECK(watch.shown >= 60);
    CHECK(watch.missing == 0);
    CHECK(watch.unsynced == 0);
    // SQLite writes each frame's header and page by themselves.
    CHECK(watch.writes < watch.frames);
}

TEST_CASE(
    "Control: where commits are not synced readers are shown what is not in the log, and it is noticed") {
    const auto full = committed_with("FULL");
    CHECK(full.shown >= 20);
    CHECK(full.missing == 0);
    CHECK(full.unsynced == 0);
    const auto normal = committed_with("NORMAL");
    CHECK(normal.shown >= 20);
    CHECK(normal.missing > 0);
}

TEST_CASE("Whichever write of a commit fails, it is refused, known not to be there, and does not come back") {
    int fails_at = 0;
    for (bool failed = true; failed;) {
        REQUIRE(++fails_at < 100);
        CAPTURE(fails_at);
        int writes_left = 0;
        std::function<void()> at = [] {};
        const observed_disk disk([&](const disk_event& event) {
            at();
            if (event.what != kind::write || !event.of_log || event.zeros) return SQLITE_OK;
            if (writes_left == 0 || --writes_left > 0) return SQLITE_OK;
            failed = true;
            return SQLITE_IOERR_WRITE;
        });
        sqlite_fixture f;
        for (std::size_t n = 1; n <= 5; ++n)
            REQUIRE(write(*f, inserting(session_number(n)).body).has_value());
        failed = false;
        writes_left = fails_at;
        const auto outcome = write(*f, inserting(large_session(6)).body);
        writes_left = 0;
        CHECK(outcome.has_value() == !failed);
        if (!outcome) CHECK_FALSE(outcome.error().is(errc::commit_unknown));
        const std::int64_t kept = failed ? 5 : 6;
        CHECK(f.sessions() == kept);
        CHECK(after_a_crash(f) == kept);
        at = [&] {
            CHECK(after_a_crash(f, "project_id = (SELECT number FROM names WHERE text = 'project 6')") ==
                  kept - 5);
        };
        REQUIRE(write(*f, inserting(session_number(7)).body).has_value());
        at = [] {};
        CHECK(after_a_crash(f) == kept + 1);
        f.open();
        CHECK(f.sessions() == kept + 1);
    }
    CHECK(fails_at > 3);  // the unit is larger than one gathered write
}

TEST_CASE("The log grows in steps, so that most commits leave the file as long as it was") {
    sqlite_fixture f;
    const auto log = f.path() + "-wal";
    int grew = 0;
    for (std::size_t n = 1; n <= 100; ++n) {
        const auto before = std::filesystem::file_size(log);
        REQUIRE(write(*f, inserting(session_number(n)).body).has_value());
        if (std::filesystem::file_size(log) != before) ++grew;
        CHECK(std::filesystem::file_size(log) % (256 * 1024) == 0);
    }
    CHECK(grew >= 1);
    CHECK(grew < 25);
    CHECK(after_a_crash(f) == 100);  // nothing is read out of what lies behind the last frame
}

// A file whose times were looked at since gets a new time with its next write (write_ahead, in
// gathering_vfs.cpp).
TEST_CASE("A commit leaves the log's size unasked for") {
    int asked = 0;
    const observed_disk disk([&](const disk_event& event) {
        if (event.of_log && event.what == kind::size) ++asked;
        return SQLITE_OK;
    });
    sqlite_fixture f;
    asked = 0;
    for (std::size_t n = 1; n <= 100; ++n) REQUIRE(write(*f, inserting(session_number(n)).body).has_value());
    CHECK(asked < 25);  // as often as it grows
}

TEST_CASE("Where there is no room behind the log a commit is none the worse") {
    int refused = 0;
    const observed_disk disk([&](const disk_event& event) {
        if (!event.of_log || !event.zeros) return SQLITE_OK;
        return ++refused % 2 == 0 ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    });
    sqlite_fixture f;
    for (std::size_t n = 1; n <= 20; ++n) {
        REQUIRE(write(*f, inserting(session_number(n)).body).has_value());
        CHECK(after_a_crash(f) == static_cast<std::int64_t>(n));
    }
    CHECK(refused >= 20);
    f.open();
    CHECK(f.sessions() == 20);
}

TEST_CASE("A commit whose sync fails is not acknowledged") {
    bool fails = false;
    const observed_disk disk([&](const disk_event& event) {
        return fails && event.of_log && event.what == kind::sync ? SQLITE_IOERR_FSYNC : SQLITE_OK;
    });
    sqlite_fixture f;
    fails = true;
    const auto outcome = write(*f, inserting(session_number(1)).body);
    fails = false;
    REQUIRE(!outcome.has_value());
    CHECK(outcome.error().is(errc::commit_unknown));
    REQUIRE(write(*f, inserting(session_number(2)).body).has_value());
    CHECK(f.sessions() == 1);
}
