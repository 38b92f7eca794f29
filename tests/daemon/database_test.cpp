// A store that is not there when the daemon starts.
#include "database.hpp"

#include <future>

#include "api_harness.hpp"
#include "exposition_reader.hpp"
#include "net/background.hpp"
#include "stores.hpp"

using namespace statetrackd;
using namespace statetrackd::testing;
using statetrack::errc;
using statetrack::error;

namespace {

struct late_database {
    database::opener opener() {
        return [this]() -> statetrack::result<std::unique_ptr<statetrack::store>> {
            ++attempts;
            if (attempts < there_at) return error(errc::store_unavailable, "no such disk");
            return statetrack::make_memory_store();
        };
    }

    int attempts = 0;
    int there_at = 3;
    statetrack::manual_clock clock;
    std::unique_ptr<statetrack::id_source> ids = statetrack::make_seeded_ids(1);
    circuit_breaker breaker;
    metrics counted{{}, [] { return std::int64_t{0}; }};
    logger log{clock, {.level = log_level::error}, [](auto) {}};
    database data{
        opener(), {}, {.time = clock, .ids = *ids, .breaker = breaker, .counted = counted, .log = log}};
};

}  // namespace

TEST_CASE("a database that is not there yet is opened by a later attempt") {
    late_database late;
    for (int i = 1; i < late.there_at; ++i) {
        const auto failed = late.data.open();
        REQUIRE_FALSE(failed.has_value());
        CHECK(may_pass(failed.error()));
        CHECK(late.data.tracked() == nullptr);
        CHECK(late.data.keep() == nullptr);
    }
    REQUIRE(late.data.open().has_value());
    CHECK(late.data.keep()->name() == "memory");
    CHECK(late.data.tracked()->health().has_value());
}

TEST_CASE("waiting helps where the store is away, not where the configuration is wrong") {
    CHECK(may_pass(error(errc::store_unavailable)));
    CHECK(may_pass(error(errc::store_full)));
    for (const auto code :
         {errc::store_in_use, errc::schema_too_new, errc::store_corrupt, errc::validation_failed})
        CHECK_FALSE(may_pass(error(code)));
    const auto unknown = open_store("postgresql://localhost/x");
    REQUIRE(unknown.has_error());
    CHECK_FALSE(may_pass(unknown.error()));
}

TEST_CASE("attempts to connect come after one second, then ever later up to thirty") {
    CHECK(connect_delay_ms(1) == 1'000);
    CHECK(connect_delay_ms(2) == 2'000);
    CHECK(connect_delay_ms(5) == 16'000);
    CHECK(connect_delay_ms(6) == connect_delay_ms_max);
    CHECK(connect_delay_ms(1'000'000) == connect_delay_ms_max);
}

TEST_CASE("without a database what needs none answers, the rest is 503, and then all is well") {
    api_harness h;
    auto* const tracked = h.in.tracker.get();
    auto* const keep = h.in.keep.get();
    h.in.tracker = nullptr;
    h.in.keep = nullptr;
    for (const auto* path : {"/health", "/livez"}) CHECK(h.get(path).status == 200);
    CHECK(h.get("/readyz").status == 503);
    CHECK(h.get("/readyz").text_at("code") == "store_unavailable");
    const auto detailed = h.get("/health/detailed");
    CHECK(detailed.status == 503);
    CHECK(detailed["dependencies"].at("database").at("connected") == false);
    CHECK(exposition_reader(h.get("/metrics").text).value("statetrack_store_available") == 0);
    const std::string session = "/api/sessions/4d6f2c1e-9a58-4b7e-8c3d-2f1a0b9c8d7e";
    for (const auto& r : all_routes()) {
        if (!r.uses_store) continue;
        std::string target(r.path);
        if (const auto at = target.find("{id}"); at != std::string::npos)
            target.replace(at, 4, "4d6f2c1e-9a58-4b7e-8c3d-2f1a0b9c8d7e");
        CAPTURE(target);
        const auto refused = h.ask(r.method, target, "{}");
        CHECK(refused.status == 503);
        CHECK(refused.text_at("code") == "store_unavailable");
        CHECK(refused.header("Retry-After") == "2");
    }
    h.in.keep = keep;
    h.in.tracker = tracked;
    CHECK(h.get("/readyz").status == 200);
    CHECK(h.get(session).status == 404);
}

TEST_CASE("the connecting thread attends to the store as soon as it is there") {
    late_database late;
    late.there_at = 1;
    background threads(late.log, &late.counted);
    threads.start();
    std::promise<void> connected;
    threads.connect([&](std::int64_t attempt) {
        CHECK(attempt == 2);
        if (!late.data.open()) return false;
        threads.attend(*late.data.tracked(), *late.data.keep());
        connected.set_value();
        return true;
    });
    connected.get_future().wait();
    threads.stop();
    CHECK(threads.moves() >= 1);
}
