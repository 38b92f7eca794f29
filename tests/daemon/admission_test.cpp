#include "api_harness.hpp"

using namespace statetrackd;
using namespace statetrackd::testing;

namespace {}  // namespace

TEST_CASE("a reader reads, a client does what agents do, an admin does all") {
    api_harness h;
    h.set_keys("root=" + test_key + ",board:read=" + reader_key + ",agent:client=" + client_key);
    const auto path = h.create();
    const auto status = [&](verb method, const std::string& target, const std::string& key) {
        return h.ask(method, target, {}, {.api_key = key}).status;
    };
    CHECK(status(verb::get, path, reader_key) == 200);
    CHECK(status(verb::head, path, reader_key) == 200);
    CHECK(status(verb::post, path + "/heartbeat", reader_key) == 403);
    CHECK(status(verb::post, path + "/heartbeat", client_key) == 200);
    CHECK(status(verb::post, "/api/sessions/cleanup", client_key) == 403);
    CHECK(status(verb::del, "/api/sessions/cleanup", client_key) == 403);
    CHECK(status(verb::post, "/api/sessions/detect-failures", client_key) == 403);
    CHECK(status(verb::post, "/api/sessions/detect-failures", test_key) == 200);
    CHECK(status(verb::del, path, client_key) == 403);
    CHECK(status(verb::del, path, test_key) == 204);
}

TEST_CASE("a 403 says which role the key has and which it would need") {
    api_harness h;
    h.set_keys("board:read=" + reader_key);
    const auto refused = h.ask(verb::post, "/api/sessions", "{}", {.api_key = reader_key});
    CHECK(refused.status == 403);
    CHECK(refused.text_at("code") == "forbidden");
    CHECK(refused.text_at("error") == "Forbidden");
    CHECK(refused.text_at("message") == "this key has the role read, this request needs client");
}

TEST_CASE("of 110 requests in a minute exactly the last 10 are refused, and the session still beats") {
    api_harness h;
    const auto path = h.create();
    h.limit({});
    for (int i = 1; i <= 110; ++i) {
        CAPTURE(i);
        const auto got = h.get(path);
        REQUIRE(got.status == (i <= 100 ? 200 : 429));
        CHECK(got.header("X-RateLimit-Limit") == "100");
        CHECK(got.header("X-RateLimit-Remaining") == std::to_string(std::max(100 - i, 0)));
        CHECK(got.header("X-RateLimit-Reset") == "1768816860");
        if (i > 100) {
            CHECK(got.text_at("code") == "rate_limited");
            CHECK(got.header("Retry-After") == std::to_string(60 - (i - 1) / 4));
        } else {
            CHECK(got.header("Retry-After").empty());
        }
        const auto beat = h.post(path + "/heartbeat");
        REQUIRE(beat.status == 200);
        CHECK(beat.header("X-RateLimit-Limit") == "600");
        CHECK(beat.header("X-RateLimit-Remaining") == std::to_string(600 - i));
        if (i % 4 == 0) h.clock.advance(1'000);
    }
    h.clock.advance(60'000 - 27'000);
    const auto next_window = h.get(path);
    CHECK(next_window.status == 200);
    CHECK(next_window.header("X-RateLimit-Remaining") == "99");
}

TEST_CASE("each key has its own budget, whichever field it comes in") {
    api_harness h;
    h.set_keys("a=" + test_key + ",b=" + client_key);
    h.limit({.requests = 2});
    CHECK(h.get("/api/sessions").status == 200);
    CHECK(h.get("/api/sessions", {.authorization = "Bearer " + test_key}).status == 200);
    CHECK(h.get("/api/sessions").status == 429);
    CHECK(h.get("/api/sessions", {.api_key = client_key}).status == 200);
}

TEST_CASE("what no key is needed for uses no budget, and says none") {
    api_harness h;
    h.limit({.requests = 1});
    for (int i = 0; i < 5; ++i) {
        const auto got = h.get("/health");
        CHECK(got.status == 200);
        CHECK(got.header("X-RateLimit-Limit").empty());
    }
    CHECK(h.get("/api/sessions").header("X-RateLimit-Remaining") == "0");
}

TEST_CASE("a request that its role refuses uses the key's budget, never the session's") {
    api_harness h;
    h.set_keys("root=" + test_key + ",board:read=" + reader_key);
    const auto path = h.create();
    h.limit({.requests = 2, .heartbeats = 1});
    const auto as_reader = [&] {
        return h.ask(verb::post, path + "/heartbeat", {}, {.api_key = reader_key});
    };
    CHECK(as_reader().status == 403);
    CHECK(as_reader().status == 403);
    CHECK(as_reader().status == 429);
    CHECK(h.post(path + "/heartbeat").status == 200);
}

TEST_CASE("sessions beat in budgets of their own, and what names no session uses the key's") {
    api_harness h;
    const auto one = h.create("p"), other = h.create("q");
    h.limit({.requests = 1, .heartbeats = 1});
    CHECK(h.post(one + "/heartbeat").status == 200);
    const auto throttled = h.post(one + "/heartbeat");
    CHECK(throttled.status == 429);
    CHECK(throttled.header("Retry-After") == "60");
    CHECK(throttled.header("X-RateLimit-Limit") == "1");
    CHECK(h.post(other + "/heartbeat").status == 200);
    CHECK(h.post("/api/sessions/nonsense/heartbeat").status == 404);
    CHECK(h.post("/api/sessions/nonsense/heartbeat").status == 429);
}

TEST_CASE("a throttled heartbeat still proves life: the session does not stall") {
    api_harness h;
    const auto beaten = h.create("p"), silent = h.create("q");
    h.limit({.heartbeats = 1});
    const auto run_for = [&](std::int64_t ms, auto&& beat) {
        for (std::int64_t passed = 0; passed < ms; passed += 1'000) {
            h.clock.advance(1'000);
            beat();
            h.tracked->sweep();
        }
    };
    // Never more than a minute passes between two beats, but only the first of each minute is served.
    run_for(170'000, [] {});
    CHECK(h.post(beaten + "/heartbeat").status == 200);
    run_for(30'000, [] {});
    CHECK(h.post(beaten + "/heartbeat", R"({"epoch":1})").status == 429);
    run_for(160'000, [] {});
    CHECK(h.get(beaten)["status"] == "active");
    CHECK(h.get(silent)["status"] == "stalled");
    run_for(30'000, [] {});
    CHECK(h.get(beaten)["status"] == "stalled");
}

TEST_CASE("a throttled heartbeat of another epoch, or one that cannot be read, proves nothing") {
    api_harness h;
    std::vector<std::string> sessions;
    for (const auto* project : {"a", "b", "c", "d"}) sessions.push_back(h.create(project));
    h.limit({.heartbeats = 1});
    for (const auto& path : sessions) CHECK(h.post(path + "/heartbeat").status == 200);
    h.clock.advance(50'000);
    h.tracked->sweep();
    CHECK(h.post(sessions[0] + "/heartbeat", R"({"epoch":2})").status == 429);
    CHECK(h.post(sessions[1] + "/heartbeat", "{").status == 429);
    CHECK(h.post(sessions[2] + "/heartbeat", {}, {.session_epoch = "7"}).status == 429);
    CHECK(h.post(sessions[3] + "/heartbeat", {}, {.session_epoch = "1"}).status == 429);
    for (int i = 0; i < 140; ++i) {
        h.clock.advance(1'000);
        h.tracked->sweep();
    }
    for (int i = 0; i < 3; ++i) CHECK(h.get(sessions[static_cast<std::size_t>(i)])["status"] == "stalled");
    CHECK(h.get(sessions[3])["status"] == "active");
}

TEST_CASE("in a machine's beat each session uses its own budget and gets its own 429 in its place") {
    api_harness h;
    h.post("/api/machines", R"({"hostname":"h","docker_slots":[],"machine_id":"m"})");
    std::vector<std::string> ids;
    for (const auto* project : {"a", "b", "c"}) ids.push_back(h.create(project).substr(14));
    h.limit({.heartbeats = 2});
    const auto element = [](const std::string& id) { return "{\"session_id\":\"" + id + "\"}"; };
    CHECK(h.post("/api/sessions/" + ids[1] + "/heartbeat").status == 200);
    CHECK(h.post("/api/sessions/" + ids[1] + "/heartbeat").status == 200);
    const auto body =
        "{\"sessions\":[" + element(ids[0]) + ',' + element(ids[1]) + ',' + element(ids[2]) + "]}";
    const auto beat = h.post("/api/machines/m/heartbeat", body);
    CHECK(beat.status == 200);
    CHECK(beat.header("X-RateLimit-Remaining") == "1");
    const auto& results = beat["results"].as_array();
    REQUIRE(results.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(results[i].at("session_id").as_string() == ids[i]);
        CHECK(results[i].at("status") == (i == 1 ? 429 : 200));
    }
    CHECK(results[1].at("code") == "rate_limited");
    CHECK(h.post("/api/machines/m/heartbeat", body).status == 200);
    CHECK(h.post("/api/machines/m/heartbeat", body).status == 429);
    // Other machines go on.
    h.post("/api/machines", R"({"hostname":"h","docker_slots":[],"machine_id":"n"})");
    CHECK(h.post("/api/machines/n/heartbeat").status == 200);
}

TEST_CASE("a throttled machine beat still proves that its sessions live") {
    api_harness h;
    h.post("/api/machines", R"({"hostname":"h","docker_slots":[],"machine_id":"m"})");
    const auto path = h.create();
    h.limit({.heartbeats = 1});
    CHECK(h.post("/api/machines/m/heartbeat").status == 200);
    h.clock.advance(50'000);
    h.tracked->sweep();
    const auto id = path.substr(14);
    CHECK(h.post("/api/machines/m/heartbeat", "{\"sessions\":[{\"session_id\":\"" + id + "\"}]}").status ==
          429);
    for (int i = 0; i < 140; ++i) {
        h.clock.advance(1'000);
        h.tracked->sweep();
    }
    CHECK(h.get(path)["status"] == "active");
}

TEST_CASE("failed authentication is limited by address, and a valid key is served from there all the same") {
    api_harness h;
    h.limit({.requests = 0, .failed_keys = 2});
    const auto ask = [&](std::string key, std::string address) {
        return h.ask(request{
            .target = "/api/sessions", .fields = {.api_key = std::move(key)}, .remote = std::move(address)});
    };
    CHECK(ask(unknown_key, "192.0.2.1").status == 401);
    CHECK(ask("", "192.0.2.1").status == 401);
    const auto refused = ask("nonsense", "192.0.2.1");
    CHECK(refused.status == 429);
    CHECK(refused.text_at("code") == "rate_limited");
    CHECK(refused.header("Retry-After") == "60");
    CHECK(refused.header("X-RateLimit-Limit") == "2");
    CHECK(ask(test_key, "192.0.2.1").status == 200);
    CHECK(ask(unknown_key, "192.0.2.2").status == 401);
    h.clock.advance(60'000);
    CHECK(ask(unknown_key, "192.0.2.1").status == 401);
}

TEST_CASE("the key that was sent is wiped as soon as it was looked up") {
    api_harness h;
    const auto admitted = h.answers->admit(
        {.target = "/api/sessions", .fields = {.api_key = test_key, .authorization = "Bearer x"}});
    CHECK(admitted->asked.fields.api_key.empty());
    CHECK(admitted->asked.fields.authorization.empty());
    CHECK(admitted->actor == "ci");
}
