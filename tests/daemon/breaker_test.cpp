// A store that fails: when it is left alone, when it is tried again, and what that costs whom.
#include <atomic>

#include "api_harness.hpp"
#include "exposition_reader.hpp"
#include "guard/circuit_breaker.hpp"
#include "guard/guarded_store.hpp"
#include "hooked_store.hpp"
#include "outage_store.hpp"

using namespace statetrackd;
using namespace statetrackd::testing;
using statetrack::instant;

namespace {

using permission = circuit_breaker::permission;
using circuit_change = circuit_breaker::change;

circuit_change fail(circuit_breaker& b, std::int64_t at_ms) {
    REQUIRE(b.ask({at_ms}) == permission::usual);
    return b.report(permission::usual, false, {at_ms});
}

void open(circuit_breaker& b, std::int64_t at_ms) {
    for (std::size_t i = 1; i < failures_to_open; ++i) CHECK(fail(b, at_ms) == circuit_change::none);
    CHECK(fail(b, at_ms) == circuit_change::opened);
}

// Counts the calls that reach it.
class counted_outage final : public statetrack::store {
public:
    void execute(std::span<statetrack::unit_of_work* const> group) override {
        ++calls;
        inner.execute(group);
    }
    statetrack::result<> read(const std::function<statetrack::result<>(statetrack::reader&)>& body) override {
        ++calls;
        return inner.read(body);
    }
    statetrack::result<> checkpoint() override { return inner.checkpoint(); }
    std::string_view name() const noexcept override { return "counted"; }

    statetrack::testing::outage_store inner{statetrack::make_memory_store()};
    std::atomic<int> calls = 0;
};

// The API over a guarded store.
struct guarded_api {
    guarded_api()
        : quiet(time, {.level = log_level::error}, [](auto) {}),
          h(std::make_unique<guarded_store>(below, breaker, h_clock, quiet)) {
        h.in.breaker = &breaker;
    }

    void advance(std::int64_t ms) {
        h.clock.advance(ms);
        h_clock.advance(ms);
    }
    void run_for(std::int64_t seconds) {
        for (std::int64_t s = 0; s < seconds; ++s) {
            advance(1'000);
            h.tracked->sweep();
        }
    }
    void break_down() {
        below.inner.down = true;
        for (std::size_t i = 0; i < failures_to_open; ++i) CHECK(h.get("/api/sessions").status == 503);
        REQUIRE(breaker.is_open());
    }

    statetrack::manual_clock time, h_clock;
    logger quiet;
    circuit_breaker breaker;
    counted_outage below;
    api_harness h;
};

}  // namespace

TEST_CASE("five failures within a minute open the circuit, five within more do not") {
    circuit_breaker slow;
    for (std::int64_t i = 0; i < 20; ++i) CHECK(fail(slow, i * 15'001) == circuit_change::none);
    CHECK_FALSE(slow.is_open());
    circuit_breaker quick;
    for (std::int64_t i = 0; i < 4; ++i) CHECK(fail(quick, i * 15'000) == circuit_change::none);
    // What goes well in between does not make the failures undone.
    CHECK(quick.report(permission::usual, true, {55'000}) == circuit_change::none);
    CHECK(fail(quick, 60'000) == circuit_change::opened);
    CHECK(quick.is_open());
}

TEST_CASE("an open circuit refuses for thirty seconds, then lets one call through") {
    circuit_breaker b;
    open(b, 1'000);
    CHECK(b.ask({1'000}) == permission::refused);
    CHECK(b.retry_after_s({1'000}) == 30);
    CHECK(b.ask({30'999}) == permission::refused);
    CHECK(b.retry_after_s({30'999}) == 1);
    CHECK(b.ask({31'000}) == permission::trial);
    CHECK(b.ask({31'000}) == permission::refused);
    CHECK(b.is_open());
    CHECK(b.retry_after_s({90'000}) == 1);
}

TEST_CASE("a trial that fails opens for as long again, one that succeeds closes") {
    circuit_breaker b;
    open(b, 0);
    REQUIRE(b.ask({30'000}) == permission::trial);
    CHECK(b.report(permission::trial, false, {31'000}) == circuit_change::none);
    CHECK(b.ask({60'999}) == permission::refused);
    REQUIRE(b.ask({61'000}) == permission::trial);
    CHECK(b.report(permission::trial, true, {61'000}) == circuit_change::closed);
    CHECK(b.ask({61'000}) == permission::usual);
    // It begins to count anew.
    open(b, 61'001);
}

TEST_CASE("what a call of before the opening reports late decides nothing") {
    circuit_breaker b;
    open(b, 0);
    CHECK(b.report(permission::usual, true, {1'000}) == circuit_change::none);
    CHECK(b.report(permission::usual, false, {29'000}) == circuit_change::none);
    CHECK(b.is_open());
    CHECK(b.ask({30'000}) == permission::trial);
}

TEST_CASE("a store is left alone by its guard, refused input, a full disk and a broken row are no failures") {
    using namespace statetrack;
    manual_clock time;
    logger quiet(time, {.level = log_level::error}, [](auto) {});
    circuit_breaker b;
    counted_outage below;
    guarded_store guarded(below, b, time, quiet);
    for (int i = 0; i < 20; ++i)
        for (const auto code : {errc::not_found, errc::place_taken, errc::store_full, errc::store_corrupt})
            CHECK_FALSE(guarded.read([&](auto&) -> result<> { return error(code); }).has_value());
    CHECK_FALSE(b.is_open());

    below.inner.down = true;
    unit_of_work unit{.body = [](transaction&) -> result<> { return {}; }};
    unit_of_work* const group[] = {&unit};
    for (std::size_t i = 0; i < failures_to_open; ++i) guarded.execute(group);
    const int calls = below.calls;
    guarded.execute(group);
    CHECK(unit.outcome.error().is(errc::store_unavailable));
    CHECK(guarded.read([](auto&) -> result<> { return {}; }).error().is(errc::store_unavailable));
    CHECK(guarded.find(table_of<session>(), uuid{}).error().is(errc::store_unavailable));
    CHECK(below.calls == calls);

    below.inner.down = false;
    time.advance(open_for_ms);
    CHECK(guarded.find(table_of<session>(), uuid{}).error().is(errc::store_unavailable));
    CHECK(guarded.read([](auto&) -> result<> { return {}; }).has_value());
    CHECK_FALSE(b.is_open());
}

TEST_CASE("a trial that throws has failed and is followed by another") {
    using namespace statetrack;
    manual_clock time;
    logger quiet(time, {.level = log_level::error}, [](auto) {});
    circuit_breaker b;
    std::shared_ptr<store> inner = make_memory_store();
    statetrack::testing::hooked_store throwing(
        inner, {.read = [](store&, const auto&) -> result<> { throw std::runtime_error("x"); }});
    guarded_store guarded(throwing, b, time, quiet);
    const auto read = [&] { return guarded.read([](auto&) -> result<> { return {}; }); };
    for (std::size_t i = 0; i < failures_to_open; ++i) CHECK_THROWS(read());
    CHECK(b.is_open());
    time.advance(open_for_ms);
    CHECK_THROWS(read());
    CHECK(b.ask(time.read().age) == permission::refused);
    time.advance(open_for_ms);
    CHECK(b.ask(time.read().age) == permission::trial);
}

TEST_CASE("while the circuit is open the API answers 503 at once, says when to come back, and asks nobody") {
    guarded_api g;
    auto& h = g.h;
    const auto path = h.create();
    g.break_down();
    const int calls = g.below.calls;
    g.advance(12'000);
    for (const auto& refused : {h.get(path), h.get("/api/sessions"), h.post(path + "/heartbeat"),
                                h.post("/api/tasks", "{}"), h.post("/api/sessions/detect-failures")}) {
        CHECK(refused.status == 503);
        CHECK(refused.text_at("code") == "store_unavailable");
        CHECK(refused.header("Retry-After") == "18");
    }
    CHECK(g.below.calls == calls);
    CHECK(h.get("/livez").status == 200);
    CHECK(h.get("/readyz").status == 503);
    CHECK(h.get("/health/detailed")["status"] == "error");
    CHECK(exposition_reader(h.get("/metrics").text).value("statetrack_store_circuit_open") == 1);

    g.below.inner.down = false;
    g.run_for(20);
    CHECK_FALSE(g.breaker.is_open());
    CHECK(h.get("/readyz").status == 200);
    CHECK(h.post(path + "/heartbeat").status == 200);
}

TEST_CASE("the sweep tries the store by itself, once in thirty seconds") {
    guarded_api g;
    g.break_down();
    const int calls = g.below.calls;
    g.run_for(95);
    CHECK(g.below.calls == calls + 3);
}

TEST_CASE("a beat refused by the open circuit proves life, and is written when the store is back") {
    guarded_api g;
    auto& h = g.h;
    const auto beating = h.create("p", "m");
    const auto id = *statetrack::parse_uuid(beating.substr(beating.rfind('/') + 1));
    g.run_for(5);
    g.break_down();
    g.run_for(10);
    const auto heard_at = h.tracked->now();
    CHECK(h.post(beating + "/heartbeat").status == 503);
    g.run_for(10);
    g.below.inner.down = false;
    g.run_for(20);
    REQUIRE_FALSE(g.breaker.is_open());
    const auto found = h.tracked->find_session(id);
    REQUIRE(found.has_value());
    CHECK(found->row.last_heartbeat == heard_at);
}

TEST_CASE("an outage counts as our absence: nobody is stalled before the detector has listened anew") {
    guarded_api g;
    auto& h = g.h;
    const auto path = h.create("p", "m");
    g.run_for(120);
    g.break_down();
    // Silent for much longer than the threshold, but it could not have been served either.
    g.run_for(600);
    g.below.inner.down = false;
    g.run_for(31);
    REQUIRE_FALSE(g.breaker.is_open());
    const auto explained = h.get(path + "/explain");
    CHECK(explained.text.find("\"why\":\"store_unavailable\"") != std::string::npos);
    CHECK(h.get(path)["status"] == "active");
    CHECK(h.get(path + "/health")["is_stalled"] == false);
    // Then silence is silence again.
    g.run_for(181);
    CHECK(h.get(path)["status"] == "stalled");
}

TEST_CASE("calls that are not answered in time open the circuit, what operators ask for does not") {
    guarded_api g;
    auto& h = g.h;
    const auto wait_in_vain = [&](verb method, const char* target) {
        const auto asked = h.answers->admit(
            {.method = method, .target = target, .fields = {.api_key = test_key}, .remote = "192.0.2.1"});
        CHECK(h.answers->give_up(*asked).status == 504);
    };
    for (int i = 0; i < 10; ++i) wait_in_vain(verb::post, "/api/sessions/detect-failures");
    for (int i = 0; i < 10; ++i) wait_in_vain(verb::get, "/health/detailed");
    CHECK_FALSE(g.breaker.is_open());
    for (std::size_t i = 0; i < failures_to_open; ++i) wait_in_vain(verb::get, "/api/sessions");
    CHECK(g.breaker.is_open());
    CHECK(h.get("/api/sessions").status == 503);
}
