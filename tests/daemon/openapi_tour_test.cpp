// A tour of all routes: each answer is held against the document.
#include <boost/json/serialize.hpp>

#include "openapi_harness.hpp"
#include "outage_store.hpp"

using namespace statetrackd;
using namespace statetrackd::testing;

namespace {

const std::string nowhere = "00000000-0000-4000-8000-000000000000";

std::string id_in(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// As the daemon's sweeping thread does it, on a clock that moves only here.
void pass_time(api_harness& h, std::int64_t ms) {
    for (std::int64_t left = ms; left > 0;) {
        const auto step = std::min(left, h.tracked->sweep().next_in_ms);
        h.clock.advance(step);
        left -= step;
    }
    h.tracked->sweep();
}

void tour_sessions(toured_api& t) {
    const std::string own =
        R"({"project_id":"a","machine_id":"m","docker_slot":1,"session_id":"7f2c9a04-5b1e-)"
        R"(4c8d-9e3f-2a6b8d0c4e11","metadata":{"k":[1]},"checkpoint":{"c":1}})";
    const auto path = t.post("/api/sessions", own).header("Location");
    CHECK(t.post("/api/sessions", own).status == 200);
    CHECK(t.post("/api/sessions", R"({"project_id":"a","machine_id":"m","docker_slot":1})").status == 409);
    CHECK(t.post("/api/sessions", R"({"project_id":"","x":1})").status == 400);
    CHECK(t.post("/api/sessions", "[").text_at("code") == "malformed_json");
    t.session("b", "m");
    const auto page = t.get("/api/sessions?limit=1&status=active");
    CHECK(t.get("/api/sessions?limit=1&status=active&cursor=" + page.text_at("next_cursor")).status == 200);
    CHECK(t.get("/api/sessions?limit=0").status == 400);
    CHECK(t.get(path, {.if_none_match = t.get(path).header("ETag")}).status == 304);
    t.ask(verb::head, path);
    CHECK(t.patch(path, R"({"status":"paused","stall_threshold_ms":null})").status == 200);
    CHECK(t.patch(path, R"({"status":"active"})", {.if_match = "\"1\""}).status == 412);
    CHECK(t.patch(path, R"({"status":"pending"})").status == 409);
    CHECK(t.patch(path, "{}", {.accept = "application/problem+json", .session_epoch = "9"}).status == 409);
    t.patch(path, R"({"status":"active"})");
    t.post(path + "/heartbeat");
    t.post(path + "/heartbeat", R"({"phase":"tool","progress":{"seq":3,"note":"n"},"epoch":1})");
    t.post(path + "/heartbeat", "", {.prefer = "return=minimal"});
    CHECK(t.post(path + "/heartbeat", R"({"epoch":7})").status == 409);
    CHECK(t.post(path + "/heartbeat", R"({"phase":"x"})").status == 400);
    t.get(path + "/health");
    t.get(path + "/explain");
    t.get(path + "/recovery-state");
    t.get(path + "/events?limit=2&after=1");
    t.get("/api/sessions/health");
    t.post("/api/sessions/detect-failures");
    CHECK(t.post(path + "/archive").status == 400);
    CHECK(t.post(path + "/prepare-recovery").status == 400);
    CHECK(t.post(path + "/mark-stalled").status == 200);
    t.get("/api/sessions/stalled");
    t.get(path + "/explain");
    CHECK(t.post(path + "/prepare-recovery", R"({"clear_machine":true})").status == 200);
    t.get(path);
}

void tour_recovery(toured_api& t) {
    const auto path = t.session("c", "m");
    const auto task = [&](const std::string& name) {
        return t
            .post("/api/tasks",
                  R"({"project_id":"c","task_name":")" + name + R"(","session_id":")" + id_in(path) + R"("})")
            .header("Location");
    };
    const auto done = task("done"), running = task("running"), failed = task("failed");
    t.patch(done, R"({"status":"in_progress"})");
    t.patch(done, R"({"status":"completed"})", {.if_match = "\"2\""});
    t.patch(running, R"({"status":"in_progress"})");
    t.patch(failed, R"({"status":"failed","error_message":"x"})");
    CHECK(t.patch(done, R"({"status":"pending"})").status == 409);
    CHECK(t.patch(done, R"({"metadata":{}})", {.if_match = "\"1\""}).status == 412);
    CHECK(t.get(done, {.if_none_match = "*"}).status == 304);
    CHECK(t.get(running).status == 200);
    CHECK(t.post("/api/tasks", R"({"session_id":"x"})").status == 400);
    t.get("/api/tasks?status=failed&limit=200&session_id=" + id_in(path));
    CHECK(t.del(failed).status == 204);
    pass_time(t.h, 200'000);
    t.get("/api/sessions/stalled?limit=1");
    t.get(path + "/explain");
    t.get(path + "/health");
    t.get(path + "/recovery-state");
    const auto made = t.post(path + "/recover", R"({"new_machine_id":"n"})");
    CHECK(made.status == 201);
    CHECK(t.post(path + "/recover", R"({"new_machine_id":"n"})").status == 200);
    CHECK(t.post(path + "/recover", R"({"new_machine_id":""})").status == 400);
    CHECK(t.post(path + "/heartbeat").status == 409);
    t.get(path + "/explain");
    t.get(path + "/events");
    CHECK(t.post(path + "/archive").status == 200);
    t.get("/api/sessions/archived");
    CHECK(t.post(made.header("Location") + "/mark-failed", R"({"error_message":"x"})").status == 200);
    CHECK(t.del(made.header("Location")).status == 204);
    CHECK(t.post(path + "/recover", R"({"new_machine_id":"n"})").status == 410);
    const auto continued = t.session("d", "m");
    t.post(continued + "/mark-stalled");
    CHECK(t.post(continued + "/recover", R"({"new_machine_id":"m"})").status == 201);
    CHECK(t.del(continued).status == 204);
    CHECK(t.post("/api/sessions",
                 R"({"project_id":"d","machine_id":"m","session_id":")" + id_in(continued) + R"("})")
              .text_at("code") == "superseded");
    CHECK(t.post("/api/sessions/cleanup?older_than_days=0").status == 200);
    CHECK(t.del("/api/sessions/cleanup").status == 200);
    CHECK(t.del("/api/sessions/cleanup?older_than_days=x").status == 400);
}

void tour_machines(toured_api& t) {
    const std::string own = R"({"hostname":"h","docker_slots":[1,2],"machine_id":"a b"})";
    const auto path = t.post("/api/machines", own).header("Location");
    CHECK(t.post("/api/machines", own).status == 200);
    CHECK(t.post("/api/machines", R"({"hostname":"o","docker_slots":[],"machine_id":"a b"})").status == 409);
    CHECK(t.post("/api/machines", R"({"hostname":"h","docker_slots":[1,1]})").status == 400);
    const auto session = t.session("d", "a b");
    CHECK(t.get(path, {.if_none_match = t.get(path).header("ETag")}).status == 304);
    CHECK(t.get("/api/machines?status=online&limit=1")["total"] == 1);
    CHECK(t.patch(path, R"({"status":"maintenance","docker_slots":[3]})").status == 200);
    CHECK(t.patch(path, "{}", {.if_match = "\"99\""}).status == 412);
    CHECK(t.del(path).status == 409);
    const auto beat = t.post(path + "/heartbeat", R"({"sessions":[{"session_id":")" + id_in(session) +
                                                      R"("},{"session_id":")" + nowhere + R"("}]})");
    CHECK(beat["results"].as_array().size() == 2);
    CHECK(t.post(path + "/heartbeat", R"({"sessions":[{}]})").status == 400);
    t.del(session);
    CHECK(t.del(path).status == 204);
}

void tour_service(toured_api& t) {
    for (const auto* path : {"/health", "/livez", "/readyz", "/api/docs", "/api/docs/openapi.json",
                             "/api/docs/page.css", "/api/docs/page.js", "/health/detailed"}) {
        const auto got = t.get(path);
        CHECK(got.status == 200);
        if (const auto tag = got.header("ETag"); !tag.empty())
            CHECK(t.get(path, {.if_none_match = tag}).status == 304);
    }
    CHECK(t.get("/api/docs", {.accept = "text/html,*/*;q=0.8"}).content_type == "text/html; charset=utf-8");
    t.h.in.draining = true;
    CHECK(t.get("/readyz").status == 503);
    t.h.in.draining = false;
}

std::string task_of(toured_api& t, const std::string& session) {
    return t
        .post("/api/tasks", R"({"project_id":"p","task_name":"n","session_id":")" + id_in(session) + R"("})")
        .header("Location");
}

// Every write that takes an epoch, with another one than the session's.
void tour_epochs(toured_api& t) {
    const auto session = t.session("e", "m");
    const auto task = task_of(t, session);
    const request_fields other{.session_epoch = "9"};
    for (const auto* action :
         {"/mark-failed", "/mark-stalled", "/prepare-recovery", "/recover", "/archive"}) {
        const auto body = action == std::string("/mark-failed") ? R"({"error_message":"x"})"
                          : action == std::string("/recover")   ? R"({"new_machine_id":"n"})"
                                                                : "";
        CHECK(t.post(session + action, body, other).text_at("code") == "superseded");
    }
    CHECK(t.ask(verb::del, session, "", other).status == 409);
    CHECK(t.patch(task, "{}", other).status == 409);
    CHECK(t.ask(verb::del, task, "", other).status == 409);
    CHECK(t.post("/api/tasks",
                 R"({"project_id":"e","task_name":"n","epoch":9,"session_id":")" + id_in(session) + R"("})")
              .status == 409);
}

// What a session that has ended, rests or has lost its machine takes no more.
void tour_ended(toured_api& t) {
    const auto session = t.session("f", "m");
    const auto task = task_of(t, session);
    CHECK(t.post(session + "/recover", R"({"new_machine_id":"n"})").text_at("code") == "wrong_state");
    t.patch(session, R"({"status":"paused"})");
    CHECK(t.post(session + "/mark-stalled").text_at("code") == "illegal_transition");
    t.patch(session, R"({"status":"completed"})");
    CHECK(t.patch(session, R"({"status":"active"})").text_at("code") == "terminal");
    CHECK(t.post(session + "/heartbeat").text_at("code") == "terminal");
    CHECK(t.post(session + "/mark-failed", R"({"error_message":"x"})").text_at("code") == "terminal");
    CHECK(t.post(session + "/mark-stalled").text_at("code") == "terminal");
    CHECK(t.patch(task, R"({"status":"in_progress"})").text_at("code") == "terminal");
    CHECK(
        t.post("/api/tasks", R"({"project_id":"f","task_name":"n","session_id":")" + id_in(session) + R"("})")
            .text_at("code") == "terminal");
    const auto homeless = t.session("g", "m");
    t.post(homeless + "/mark-stalled");
    t.post(homeless + "/prepare-recovery", R"({"clear_machine":true})");
    CHECK(t.post(homeless + "/heartbeat").text_at("code") == "illegal_transition");
}

// One place, and two who want it; ids and slots in use.
void tour_places(toured_api& t) {
    const auto first = t.session("h", "m");
    CHECK(t.post("/api/sessions",
                 R"({"project_id":"other","machine_id":"m","session_id":")" + id_in(first) + R"("})")
              .text_at("code") == "already_exists");
    t.post(first + "/mark-stalled");
    t.session("h", "m");
    CHECK(t.post(first + "/heartbeat").text_at("code") == "place_taken");
    CHECK(t.patch(first, R"({"status":"active"})").text_at("code") == "place_taken");
    CHECK(t.post(first + "/recover", R"({"new_machine_id":"m"})").text_at("code") == "place_taken");
    const auto machine = t.post("/api/machines", R"({"hostname":"h2","docker_slots":[1],"machine_id":"m2"})")
                             .header("Location");
    CHECK(t.post("/api/sessions", R"({"project_id":"h","machine_id":"m2","docker_slot":1})").status == 201);
    CHECK(t.patch(machine, R"({"docker_slots":[2]})").text_at("code") == "in_use");
    CHECK(
        t.post("/api/machines", R"({"hostname":"h2","docker_slots":[],"machine_id":"m2"})").text_at("code") ==
        "in_use");
}

// Every route that creates, asked again under its key, and for something else.
void tour_keys(toured_api& t) {
    const auto session = t.session("k", "k");
    const auto stalled = t.session("k2", "k");
    t.post(stalled + "/mark-stalled");
    const std::pair<std::string, std::string> creations[] = {
        {"/api/sessions", R"({"project_id":"k3","machine_id":"k"})"},
        {"/api/tasks", R"({"project_id":"p","task_name":"n","session_id":")" + id_in(session) + R"("})"},
        {"/api/machines", R"({"hostname":"k","docker_slots":[]})"},
        {stalled + "/recover", R"({"new_machine_id":"k4"})"}};
    for (const auto& [target, body] : creations) {
        request_fields fields;
        fields.idempotency_key = "\"" + target + "\"";
        CHECK(t.post(target, body, fields).status == 201);
        CHECK(t.post(target, body, fields).header("Idempotent-Replayed") == "true");
        fields.session_epoch = "7";
        CHECK(t.post(target, body, fields).text_at("code") == "idempotency_key_reused");
        fields.idempotency_key = "";
        CHECK(t.post(target, body, fields).status == 400);
    }
    for (const auto& r : all_routes())
        if (r.notes.once) CHECK(t.codes[&r].contains("idempotency_key_reused"));
}

std::string body_for(const route& r) {
    const auto* body = operation(r.path, r.method).if_contains("requestBody");
    return body ? boost::json::serialize(body->at("content").at("application/json").at("example")) : "{}";
}

// What every route answers to keys, ids and budgets that will not do.
void tour_refusals(toured_api& t) {
    for (const auto& r : all_routes()) {
        const auto target = target_for(r, nowhere);
        t.ask(r.method, target, body_for(r));
        t.ask(r.method, target, "{", {.accept = "application/problem+json"});
        t.ask(r.method, target + "?no_such=1", "{}");
        t.ask(r.method, target, "{}", {.api_key = toured_api::reader_key});
        t.ask(r.method, target, "{}", {.api_key = "x"});
    }
    t.h.limit({.requests = 1, .heartbeats = 1, .failed_keys = 1});
    for (int again = 0; again < 2; ++again)
        for (const auto& r : all_routes()) {
            t.ask(r.method, target_for(r, nowhere), "{}");
            t.ask(r.method, target_for(r, nowhere), "{}", {.api_key = "x"});
        }
}

}  // namespace

TEST_CASE(
    "every answer in a tour of all routes is as the document says, and none of its answers is missing") {
    toured_api t;
    tour_sessions(t);
    tour_recovery(t);
    tour_machines(t);
    tour_service(t);
    tour_epochs(t);
    tour_ended(t);
    tour_places(t);
    tour_keys(t);
    tour_refusals(t);
    for (const auto& r : all_routes()) {
        CAPTURE(name_of(r.method));
        CAPTURE(r.path);
        const auto& seen = t.seen[&r];
        for (const auto& a : r.notes.answers)
            if (a.status < 400) {
                CAPTURE(a.status);
                CHECK(seen.contains(a.status));
            }
        if (r.open) continue;
        for (const auto& why : r.notes.refusals) {
            CAPTURE(why.code);
            CHECK(t.codes[&r].contains(std::string(why.code)));
        }
        CHECK(seen.contains(401));
        CHECK(seen.contains(429));
        CHECK(seen.contains(400));
        CHECK(seen.contains(403) == (r.needs > role::read));
        if (r.path.find('{') != std::string_view::npos) CHECK(seen.contains(404));
        if (r.notes.takes != nullptr) CHECK(t.codes[&r].contains("malformed_json"));
    }
}

TEST_CASE("what routes answer while the store is away is documented, too") {
    auto kept = std::make_unique<statetrack::testing::outage_store>(statetrack::make_memory_store());
    auto& store = *kept;
    toured_api t(std::move(kept));
    const auto session = t.session("p", "m");
    store.down = true;
    std::size_t away = 0;
    for (const auto& r : all_routes()) {
        const auto path = target_for(r, r.path.starts_with("/api/sessions") ? id_in(session) : nowhere);
        t.ask(r.method, path, "{}");
        away += t.seen[&r].contains(503);
    }
    CHECK(away > 15);
}

TEST_CASE("an answer that the document does not know would be noticed") {
    api_harness h;
    const auto path = h.create();
    const auto found = router(all_routes()).find(verb::get, parse_target(path)->segments);
    const auto sound = h.get(path);
    CHECK(breaks_of_answer(*found.found, sound).empty());
    auto wrong = sound;
    wrong.status = 202;
    CHECK_FALSE(breaks_of_answer(*found.found, wrong).empty());
    wrong = sound;
    wrong.body.as_object()["stranger"] = 1;
    CHECK_FALSE(breaks_of_answer(*found.found, wrong).empty());
    wrong = sound;
    wrong.body.as_object().erase("epoch");
    CHECK_FALSE(breaks_of_answer(*found.found, wrong).empty());
    wrong = sound;
    wrong.body.as_object()["status"] = "asleep";
    CHECK_FALSE(breaks_of_answer(*found.found, wrong).empty());
    wrong = sound;
    wrong.content_type = "text/plain";
    CHECK_FALSE(breaks_of_answer(*found.found, wrong).empty());
    wrong = sound;
    wrong.headers.emplace_back("Location", "/x");
    CHECK_FALSE(breaks_of_answer(*found.found, wrong).empty());
    auto refused = h.get("/api/sessions/x");
    CHECK(breaks_of_answer(*found.found, refused).empty());
    refused.body.as_object()["code"] = "place_taken";
    CHECK_FALSE(breaks_of_answer(*found.found, refused).empty());
}
