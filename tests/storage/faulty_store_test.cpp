#include "faulty_store.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "printers.hpp"
#include "statetrack/entities.hpp"
#include "statetrack/memory_store.hpp"
#include "statetrack/testing/conformance.hpp"

using namespace statetrack;
using namespace statetrack::testing;

namespace {

// One operation of every verb: what the sweeps fail at each of its calls.
struct operation {
    std::unique_ptr<id_source> ids = make_seeded_ids(5);
    memo first{.name = "first"};
    memo second{.name = "second"};
    session beaten{.session_id = ids->next(), .project_id = "p", .status = session_status::active};
    bool refuse = false;

    unit_of_work unit() {
        return {.body = [this](transaction& tx) -> result<> {
            const auto& memos = table_of<memo>();
            if (auto done = tx.insert(memos, to_row(first)); !done) return done.error();
            if (auto done = tx.insert(memos, to_row(second)); !done) return done.error();
            if (auto done =
                    tx.patch(memos, value{first.name}, 1, std::vector<assignment>{{2, std::int64_t{2}}});
                !done)
                return done;
            if (auto done = tx.erase(memos, value{second.name}); !done) return done;
            if (auto done = tx.beat(std::vector<beat>{{beaten.session_id, {7}, {}, 1, {}}}); !done)
                return done;
            if (auto done = tx.find(memos, value{first.name}); !done) return done.error();
            if (auto done = tx.select(memos, {}); !done) return done.error();
            if (auto done = tx.count(memos, {}); !done) return done.error();
            if (refuse) return error(errc::in_use);
            return {};
        }};
    }
};

void execute(store& on, std::vector<unit_of_work>& units) {
    std::vector<unit_of_work*> group;
    for (auto& one : units) group.push_back(&one);
    on.execute(group);
}

std::int64_t memos_in(store& in) {
    std::int64_t n = -1;
    const auto read = in.read([&](reader& from) -> result<> {
        n = from.count(table_of<memo>(), {}).value();
        return {};
    });
    REQUIRE(read.has_value());
    return n;
}

unit_of_work inserting(std::string name) {
    return {.body = [name](transaction& tx) -> result<> {
        auto done = tx.insert(table_of<memo>(), to_row(memo{.name = name}));
        if (!done) return done.error();
        return {};
    }};
}

}  // namespace

TEST_CASE("Without a fault it is as good a store as the one below it") {
    const store_factory over{.name = "faulty",
                             .open = []() -> result<std::unique_ptr<store>> {
                                 return std::make_unique<faulty_store>(make_memory_store());
                             },
                             .reset = [] {}};
    const auto report = run_conformance(over);
    CHECK_MESSAGE(report.green(), to_string(report));
}

TEST_CASE("A fault at any call of an operation fails it and leaves nothing written") {
    operation op;
    const std::shared_ptr<store> below = make_memory_store();
    faulty_store tested(below);
    std::size_t calls = 0;
    {
        faulty_store counting(make_memory_store());
        std::vector<unit_of_work> units{op.unit()};
        execute(counting, units);
        REQUIRE(units[0].outcome.has_value());
        calls = counting.calls().size();
        CHECK(calls == 10);  // the beginning, eight verbs, the commit
    }
    for (std::size_t n = 1; n <= calls; ++n) {
        tested.fail({.at = n, .with = errc::store_full});
        std::vector<unit_of_work> units{op.unit()};
        execute(tested, units);
        CAPTURE(n);
        REQUIRE(!units[0].outcome.has_value());
        CHECK(units[0].outcome.error().is(errc::store_full));
        CHECK(tested.failed() == 1);
        CHECK(memos_in(*below) == 0);
    }
    tested.fail({.at = calls + 2});  // the read above is no call of this store
    std::vector<unit_of_work> units{op.unit()};
    execute(tested, units);
    CHECK(units[0].outcome.has_value());
    CHECK(memos_in(*below) == 1);
}

TEST_CASE("A commit whose answer is lost has written, and says that nobody knows") {
    const std::shared_ptr<store> below = make_memory_store();
    faulty_store tested(below);
    tested.fail({.of = seam_call::commit, .afterwards = true});
    std::vector<unit_of_work> units;
    units.push_back(inserting("one"));
    units.push_back(inserting("one"));
    units.push_back(inserting("two"));
    execute(tested, units);
    CHECK(units[0].outcome.error().is(errc::commit_unknown));
    CHECK(units[1].outcome.error().is(errc::already_exists));
    CHECK(units[2].outcome.error().is(errc::commit_unknown));
    CHECK(memos_in(*below) == 2);
}

TEST_CASE("A commit that fails writes nothing, and the refused keep their own answer") {
    const std::shared_ptr<store> below = make_memory_store();
    faulty_store tested(below);
    tested.fail({.of = seam_call::commit});
    std::vector<unit_of_work> units;
    units.push_back(inserting("one"));
    units.push_back(inserting("one"));
    execute(tested, units);
    CHECK(units[0].outcome.error().is(errc::store_unavailable));
    CHECK(units[1].outcome.error().is(errc::already_exists));
    CHECK(memos_in(*below) == 0);
    execute(tested, units);
    CHECK(units[0].outcome.has_value());
    CHECK(memos_in(*below) == 1);
}

TEST_CASE("A verb that fails leaves the unit its choice and the neighbours their writes") {
    const std::shared_ptr<store> below = make_memory_store();
    faulty_store tested(below);
    tested.fail({.at = 2, .of = seam_call::insert});
    std::vector<unit_of_work> units;
    for (const char* name : {"one", "two", "three"}) units.push_back(inserting(name));
    execute(tested, units);
    CHECK(units[0].outcome.has_value());
    CHECK(units[1].outcome.error().is(errc::store_unavailable));
    CHECK(units[2].outcome.has_value());
    CHECK(memos_in(*below) == 2);
}

TEST_CASE("A read fails before its body has run, or after") {
    faulty_store tested(make_memory_store());
    for (const bool afterwards : {false, true}) {
        tested.fail({.of = seam_call::read, .afterwards = afterwards});
        bool ran = false;
        const auto read = tested.read([&](reader&) -> result<> {
            ran = true;
            return {};
        });
        CHECK(read.error().is(errc::store_unavailable));
        CHECK(ran == afterwards);
        CHECK(tested.read([](reader&) -> result<> { return {}; }).has_value());
    }
    tested.fail({.of = seam_call::count});
    const auto read = tested.read([](reader& in) -> result<> {
        if (auto counted = in.count(table_of<memo>(), {}); !counted) return counted.error();
        return {};
    });
    CHECK(read.error().is(errc::store_unavailable));
}

TEST_CASE("A store that failed for ever is well again once healed") {
    faulty_store tested(make_memory_store());
    tested.fail({.at = 1, .for_ever = true});
    for (int i = 0; i < 3; ++i) {
        std::vector<unit_of_work> units;
        units.push_back(inserting("one"));
        execute(tested, units);
        CHECK(units[0].outcome.error().is(errc::store_unavailable));
        CHECK(!tested.checkpoint().has_value());
    }
    CHECK(tested.failed() == 6);
    tested.heal();
    CHECK(tested.checkpoint().has_value());
    CHECK(memos_in(tested) == 0);
}
