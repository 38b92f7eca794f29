#include "api/idempotency.hpp"

#include "api_harness.hpp"
#include "faulty_store.hpp"

using namespace statetrackd;
using namespace statetrackd::testing;

namespace {

const std::string create_p = R"({"project_id":"p","machine_id":"m"})";

request_fields with_key(std::string key, std::string api_key = {}) {
    return {.api_key = std::move(api_key), .idempotency_key = std::move(key)};
}

bool is_replay(const reply& r) { return r.header("Idempotent-Replayed") == "true"; }

// Asks without waiting for the answer, which is there once something has committed.
struct asked_ahead {
    asked_ahead(api_harness& over, std::string body, request_fields fields) : h(over) {
        fields.api_key = test_key;
        admitted = h.answers->admit(request{.method = verb::post,
                                            .target = "/api/sessions",
                                            .fields = std::move(fields),
                                            .body = std::move(body),
                                            .remote = "192.0.2.1"});
        h.answers->run(admitted, waits, 0);
    }
    response answer() const {
        waits->await(*h.tracked);
        REQUIRE(waits->made);
        return h.answers->finish(*admitted, *waits->made);
    }

    api_harness& h;
    std::shared_ptr<call> admitted;
    std::shared_ptr<one_answer> waits = std::make_shared<one_answer>();
};

}  // namespace

TEST_CASE("a key is a string in double quotes, or bare, of 1 to 255 visible characters") {
    const std::string longest(255, 'k');
    const std::pair<std::string, std::string> right[] = {
        {R"("8e03978e-40d5-43dd-bc93-6894a57f9324")", "8e03978e-40d5-43dd-bc93-6894a57f9324"},
        {"8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"},
        {"aGVsbG8/d29ybGQ+Cg==", "aGVsbG8/d29ybGQ+Cg=="},
        {R"("a\"b\\c")", R"(a"b\c)"},
        {R"("a;b,c")", "a;b,c"},
        {longest, longest},
        {'"' + longest + '"', longest}};
    for (const auto& [value, key] : right) {
        CAPTURE(value);
        CHECK(parse_idempotency_key(value) == key);
    }
    for (const std::string& wrong :
         {std::string(), std::string("\"\""), std::string("\""), std::string("\"a"), std::string("a\""),
          std::string("a b"), std::string("\"a b\""), std::string("a,b"), std::string("a;b=1"),
          std::string("\"a\";b=1"), std::string("\"a\"b\""), std::string("\"a\\\""), std::string("\"a\\n\""),
          std::string("\xC3\xA4"), std::string("\"\xC3\xA4\""), std::string("\"a\tb\""),
          std::string("\"a\x7F\""), longest + "k", '"' + longest + "k\""}) {
        CAPTURE(wrong);
        CHECK_FALSE(parse_idempotency_key(wrong).has_value());
    }
}

TEST_CASE("every POST that creates does so once under a key, and repeats its answer byte for byte") {
    api_harness h;
    const auto session = h.post("/api/sessions", create_p, with_key("s"));
    REQUIRE(session.status == 201);
    CHECK_FALSE(is_replay(session));
    const auto path = session.header("Location");
    const std::string task_body =
        R"({"project_id":"p","task_name":"t","session_id":")" + session.text_at("session_id") + R"("})";
    const std::string machine_body = R"({"hostname":"h","docker_slots":[1]})";
    const auto task = h.post("/api/tasks", task_body, with_key("t"));
    const auto machine = h.post("/api/machines", machine_body, with_key("m"));
    h.post(path + "/mark-stalled");
    const auto successor = h.post(path + "/recover", R"({"new_machine_id":"n"})", with_key("r"));
    REQUIRE(successor.status == 201);

    // All of them change, or go.
    CHECK(h.patch(task.header("Location"), R"({"metadata":{"a":1}})").status == 409);
    CHECK(h.patch(successor.header("Location"), R"({"metadata":{"a":1}})").status == 200);
    CHECK(h.patch(machine.header("Location"), R"({"status":"maintenance"})").status == 200);
    CHECK(h.ask(verb::del, path).status == 204);
    h.clock.advance(60'000);

    const auto repeats = [&](const reply& first, const std::string& target, const std::string& body,
                             const std::string& key) {
        CAPTURE(target);
        const auto again = h.post(target, body, with_key(key));
        CHECK(is_replay(again));
        CHECK(again.status == first.status);
        CHECK(again.text == first.text);
        for (const auto* field : {"ETag", "Location", "Cache-Control"})
            CHECK(again.header(field) == first.header(field));
        CHECK(again.content_type == first.content_type);
        CHECK(again.header("X-Request-Id") != first.header("X-Request-Id"));
    };
    repeats(session, "/api/sessions", create_p, "s");
    repeats(task, "/api/tasks", task_body, "t");
    repeats(machine, "/api/machines", machine_body, "m");
    repeats(successor, path + "/recover", R"({"new_machine_id":"n"})", "r");
    CHECK(h.get("/api/sessions")["total"] == 1);
    CHECK(h.get("/api/machines")["total"] == 1);
    const auto log = h.end_log();
    CHECK(log.find("\"session created\"") == log.rfind("\"session created\""));
    CHECK(log.find("\"machine registered\"") == log.rfind("\"machine registered\""));
}

TEST_CASE("an answer without a key is the same as the first one under a key") {
    api_harness with, without;
    const auto a = with.post("/api/sessions", create_p, with_key("k"));
    const auto b = without.post("/api/sessions", create_p);
    CHECK(a.status == b.status);
    CHECK(a.text == b.text);
    CHECK(a.header("ETag") == b.header("ETag"));
    CHECK(a.header("Location") == b.header("Location"));
}

TEST_CASE("the same request is the same whatever its white space and the order of its members") {
    api_harness h;
    const auto first = h.post(
        "/api/sessions", R"({"project_id":"p","machine_id":"m","metadata":{"a":[1,{"b":2,"c":3}],"d":4}})",
        with_key("\"k\""));
    REQUIRE(first.status == 201);
    const auto again =
        h.post("/api/sessions",
               "{ \"metadata\": {\"d\" :4, \"a\": [1, {\"c\":3, \"b\":2}]},\n\"machine_id\":\"\\u006d\", "
               "\"project_id\":\"p\"}",
               with_key("k"));
    CHECK(is_replay(again));
    CHECK(again.text == first.text);
}

TEST_CASE("another request under a key is 422: another body, route, id in the path or epoch") {
    api_harness h;
    const auto path = h.post("/api/sessions", create_p, with_key("k")).header("Location");
    const auto other = h.create("other", "m2");
    const std::pair<std::string, std::string> others[] = {
        {"/api/sessions", R"({"project_id":"q","machine_id":"m"})"},
        {"/api/sessions", R"({"project_id":"p","machine_id":"m","metadata":{"a":[1,2]}})"},
        {"/api/machines", R"({"hostname":"h","docker_slots":[]})"},
        {path + "/recover", R"({"new_machine_id":"n"})"}};
    for (const auto& [target, body] : others) {
        CAPTURE(target);
        const auto refused = h.post(target, body, with_key("k"));
        CHECK(refused.status == 422);
        CHECK(refused.text_at("code") == "idempotency_key_reused");
        CHECK(refused.text_at("error") == "Unprocessable Content");
        CHECK_FALSE(is_replay(refused));
    }
    h.post(path + "/mark-stalled");
    h.post(other + "/mark-stalled");
    const std::string recover = R"({"new_machine_id":"n"})";
    CHECK(h.post(path + "/recover", recover, with_key("r")).status == 201);
    CHECK(h.post(other + "/recover", recover, with_key("r")).status == 422);
    auto fenced = with_key("r");
    fenced.session_epoch = "1";
    CHECK(h.post(path + "/recover", recover, fenced).status == 422);
}

TEST_CASE("keys of two callers never meet, even where the callers bear one name") {
    api_harness h;
    h.set_keys("ci=" + test_key + ",ci:client=" + client_key);
    CHECK(h.post("/api/sessions", create_p, with_key("k")).status == 201);
    const auto others =
        h.post("/api/sessions", R"({"project_id":"q","machine_id":"m"})", with_key("k", client_key));
    CHECK(others.status == 201);
    CHECK_FALSE(is_replay(others));
    // Nor does their order in the configuration matter.
    h.set_keys("x=" + client_key + ",y=" + test_key);
    CHECK(is_replay(h.post("/api/sessions", create_p, with_key("k"))));
}

TEST_CASE("a malformed key is refused as a field, and ignored where nothing is created") {
    api_harness h;
    for (const auto* wrong : {"", "\"\"", "a b", "\"a"}) {
        CAPTURE(wrong);
        const auto refused = h.post("/api/sessions", create_p, with_key(wrong));
        CHECK(refused.status == 400);
        CHECK(refused.detail("Idempotency-Key") == idempotency_key_problem);
    }
    CHECK(h.get("/api/sessions")["total"] == 0);
    const auto path = h.create();
    CHECK(h.post(path + "/heartbeat", "", with_key("a b")).status == 200);
    CHECK(h.post(path + "/mark-failed", R"({"error_message":"x"})", with_key("k")).status == 200);
}

TEST_CASE("refusals are not kept: what is corrected, or let in later, may use the key") {
    api_harness h;
    const auto holder = h.create();
    CHECK(h.post("/api/sessions", create_p, with_key("k")).text_at("code") == "place_taken");
    CHECK(h.post("/api/sessions", "{}", with_key("k")).status == 400);
    CHECK(h.post("/api/sessions", "{", with_key("k")).status == 400);
    CHECK(h.post("/api/sessions", create_p, with_key("k", unknown_key)).status == 401);
    CHECK(h.ask(verb::del, holder).status == 204);
    const auto made = h.post("/api/sessions", create_p, with_key("k"));
    CHECK(made.status == 201);
    CHECK_FALSE(is_replay(made));
}

TEST_CASE("while the first one runs the same request is 409 with Retry-After, then it is answered") {
    api_harness h;
    const asked_ahead first(h, create_p, with_key("k"));
    const asked_ahead second(h, create_p, with_key("k"));
    const asked_ahead other(h, R"({"project_id":"q","machine_id":"m"})", with_key("k"));
    REQUIRE(second.waits->made);  // at once, with nothing committed
    CHECK_FALSE(first.waits->made);
    const auto refused = second.answer();
    CHECK(refused.status == 409);
    CHECK(refused.body.find("\"request_in_progress\"") != std::string::npos);
    CHECK(refused.headers.lines().find("Retry-After: 1\r\n") != std::string::npos);
    CHECK(other.answer().status == 422);
    const auto made = first.answer();
    CHECK(made.status == 201);
    const auto again = h.post("/api/sessions", create_p, with_key("k"));
    CHECK(is_replay(again));
    CHECK(again.text == made.body);
}

TEST_CASE("an answer is kept for IDEMPOTENCY_TTL_SECONDS, across a restart of the tracker") {
    api_harness h;
    const auto first = h.post("/api/sessions", create_p, with_key("k"));
    h.clock.advance(86'399'999);
    h.tracked = statetrack::tracker::open(*h.keep, h.clock, *h.ids, {}).value();
    h.in.tracker = h.tracked.get();
    CHECK(h.post("/api/sessions", create_p, with_key("k")).text == first.text);
    CHECK(h.ask(verb::del, first.header("Location")).status == 204);
    h.clock.advance(1);
    const auto anew = h.post("/api/sessions", create_p, with_key("k"));
    CHECK(anew.status == 201);
    CHECK_FALSE(is_replay(anew));
    CHECK(anew.text != first.text);
}

TEST_CASE("a store that fails keeps no answer, and asking again creates once") {
    using statetrack::testing::fault;
    using statetrack::testing::seam_call;
    for (const bool lost : {false, true}) {
        CAPTURE(lost);
        auto owned = std::make_unique<statetrack::testing::faulty_store>(statetrack::make_memory_store());
        auto& faults = *owned;
        api_harness h(std::move(owned));
        faults.fail({.at = 1, .of = seam_call::commit, .afterwards = lost});
        const auto failed = h.post("/api/sessions", create_p, with_key("k"));
        CHECK(failed.status == 503);
        CHECK(failed.text_at("code") == (lost ? "commit_unknown" : "store_unavailable"));
        faults.heal();
        const auto again = h.post("/api/sessions", create_p, with_key("k"));
        CHECK(again.status == 201);
        CHECK(is_replay(again) == lost);
        CHECK(h.get("/api/sessions")["total"] == 1);
    }
}

TEST_CASE("neither the key of the API nor its name stands in what is kept") {
    api_harness h;
    h.set_keys("a-name-to-find=" + test_key);
    h.post("/api/sessions", create_p, with_key("k"));
    std::string text;
    const auto done = h.keep->read([&](statetrack::reader& from) -> statetrack::result<> {
        const auto rows = from.select(statetrack::table_of<statetrack::idempotency_record>(), {});
        if (!rows) return rows.error();
        for (const auto& one : *rows)
            text += statetrack::to_json(statetrack::from_row<statetrack::idempotency_record>(one.values));
        return {};
    });
    REQUIRE(done.has_value());
    CHECK(text.find("\"key\":\"k\"") != std::string::npos);
    CHECK(text.find(test_key) == std::string::npos);
    CHECK(text.find("a-name-to-find") == std::string::npos);
}
