// What a SQLite store answers from memory, and the view that one read leaves to the next.
#include <filesystem>

#include "sqlite_fixture.hpp"

using namespace statetrack;
using namespace statetrack::testing;

namespace {

std::optional<std::int64_t> counted_at_once(store& from, session_status status) {
    const condition in_status{column_of<&session::status>(), {std::string(enum_name(status))}};
    std::optional<std::int64_t> count;
    (void)from.read_at_once([&](reader& in) -> result<> {
        const auto n = in.count(table_of<session>(), {&in_status, 1});
        if (!n) return n.error();
        count = *n;
        return {};
    });
    return count;
}

void insert_sessions(store& to, std::size_t from, std::size_t end) {
    std::vector<unit_of_work> units;
    for (std::size_t n = from; n < end; ++n) units.push_back(inserting(session_number(n)));
    to.execute(all_of(units));
    for (const auto& unit : units) REQUIRE(unit.outcome.has_value());
}

result<> set_version(store& in, const uuid& id, std::int64_t to) {
    return write(in, [&](transaction& tx) {
        const assignment change{column_of<&session::version>(), to};
        return tx.patch(table_of<session>(), id, {}, {&change, 1});
    });
}

}  // namespace

TEST_CASE(
    "A session that was read is answered at once, and one that was written as soon as it is committed") {
    sqlite_fixture f;
    insert_sessions(*f, 0, 2);
    const auto id = session_number(0).session_id;
    CHECK(at_once(*f, id)->version == 1);
    f.open();
    CHECK_FALSE(at_once(*f, id));
    REQUIRE(needed(f->find(table_of<session>(), id)).has_value());
    CHECK(at_once(*f, id)->version == 1);
    CHECK_FALSE(at_once(*f, session_number(1).session_id));

    REQUIRE(write(*f, [&](transaction& tx) {
                const struct beat one {
                    .key = id, .last_heartbeat = { 77 }
                };
                return tx.beat({&one, 1});
            }).has_value());
    CHECK(at_once(*f, id)->last_heartbeat.ms == 77);

    REQUIRE(set_version(*f, id, 2).has_value());
    CHECK(at_once(*f, id)->version == 2);
    CHECK(at_once(*f, id)->last_heartbeat.ms == 77);
    // Of one that is not in memory nothing is known but what was changed.
    REQUIRE(set_version(*f, session_number(1).session_id, 2).has_value());
    CHECK_FALSE(at_once(*f, session_number(1).session_id));
}

TEST_CASE("A row that was read while it was being written is not kept as it was read") {
    sqlite_fixture f;
    insert_sessions(*f, 0, 1);
    const auto id = session_number(0).session_id;
    const auto written = write(*f, [&](transaction& tx) -> result<> {
        const assignment change{column_of<&session::version>(), std::int64_t{2}};
        if (auto done = tx.patch(table_of<session>(), id, {}, {&change, 1}); !done) return done;
        CHECK(from_row<session>(needed(f->find(table_of<session>(), id))->values).version == 1);
        return {};
    });
    REQUIRE(written.has_value());
    CHECK(at_once(*f, id)->version == 2);
    CHECK(from_row<session>(needed(f->find(table_of<session>(), id))->values).version == 2);
}

TEST_CASE("Sessions in a state are counted at once, of what is committed, and again after opening") {
    sqlite_fixture f;
    CHECK(counted_at_once(*f, session{}.status) == 0);
    insert_sessions(*f, 0, 5);
    CHECK(counted_at_once(*f, session{}.status) == 5);
    const auto refused = write(*f, [&](transaction& tx) -> result<> {
        if (auto done = tx.insert(table_of<session>(), to_row(session_number(9))); !done) return done.error();
        CHECK(counted_at_once(*f, session{}.status) == 5);
        return error(errc::in_use);
    });
    CHECK_FALSE(refused.has_value());
    CHECK(counted_at_once(*f, session{}.status) == 5);
    f.open();
    CHECK(counted_at_once(*f, session{}.status) == 5);
    CHECK(counted_at_once(*f, session_status::failed) == 0);
}

TEST_CASE("The view that a read leaves open does not keep the log from beginning anew") {
    sqlite_fixture f;
    CHECK(f->checkpoint().has_value());
    std::uintmax_t longest = 0;
    for (std::size_t round = 0; round < 6; ++round) {
        insert_sessions(*f, round * 2'000, round * 2'000 + 2'000);
        CHECK(f.sessions() == static_cast<std::int64_t>(round * 2'000 + 2'000));
        CHECK(f->checkpoint().has_value());
        const auto length = std::filesystem::file_size(f.path() + "-wal");
        if (round < 2) longest = std::max(longest, length);
        CHECK(length <= 2 * longest);
    }
}

TEST_CASE("A read sees what was committed since the one before it") {
    sqlite_fixture f;
    for (std::int64_t n = 0; n < 20; ++n) {
        CHECK(f.sessions() == n);
        CHECK(f.sessions() == n);
        insert_sessions(*f, static_cast<std::size_t>(n), static_cast<std::size_t>(n) + 1);
    }
}
