#include "api_harness.hpp"
#include "outage_store.hpp"

using namespace statetrackd;
using namespace statetrackd::testing;

namespace {

std::vector<route> failing_routes() {
    return {
        {.method = verb::get,
         .path = "/read",
         .where = lane::reader,
         .handler = answering([](auto&, auto&) -> response { throw std::runtime_error("secret detail"); })},
        {.method = verb::get,
         .path = "/memory",
         .where = lane::memory,
         .handler = answering([](auto&, auto&) -> response { throw std::runtime_error("secret detail"); })},
        {.method = verb::post,
         .path = "/write",
         .where = lane::queue,
         .handler = queueing([](const exchange&) { throw std::runtime_error("secret detail"); })}};
}

}  // namespace

TEST_CASE("without a key nothing but the probes answers, and the three refusals differ") {
    api_harness h;
    const auto ask = [&](const char* target, request_fields fields) {
        return h.ask(request{.target = target, .fields = std::move(fields)});
    };
    CHECK(ask("/health", {}).status == 200);
    CHECK(ask("/livez", {}).status == 200);
    CHECK(ask("/readyz", {}).status == 200);
    const auto missing = ask("/api/sessions", {});
    CHECK(missing.status == 401);
    CHECK(missing.text_at("message") == "API key required");
    CHECK(missing.text_at("code") == "unauthorized");
    CHECK(missing.header("WWW-Authenticate") == "Bearer");
    CHECK(ask("/health/detailed", {.api_key = "x"}).text_at("message") == "Malformed API key");
    const auto unknown =
        ask("/api/sessions", {.authorization = "Bearer 99999999-2222-4333-8444-555555555555"});
    CHECK(unknown.text_at("message") == "Invalid API key");
    CHECK(unknown.text.find("99999999") == std::string::npos);
    CHECK(ask("/api/sessions", {.authorization = "Bearer " + test_key}).status == 200);
}

TEST_CASE("a refused key is logged by its first characters only") {
    api_harness h;
    h.ask(request{.target = "/api/sessions",
                  .fields = {.api_key = "99999999-2222-4333-8444-555555555555"},
                  .remote = "192.0.2.9"});
    h.post("/api/sessions", "{}");
    const auto logged = h.end_log();
    CHECK(logged.find("\"key\":\"9999****\"") != std::string::npos);
    CHECK(logged.find("192.0.2.9") != std::string::npos);
    CHECK(logged.find("99999999-") == std::string::npos);
    CHECK(logged.find(test_key) == std::string::npos);
    CHECK(logged.find("\"key\":\"ci\"") != std::string::npos);
}

TEST_CASE("every error has one shape, RFC 9457 members included") {
    api_harness h;
    const auto wrong = h.get("/api/nowhere?x=1", {.request_id = "abc"});
    CHECK(wrong.status == 404);
    CHECK(wrong.content_type == "application/json");
    CHECK(wrong["statusCode"] == 404);
    CHECK(wrong["error"] == "Not Found");
    CHECK(wrong["path"] == "/api/nowhere");
    CHECK(wrong["request_id"] == "abc");
    CHECK(wrong["timestamp"] == "2026-01-19T10:00:00.000Z");
    CHECK(wrong["details"].as_array().empty());
    CHECK(wrong["status"] == 404);
    CHECK(wrong["title"] == "Not Found");
    CHECK(wrong["detail"] == wrong["message"]);
    CHECK(wrong["type"] == "urn:statetrack:problem:not_found");
    CHECK(wrong["instance"] == "urn:statetrack:request:abc");
    for (const auto* accept : {"application/problem+json", "text/html, Application/Problem+JSON; q=0.5"})
        CHECK(h.get("/x", {.accept = accept}).content_type == "application/problem+json");
    for (const auto* accept : {"*/*", "application/json", "application/problem+json;q=0",
                               "application/problem+json; q=0.0, */*", "application/problem+jsonx"})
        CHECK(h.get("/x", {.accept = accept}).content_type == "application/json");
}

TEST_CASE("a known path with another method says which it knows") {
    api_harness h;
    const auto wrong = h.post("/health");
    CHECK(wrong.status == 405);
    CHECK(wrong.text_at("code") == "method_not_allowed");
    CHECK(wrong.header("Allow") == "GET, HEAD, OPTIONS");
    const auto options = h.ask(request{.method = verb::options, .target = "/api/sessions"});
    CHECK(options.status == 204);
    CHECK(options.header("Allow") == "GET, HEAD, POST, OPTIONS");
    CHECK(h.ask(request{.method = verb::options, .target = "/nowhere"}).status == 404);
    CHECK(h.get("/%zz").status == 400);
}

TEST_CASE("every response carries its request id and the common fields") {
    api_harness h;
    const auto own = h.get("/api/sessions", {.request_id = "my-id"});
    CHECK(own.header("X-Request-Id") == "my-id");
    CHECK(own.header("X-Content-Type-Options") == "nosniff");
    CHECK(own.header("Cache-Control") == "no-store");
    const auto made = h.get("/health", {.request_id = "not sane"});
    CHECK(statetrack::parse_uuid_v4(made.header("X-Request-Id")).has_value());
}

TEST_CASE("a handler that throws is a 500 that tells nothing of why") {
    const auto routes = failing_routes();
    api_harness h(statetrack::make_memory_store(), routes);
    for (const auto& failed : {h.get("/read"), h.get("/memory"), h.post("/write")}) {
        CHECK(failed.status == 500);
        CHECK(failed.text_at("code") == "internal_error");
        CHECK(failed.text.find("secret") == std::string::npos);
    }
}

TEST_CASE("a store that fails is a 503 that says when to try again, and nothing of what is inside") {
    auto kept = std::make_unique<statetrack::testing::outage_store>(statetrack::make_memory_store());
    auto& store = *kept;
    api_harness h(std::move(kept));
    const auto path = h.create();
    store.down = true;
    for (const auto& failed : {h.post("/api/sessions", R"({"project_id":"q","machine_id":"n"})"), h.get(path),
                               h.get("/api/sessions"), h.post(path + "/heartbeat")}) {
        CHECK(failed.status == 503);
        CHECK(failed.text_at("code") == "store_unavailable");
        CHECK_FALSE(failed.header("Retry-After").empty());
        CHECK(failed.text.find("switched off") == std::string::npos);
    }
    CHECK(h.get("/livez").status == 200);
    CHECK(h.get("/readyz").status == 503);
    const auto unwell = h.get("/health/detailed");
    CHECK(unwell.status == 503);
    CHECK(unwell["status"] == "error");
    CHECK(unwell["dependencies"].at("database").at("connected") == false);

    store.down = false;
    CHECK(h.post(path + "/heartbeat").status == 200);
    CHECK(h.get("/readyz").status == 200);
    // Whoever runs the daemon is told.
    CHECK(h.end_log().find("switched off") != std::string::npos);
}

TEST_CASE("a store that does not keep up takes no more writes than it can bear") {
    api_harness h;
    std::vector<std::function<void(response)>> held;
    const std::vector<route> routes = {
        {.method = verb::post,
         .path = "/write",
         .where = lane::queue,
         .handler = queueing([&](const exchange& x) {
             held.push_back([asked = x.asked](response r) { asked->answer(std::move(r)); });
         }),
         .open = true}};
    const dispatcher narrow(
        h.in, routes, [](auto) { return false; }, 2);
    std::vector<std::shared_ptr<one_answer>> answers;
    const auto ask = [&] {
        narrow.run(narrow.admit({.method = verb::post, .target = "/write"}),
                   answers.emplace_back(std::make_shared<one_answer>()), 0);
    };
    const auto status = [&](std::size_t n) { return answers[n]->made ? answers[n]->made->status : 0; };
    ask();
    ask();
    CHECK(status(0) == 0);
    CHECK(status(1) == 0);
    ask();
    CHECK(status(2) == 503);
    held.back()(response{});
    CHECK(status(1) == 200);
    ask();
    CHECK(status(3) == 0);
    CHECK(held.size() == 3);
}

TEST_CASE("readiness ends where draining begins, liveness does not") {
    api_harness h;
    h.in.draining = true;
    const auto ready = h.get("/readyz");
    CHECK(ready.status == 503);
    CHECK(ready.text_at("code") == "draining");
    CHECK(h.get("/livez").status == 200);
}

TEST_CASE("the detailed health shows the store and the jobs") {
    api_harness h;
    h.tracked->sweep();
    h.clock.advance(5'000);
    const auto well = h.get("/health/detailed");
    CHECK(well.status == 200);
    CHECK(well["status"] == "ok");
    CHECK(well["uptime"] == 5);
    CHECK(well["environment"] == "test");
    CHECK(well["dependencies"].at("database").at("connected") == true);
    CHECK(well["dependencies"].at("background_jobs").at("jobs").as_array().size() == 4);

    // No sweep for eleven minutes.
    h.clock.advance(11 * 60'000);
    const auto late = h.get("/health/detailed");
    CHECK(late.status == 200);
    CHECK(late["status"] == "degraded");
    CHECK(late["dependencies"].at("background_jobs").at("status") == "degraded");
}
