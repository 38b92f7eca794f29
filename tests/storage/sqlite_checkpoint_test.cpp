// What a checkpoint asks of the disk while commits go on.
#include <algorithm>

#include "crash_image.hpp"
#include "observed_disk.hpp"

using namespace statetrack;
using namespace statetrack::testing;
using kind = disk_event::kind;

namespace {

// A commit of so many sessions, each half a page.
void commit(store& to, std::size_t from, std::size_t count = 1) {
    std::vector<unit_of_work> units;
    for (std::size_t n = from; n < from + count; ++n) {
        auto s = session_number(n);
        s.metadata = json_text::trusted("{\"x\":\"" + std::string(2'000, 'x') + "\"}");
        units.push_back(inserting(s));
    }
    to.execute(all_of(units));
    for (const auto& unit : units) REQUIRE(unit.outcome.has_value());
}

// Of the database's file.
struct writes_seen {
    int all = 0;
    int unsynced = 0;
    int unsynced_most = 0;

    void see(const disk_event& event) {
        if (event.of_log) return;
        if (event.what == kind::write) ++all, unsynced_most = std::max(unsynced_most, ++unsynced);
        if (event.what == kind::sync) unsynced = 0;
    }
};

// The last pass, in the writer's turn, copies and syncs at most 256 pages; those before it 64 at a time.
constexpr int unsynced_max = 64 + 256;
constexpr std::size_t rows = 4'000;

}  // namespace

TEST_CASE(
    "A checkpoint syncs what it has copied a little at a time, so that no commit waits behind all of it") {
    writes_seen seen;
    const observed_disk disk([&](const disk_event& event) {
        seen.see(event);
        return SQLITE_OK;
    });
    sqlite_fixture f;
    REQUIRE(f->checkpoint().has_value());  // from now on the host does it
    for (std::size_t n = 0; n < rows; n += 100) commit(*f, n, 100);
    seen = {};
    REQUIRE(f->checkpoint().has_value());
    CHECK(seen.all > 1'000);
    CHECK(seen.unsynced_most <= unsynced_max);
    CHECK(seen.unsynced == 0);
    CHECK(crash_image(f).number("SELECT count(*) FROM sessions") == rows);
}

TEST_CASE("Commits that come while pages are copied leave no more to sync for the writer's own pass") {
    writes_seen seen;
    sqlite_fixture* committing = nullptr;
    std::size_t n = 0;
    const observed_disk disk([&](const disk_event& event) {
        seen.see(event);
        if (committing && !event.of_log && event.what == kind::write && seen.all % 100 == 0)
            commit(**committing, n++);
        return SQLITE_OK;
    });
    sqlite_fixture f;
    REQUIRE(f->checkpoint().has_value());
    for (; n < rows; n += 100) commit(*f, n, 100);
    seen = {};
    committing = &f;
    REQUIRE(f->checkpoint().has_value());
    committing = nullptr;
    CHECK(n > rows + 10);
    CHECK(seen.all > 1'000);
    CHECK(seen.unsynced_most <= unsynced_max);
    CHECK(f.sessions() == static_cast<std::int64_t>(n));
}

TEST_CASE("A sync that fails within a checkpoint fails it, and the next one copies all of it again") {
    bool fails = false;
    writes_seen seen;
    const observed_disk disk([&](const disk_event& event) {
        seen.see(event);
        return fails && !event.of_log && event.what == kind::sync ? SQLITE_IOERR_FSYNC : SQLITE_OK;
    });
    sqlite_fixture f;
    REQUIRE(f->checkpoint().has_value());
    for (std::size_t n = 0; n < rows; n += 100) commit(*f, n, 100);
    fails = true;
    seen = {};
    CHECK_FALSE(f->checkpoint().has_value());
    CHECK(seen.all == 64);
    fails = false;
    seen = {};
    REQUIRE(f->checkpoint().has_value());
    CHECK(seen.all > 1'000);
    commit(*f, rows);
    CHECK(f.sessions() == rows + 1);
}
