// Databases of older versions: what this release makes of them, and that nothing is lost where it cannot.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "sqlite_fixture.hpp"
#include "statetrack/verify.hpp"

using namespace statetrack;
using namespace statetrack::testing;

namespace {

std::string text_of(const std::string& path) {
    std::ifstream in(path);
    REQUIRE_MESSAGE(in.good(), path);
    return {std::istreambuf_iterator<char>(in), {}};
}

// Everything that SQLite was told to make.
std::string schema_of(const std::string& path) {
    const auto on = needed(sqlite::database::open(path, {}));
    return needed(on.text(
        "SELECT group_concat(sql, char(10)) FROM (SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER "
        "BY type, name)",
        "test"));
}

}  // namespace

TEST_CASE("A database of every older version becomes one of this, with all that it held") {
    const temp_dir folder;
    const std::string fresh = folder.file("fresh.db");
    needed(open_sqlite_store({.path = fresh})).reset();
    for (std::int64_t version = 1; version < schema_version; ++version) {
        CAPTURE(version);
        const std::string path = folder.file("version " + std::to_string(version) + ".db");
        {
            const auto made =
                needed(sqlite::database::open(path, {.flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE}));
            const auto sql = text_of(std::string(STATETRACK_TEST_DATABASES "/version-") +
                                     std::to_string(version) + ".sql");
            REQUIRE(made.run(sql, "making an older database").has_value());
        }
        const auto store = needed(open_sqlite_store({.path = path}));
        const auto found = needed(verify(*store));
        for (const auto& problem : found.broken) FAIL_CHECK(problem);
        CHECK(found.sessions == 10);
        CHECK(found.tasks == 16);
        CHECK(found.machines == 2);
        CHECK(found.events == 32);
        CHECK(schema_of(path) == schema_of(fresh));
        CHECK(std::filesystem::exists(path + "-version-" + std::to_string(version)));
    }
}

TEST_CASE("An older version is kept beside and migrated in one transaction, counts included") {
    sqlite_fixture f;
    REQUIRE(write(*f, inserting(session_number(1)).body).has_value());
    f.close();
    const std::string kept = f.path() + "-version-" + std::to_string(schema_version);
    const sql::schema_target next{
        .version = schema_version + 2,
        .steps = {{schema_version + 1, {"CREATE TABLE extra (x INTEGER) STRICT"}},
                  {schema_version + 2, {"INSERT INTO extra VALUES (1)", "DELETE FROM tallies"}}}};
    {
        auto migrated = needed(sqlite::open_sqlite_store_at(f.options, next));
        CHECK(write(*migrated, inserting(session_number(2)).body).has_value());
    }
    CHECK(f.number("SELECT count(*) FROM extra") == 1);
    CHECK(f.number("PRAGMA user_version") == schema_version + 2);
    CHECK(f.number("SELECT n FROM tallies WHERE tally = 0") == 2);
    is_refused(f.options, errc::schema_too_new, {});
    CHECK(mode_of(kept) == 0600);
    const auto old = needed(open_sqlite_store({.path = kept}));
}

TEST_CASE("A migration that fails changes nothing, and one without a way is refused") {
    sqlite_fixture f;
    REQUIRE(write(*f, inserting(session_number(1)).body).has_value());
    f.close();
    sql::schema_target broken{
        .version = schema_version + 1,
        .steps = {{schema_version + 1, {"CREATE TABLE extra (x)", "INSERT INTO nowhere"}}}};
    SUBCASE("a step fails") {}
    SUBCASE("a step leaves rows that name what is not there") {
        broken.steps[0].statements = {
            "INSERT INTO tasks SELECT 1, zeroblob(16), zeroblob(16), 1, NULL, 't', "
            "0, NULL, NULL, NULL, '{}', NULL, 1, 1, 0, 0"};
    }
    SUBCASE("a step is missing") { broken.version = schema_version + 2; }
    const auto refused = sqlite::open_sqlite_store_at(f.options, broken);
    REQUIRE(!refused.has_value());
    CHECK(refused.error().detail.find("migrating") != std::string::npos);
    f.open();
    CHECK(f.sessions() == 1);
    CHECK(f.number("SELECT count(*) FROM sqlite_schema WHERE name = 'extra'") == 0);
}
