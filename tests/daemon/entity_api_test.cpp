#include "api_harness.hpp"

using namespace statetrackd;
using namespace statetrackd::testing;

namespace {

std::string id_in(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string create_task(api_harness& h, const std::string& session, std::string_view name = "work") {
    const auto made = h.post("/api/tasks", R"({"project_id":"p","task_name":")" + std::string(name) +
                                               R"(","session_id":")" + id_in(session) + R"("})");
    REQUIRE(made.status == 201);
    return made.header("Location");
}

}  // namespace

TEST_CASE("a task is created, started, completed, deleted") {
    api_harness h;
    const auto session = h.create();
    const auto path = create_task(h, session);
    CHECK(h.get(path)["status"] == "pending");
    CHECK(h.get(path).header("ETag") == "\"1-0\"");
    CHECK(h.patch(path, R"({"status":"in_progress"})")["started_at"].is_string());
    CHECK(h.get(session).text_at("current_task_id") == id_in(path));
    CHECK(h.patch(path, R"({"status":"completed"})", {.if_match = "\"2\""})["status"] == "completed");
    CHECK(h.patch(path, R"({"status":"pending"})").status == 409);
    CHECK(h.ask(verb::del, path).status == 204);
    CHECK(h.get(path).status == 404);
}

TEST_CASE("a task of an unknown session is a wrong field, not a missing page") {
    api_harness h;
    const auto wrong = h.post("/api/tasks", R"({"project_id":"p","task_name":"n",
        "session_id":"11111111-2222-4333-8444-555555555555"})");
    CHECK(wrong.status == 400);
    CHECK_FALSE(wrong.detail("session_id").empty());
    CHECK(h.post("/api/tasks", R"({"session_id":"x"})").body.as_object().at("details").as_array().size() ==
          3);
}

TEST_CASE("tasks are listed by session, project and status") {
    api_harness h;
    const auto session = h.create();
    create_task(h, session, "a");
    h.patch(create_task(h, session, "b"), R"({"status":"failed","error_message":"x"})");
    CHECK(h.get("/api/tasks?session_id=" + id_in(session))["total"] == 2);
    CHECK(h.get("/api/tasks?status=failed")["tasks"].at(0).at("task_name") == "b");
    const auto page = h.get("/api/tasks?limit=1&project_id=p");
    CHECK(page["tasks"].at(0).at("task_name") == "b");
    CHECK(h.get("/api/tasks?limit=1&project_id=p&cursor=" + page.text_at("next_cursor"))["tasks"].at(0).at(
              "task_name") == "a");
    CHECK(h.get("/api/tasks?limit=200").status == 200);
    CHECK(h.get("/api/tasks?limit=201").status == 400);
    CHECK(h.get("/api/tasks?session_id=x").detail("session_id") == "must be a UUID");
}

TEST_CASE("a machine registers, registers again, changes and goes") {
    api_harness h;
    const std::string body = R"({"hostname":"h","docker_slots":[1,2],"machine_id":"lab/1"})";
    const auto made = h.post("/api/machines", body);
    CHECK(made.status == 201);
    CHECK(made.header("Location") == "/api/machines/lab%2F1");
    CHECK(made["active_sessions"].as_array().empty());
    CHECK(h.post("/api/machines", body).status == 200);
    const auto stranger =
        h.post("/api/machines", R"({"hostname":"g","docker_slots":[],"machine_id":"lab/1"})");
    CHECK(stranger.status == 409);
    CHECK(stranger.text_at("code") == "machine_mismatch");

    const auto session = h.create("p", "lab/1");
    const auto shown = h.get("/api/machines/lab%2F1");
    CHECK(shown["active_sessions"].at(0) == boost::json::string_view(id_in(session)));
    CHECK(h.ask(verb::del, "/api/machines/lab%2F1").text_at("code") == "in_use");
    CHECK(h.patch("/api/machines/lab%2F1", R"({"status":"maintenance"})")["status"] == "maintenance");
    CHECK(h.get("/api/machines?status=maintenance")["total"] == 1);
    CHECK_FALSE(h.get("/api/machines").body.as_object().contains("next_cursor"));
    CHECK(h.get("/api/machines?cursor=x").detail("cursor") == "is not a parameter of this route");
    h.post(session + "/mark-failed", R"({"error_message":"x"})");
    CHECK(h.ask(verb::del, "/api/machines/lab%2F1").status == 204);
    CHECK(h.get("/api/machines/lab%2F1").status == 404);
}

TEST_CASE("a machine's beat carries those of its sessions, each with its own result") {
    api_harness h;
    h.post("/api/machines", R"({"hostname":"h","docker_slots":[],"machine_id":"m"})");
    const auto mine = h.create("a", "m"), ended = h.create("b", "m"), foreign = h.create("c", "n");
    h.post(ended + "/mark-failed", R"({"error_message":"x"})");
    const auto beat = h.post("/api/machines/m/heartbeat",
                             R"({"sessions":[{"session_id":")" + id_in(mine) + R"("},{"session_id":")" +
                                 id_in(ended) + R"("},{"session_id":")" + id_in(foreign) +
                                 R"("},{"session_id":"11111111-2222-4333-8444-555555555555"}]})");
    CHECK(beat.status == 200);
    CHECK(beat["machine_id"] == "m");
    const auto& results = beat["results"].as_array();
    REQUIRE(results.size() == 4);
    CHECK(results[0].at("status") == 200);
    CHECK_FALSE(results[0].as_object().contains("code"));
    CHECK(results[1].at("status") == 409);
    CHECK(results[1].at("code") == "terminal");
    CHECK(results[2].at("status") == 409);
    CHECK(results[3].at("status") == 404);

    CHECK(h.post("/api/machines/m/heartbeat")["results"].as_array().empty());
    CHECK(h.post("/api/machines/x/heartbeat").status == 404);
    CHECK(h.post("/api/machines/m/heartbeat", R"({"sessions":[{"session_id":"x"}]})")
              .detail("sessions[0].session_id") == "must be a UUID");
}

TEST_CASE("a thousand sessions may beat at once, more values than other bodies may hold") {
    api_harness h;
    h.post("/api/machines", R"({"hostname":"h","docker_slots":[],"machine_id":"m"})");
    std::string body = R"({"sessions":[)";
    for (int i = 0; i < 1000; ++i)
        body += std::string(i ? "," : "") +
                R"({"session_id":"11111111-2222-4333-8444-555555555555",
                "epoch":1,"progress":{"seq":1},"phase":"tool"})";
    CHECK(h.post("/api/machines/m/heartbeat", body + "]}")["results"].as_array().size() == 1000);
    CHECK(h.post("/api/machines/m/heartbeat",
                 body + R"(,{"session_id":"11111111-2222-4333-8444-555555555555"}]})")
              .detail("sessions")
              .starts_with("must have at most 1000"));
}
