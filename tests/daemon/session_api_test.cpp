#include <stdexcept>

#include "api_harness.hpp"
#include "hooked_store.hpp"

using namespace statetrackd;
using namespace statetrackd::testing;

TEST_CASE("a session is created, shown, listed and deleted") {
    api_harness h;
    const auto made = h.post("/api/sessions", R"({"project_id":"p","machine_id":"m","metadata":{"a":1}})");
    CHECK(made.status == 201);
    CHECK(made["status"] == "active");
    CHECK(made["epoch"] == 1);
    CHECK(made["alive_not_progressing"] == false);
    CHECK_FALSE(made.body.as_object().contains("archived"));
    CHECK(made.header("Cache-Control") == "private, no-cache");
    const auto path = made.header("Location");
    CHECK(path == "/api/sessions/" + made.text_at("session_id"));

    const auto shown = h.get(path);
    CHECK(shown.status == 200);
    CHECK(shown.body == made.body);
    CHECK(shown.header("ETag") == made.header("ETag"));
    CHECK(h.get("/api/sessions")["sessions"].at(0) == made.body);

    CHECK(h.ask(verb::del, path).status == 204);
    CHECK(h.get(path).status == 404);
    CHECK(h.ask(verb::del, path).status == 404);
}

TEST_CASE("a client's own id makes creating safe to repeat") {
    api_harness h;
    const std::string body =
        R"({"project_id":"p","machine_id":"m","session_id":"11111111-2222-4333-8444-555555555555"})";
    CHECK(h.post("/api/sessions", body).status == 201);
    CHECK(h.post("/api/sessions", body).status == 200);
    const auto elsewhere =
        h.post("/api/sessions",
               R"({"project_id":"q","machine_id":"m","session_id":"11111111-2222-4333-8444-555555555555"})");
    CHECK(elsewhere.status == 409);
    CHECK(elsewhere.text_at("code") == "already_exists");
}

TEST_CASE("a taken place names its holder and the holder's deadline") {
    api_harness h;
    const auto holder = h.create();
    const auto refused = h.post("/api/sessions", R"({"project_id":"p","machine_id":"m"})");
    CHECK(refused.status == 409);
    CHECK(refused.text_at("code") == "place_taken");
    CHECK("/api/sessions/" + std::string(refused["facts"].at("holder").as_string()) == holder);
    CHECK(refused["facts"].as_object().contains("holder_deadline"));
}

TEST_CASE("takeover continues the dead session in a successor") {
    api_harness h;
    const auto first = h.create();
    const auto second =
        h.post("/api/sessions", R"({"project_id":"p","machine_id":"m","on_conflict":"takeover"})");
    CHECK(second.status == 201);
    CHECK(second["epoch"] == 2);
    CHECK("/api/sessions/" + second.text_at("recovered_from") == first);
    CHECK(h.get(first)["status"] == "completed");
}

TEST_CASE("what a body must not be is refused with nothing written") {
    api_harness h;
    const auto wrong = h.post("/api/sessions", R"({"machine_id":7,"colour":"red"})");
    CHECK(wrong.status == 400);
    CHECK(wrong.text_at("code") == "validation_failed");
    CHECK(wrong.detail("project_id") == "is required");
    CHECK(wrong.detail("machine_id") == "must be a string");
    CHECK(wrong.detail("colour") == "is not a field of this request");
    const auto nested = [](std::size_t depth) {
        return "{\"metadata\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + '}';
    };
    std::string many = "{\"metadata\":{\"a\":[0";
    for (int i = 0; i < 4'096; ++i) many += ",0";
    const std::vector<std::string> bodies{"",
                                          "{",
                                          "[]",
                                          "7",
                                          R"({"a":1,"a":1})",
                                          R"({"project_id":"\u0000"})",
                                          "{} x",
                                          R"({"project_id":1e400})",
                                          R"({"docker_slot":18446744073709551616})",
                                          nested(17),
                                          many + "]}}"};
    CHECK(h.post("/api/sessions", nested(16)).text_at("code") == "validation_failed");
    for (const auto& body : bodies) {
        CAPTURE(body);
        const auto malformed = h.post("/api/sessions", body);
        CHECK(malformed.status == 400);
        CHECK(malformed.text_at("code") == "malformed_json");
    }
    CHECK(h.get("/api/sessions")["total"] == 0);
}

TEST_CASE("a heartbeat answers with when to beat again") {
    api_harness h;
    const auto path = h.create();
    h.clock.advance(10'000);
    const auto beat = h.post(path + "/heartbeat");
    CHECK(beat.status == 200);
    CHECK(beat["next_heartbeat_ms"] == 55'000);
    CHECK(beat["deadline"] == "2026-01-19T10:03:10.000Z");
    CHECK(beat["last_heartbeat"] == "2026-01-19T10:00:10.000Z");
    CHECK(beat["version"] == 1);
    CHECK(beat.header("Preference-Applied").empty());

    const auto full =
        h.post(path + "/heartbeat",
               R"({"phase":"tool","progress":{"seq":2},"current_task_id":"t","checkpoint":{"k":1}})");
    CHECK(full["phase"] == "tool");
    CHECK(full["progress_seq"] == 2);
    CHECK(full["checkpoint"].at("k") == 1);
    CHECK(h.post(path + "/heartbeat", R"({"phase":null})")["phase"].is_null());
}

TEST_CASE("Prefer: return=minimal leaves only what the client needs to go on") {
    api_harness h;
    const auto path = h.create();
    for (const auto* prefer :
         {"return=minimal", "respond-async, return=minimal", "return=\"minimal\"; x=1"}) {
        CAPTURE(prefer);
        const auto beat = h.post(path + "/heartbeat", {}, {.prefer = prefer});
        CHECK(beat.header("Preference-Applied") == "return=minimal");
        CHECK(beat.body.as_object().size() == 5);
        CHECK(beat["status"] == "active");
        CHECK(beat["epoch"] == 1);
        CHECK(beat["next_heartbeat_ms"] == 55'000);
    }
    CHECK(h.post(path + "/heartbeat", {}, {.prefer = "return=representation"}).body.as_object().size() > 20);
}

TEST_CASE("an epoch in the header or the body is checked on every write") {
    api_harness h;
    const auto path = h.create();
    CHECK(h.post(path + "/heartbeat", {}, {.session_epoch = "1"}).status == 200);
    CHECK(h.post(path + "/heartbeat", R"({"epoch":1})").status == 200);
    CHECK(h.patch(path, R"({"epoch":1,"metadata":{}})").status == 200);
    for (const auto& refused :
         {h.post(path + "/heartbeat", {}, {.session_epoch = "2"}),
          h.post(path + "/heartbeat", R"({"epoch":2})"), h.patch(path, R"({"epoch":2,"metadata":{}})"),
          h.post(path + "/mark-stalled", R"({"epoch":2})"),
          h.ask(verb::del, path, {}, {.session_epoch = "2"})}) {
        CHECK(refused.status == 409);
        CHECK(refused.text_at("code") == "superseded");
        CHECK(refused["facts"].at("epoch") == 1);
    }
    CHECK(h.patch(path, "{}", {.session_epoch = "one"}).detail("X-Session-Epoch") ==
          "must be an integer of at least 1");
    CHECK(h.patch(path, R"({"epoch":2})", {.session_epoch = "1"}).detail("epoch") ==
          "differs from X-Session-Epoch");
    CHECK(h.patch(path, R"({"epoch":"1"})").detail("epoch") == "must be an integer of at least 1");
}

TEST_CASE("a patch changes what it names, clears with null and knows no other field") {
    api_harness h;
    const auto path = h.create();
    const auto patched = h.patch(path, R"({"stall_threshold_ms":5000,"metadata":{"a":1,"b":2}})");
    CHECK(patched.status == 200);
    CHECK(patched["stall_threshold_ms"] == 5000);
    CHECK(patched["version"] == 2);
    const auto cleared = h.patch(path, R"({"stall_threshold_ms":null,"metadata":{"a":null}})");
    CHECK(cleared["stall_threshold_ms"].is_null());
    CHECK_FALSE(cleared["metadata"].as_object().contains("a"));
    CHECK(h.patch(path, R"({"epoch_":1,"machine_id":"x"})").detail("machine_id") ==
          "is not a field of this request");
    CHECK(h.patch(path, "").text_at("code") == "malformed_json");
    CHECK(h.patch(path, R"({"status":"pending"})").text_at("code") == "illegal_transition");
}

TEST_CASE("If-Match guards a patch by version, If-None-Match saves a read") {
    api_harness h;
    const auto path = h.create();
    const auto tag = h.get(path).header("ETag");
    CHECK(h.get(path, {.if_none_match = tag}).status == 304);
    CHECK(h.get(path, {.if_none_match = tag}).text.empty());
    CHECK(h.ask(verb::head, path, {}, {.if_none_match = "*"}).status == 304);

    // A beat leaves the version, and so If-Match; the whole tag changes.
    h.clock.advance(1'000);
    h.post(path + "/heartbeat", {}, {.if_match = "\"99\""});
    CHECK(h.get(path, {.if_none_match = tag}).status == 200);
    CHECK(h.patch(path, R"({"metadata":{"a":1}})", {.if_match = tag}).status == 200);
    const auto stale = h.patch(path, R"({"metadata":{"a":2}})", {.if_match = tag});
    CHECK(stale.status == 412);
    CHECK(stale.text_at("code") == "version_mismatch");
    CHECK(h.patch(path, "{}", {.if_match = "\"2\""}).status == 200);
    CHECK(h.patch(path, "{}", {.if_match = "*"}).status == 200);
    CHECK(h.patch(path, "{}", {.if_match = "\"1\", \"2\""}).detail("If-Match") ==
          "names several versions; name one");
}

TEST_CASE("lists are filtered, paged by offset and by cursor") {
    api_harness h;
    for (int i = 0; i < 5; ++i) h.create(i % 2 ? "odd" : "even", "m" + std::to_string(i));
    const auto first = h.get("/api/sessions?limit=2");
    CHECK(first["total"] == 5);
    CHECK(first["limit"] == 2);
    CHECK(first["offset"] == 0);
    CHECK(first["sessions"].at(0).at("machine_id") == "m4");
    const auto cursor = first.text_at("next_cursor");
    const auto second = h.get("/api/sessions?limit=2&cursor=" + cursor);
    CHECK(second["sessions"].at(0).at("machine_id") == "m2");
    const auto last = h.get("/api/sessions?limit=2&cursor=" + second.text_at("next_cursor"));
    CHECK(last["sessions"].as_array().size() == 1);
    CHECK(last["next_cursor"].is_null());
    CHECK(h.get("/api/sessions?offset=4")["sessions"].at(0).at("machine_id") == "m0");
    CHECK(h.get("/api/sessions?project_id=odd")["total"] == 2);
    CHECK(h.get("/api/sessions?project_id=even&machine_id=m2&status=active")["total"] == 1);

    CHECK(h.get("/api/sessions?project_id=odd&cursor=" + cursor).detail("cursor") ==
          "is none that this list gave for this filter");
    CHECK(h.get("/api/sessions?offset=1&cursor=" + cursor).detail("offset") ==
          "cannot stand beside a cursor");
}

TEST_CASE("wrong parameters are named, all at once") {
    api_harness h;
    const auto wrong =
        h.get("/api/sessions?limit=101&offset=-1&status=dead&lineage_id=7&colour=red&project_id=");
    CHECK(wrong.status == 400);
    CHECK(wrong.detail("limit") == "must be an integer from 1 to 100");
    CHECK(wrong.detail("offset").starts_with("must be an integer from 0"));
    CHECK(wrong.detail("status").starts_with("must be one of pending, active"));
    CHECK(wrong.detail("lineage_id") == "must be a UUID");
    CHECK(wrong.detail("colour") == "is not a parameter of this route");
    CHECK(wrong.detail("project_id") == "must not be empty");
    CHECK(h.get("/api/sessions?limit=1&limit=2").detail("limit") == "is given twice");
    const auto path = h.create();
    CHECK(h.get(path + "?x=1").detail("x") == "is not a parameter of this route");
    CHECK(h.patch(path + "?x=1", "{}").detail("x") == "is not a parameter of this route");
}

TEST_CASE("the name of a wrong field is shortened, but not within a character") {
    api_harness h;
    const std::string a127(127, 'a');
    for (const auto& [given, shown] : {std::pair<std::string, std::string>{a127 + "bc", a127 + "b"},
                                       {a127 + "\xC3\xA9", a127},
                                       {a127.substr(1) + "\xC3\xA9z", a127.substr(1) + "\xC3\xA9"}}) {
        CAPTURE(given);
        std::string encoded;
        for (const char c : given) encoded += c == '\xC3' ? "%C3" : c == '\xA9' ? "%A9" : std::string(1, c);
        CHECK(h.get("/api/sessions?" + encoded + "=1").detail(shown) == "is not a parameter of this route");
        CHECK(h.post("/api/sessions", "{\"" + given + "\":1}").detail(shown) ==
              "is not a field of this request");
    }
}

TEST_CASE("archiving is for ended sessions, and archived ones have their own list") {
    api_harness h;
    const auto path = h.create();
    const auto alive = h.post(path + "/archive");
    CHECK(alive.status == 400);
    CHECK(alive.text_at("code") == "wrong_state");
    h.post(path + "/mark-failed", R"({"error_message":"x"})");
    CHECK(h.post(path + "/archive").status == 200);
    h.create("q", "n");
    CHECK(h.get("/api/sessions/archived")["total"] == 1);
    CHECK(h.get("/api/sessions/archived?project_id=q")["total"] == 0);
}

TEST_CASE("a session's history is read in pages, oldest first") {
    api_harness h;
    const auto path = h.create();
    h.patch(path, R"({"metadata":{"a":1}})", {.request_id = "mine"});
    const auto first = h.get(path + "/events?limit=1");
    CHECK(first["events"].at(0).at("kind") == "created");
    CHECK(first["events"].at(0).at("actor") == "ci");
    const auto rest = h.get(path + "/events?after=" + std::to_string(first["next_after"].as_int64()));
    REQUIRE(rest["events"].as_array().size() == 1);
    CHECK(rest["events"].at(0).at("request_id") == "mine");
    CHECK_FALSE(rest["events"].at(0).as_object().contains("session_id"));
    CHECK(h.get("/api/sessions/11111111-2222-4333-8444-555555555555/events").status == 404);
    CHECK(h.get(path + "/events?after=x").status == 400);
}

TEST_CASE("a malformed id is an id that does not exist") {
    api_harness h;
    for (const std::string id : {"x", "11111111-2222-4333-8444-55555555555", "%2e%2e"}) {
        CAPTURE(id);
        for (const auto* rest : {"", "/health", "/explain", "/recovery-state", "/events"})
            CHECK(h.get("/api/sessions/" + id + rest).status == 404);
        for (const auto* rest : {"/heartbeat", "/mark-failed", "/mark-stalled", "/recover", "/archive"})
            CHECK(h.post("/api/sessions/" + id + rest, "{}").status == 404);
        CHECK(h.get("/api/tasks/" + id).status == 404);
    }
}

TEST_CASE(
    "what memory has is answered where the request came in, the rest by a reader: with the same words") {
    bool memory_does = true;
    const auto answer_at_once = [&](statetrack::store& inner, const statetrack::testing::reading& body) {
        return memory_does ? inner.read_at_once(body) : statetrack::error(statetrack::errc::would_wait);
    };
    api_harness h(std::make_unique<statetrack::testing::hooked_store>(
        statetrack::make_memory_store(), statetrack::testing::hooks{.read_at_once = answer_at_once}));
    const auto path = h.create();
    h.clock.advance(200'000);
    for (const auto& target : {path, path + "/health", std::string("/api/sessions/health"),
                               std::string("/api/sessions/stalled"), path + "0", path + "/health?x=1"}) {
        CAPTURE(target);
        memory_does = true;
        const auto before = h.blocking_jobs;
        const auto at_once = h.get(target);
        CHECK(h.blocking_jobs == before);
        memory_does = false;
        const auto read = h.get(target);
        const bool asks_the_store = at_once.status == 200;
        CHECK(h.blocking_jobs == before + (asks_the_store ? 1 : 0));
        CHECK(read.status == at_once.status);
        if (asks_the_store) CHECK(read.text == at_once.text);
    }
    memory_does = true;
    CHECK(h.get("/api/sessions").status == 200);
    CHECK(h.blocking_jobs > 0);
}

TEST_CASE("what is thrown while memory is asked becomes an answer, as elsewhere") {
    const auto throwing = [](statetrack::store&,
                             const statetrack::testing::reading&) -> statetrack::result<> {
        throw std::runtime_error("thrown by memory");
    };
    api_harness h(std::make_unique<statetrack::testing::hooked_store>(
        statetrack::make_memory_store(), statetrack::testing::hooks{.read_at_once = throwing}));
    const auto answer = h.get(h.create());
    CHECK(answer.status == 500);
    CHECK(answer.text_at("code") == "internal_error");
}
