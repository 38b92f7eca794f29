#include "api_harness.hpp"

using namespace statetrackd;
using namespace statetrackd::testing;

namespace {

// As the daemon's sweeping thread does it, on a clock that moves only here.
void pass_time(api_harness& h, std::int64_t ms) {
    for (std::int64_t left = ms; left > 0;) {
        const auto step = std::min(left, h.tracked->sweep().next_in_ms);
        h.clock.advance(step);
        left -= step;
    }
    h.tracked->sweep();
}

}  // namespace

TEST_CASE("stall, recover, the zombie returns") {
    api_harness h;
    const auto path = h.create();
    CHECK(h.get(path + "/health")["is_healthy"] == true);
    pass_time(h, 200'000);
    CHECK(h.get(path)["status"] == "stalled");
    CHECK(h.get(path + "/health")["is_stalled"] == true);
    const auto stalled = h.get("/api/sessions/stalled");
    CHECK("/api/sessions/" + std::string(stalled["stalled_sessions"].at(0).at("session_id").as_string()) ==
          path);
    CHECK(stalled["stall_threshold_ms"] == 180'000);

    const auto made = h.post(path + "/recover", R"({"new_machine_id":"m"})");
    CHECK(made.status == 201);
    CHECK(made["epoch"] == 2);
    CHECK(made.header("Location") == "/api/sessions/" + made.text_at("session_id"));
    const auto again = h.post(path + "/recover", R"({"new_machine_id":"m"})");
    CHECK(again.status == 200);
    CHECK(again.text_at("session_id") == made.text_at("session_id"));

    const auto zombie = h.post(path + "/heartbeat");
    CHECK(zombie.status == 409);
    CHECK(zombie.text_at("code") == "superseded");
    CHECK(zombie["facts"].at("superseded_by") == made["session_id"]);

    h.ask(verb::del, made.header("Location"));
    const auto gone = h.post(path + "/recover", R"({"new_machine_id":"m"})");
    CHECK(gone.status == 410);
    CHECK(gone.text_at("code") == "successor_gone");
}

TEST_CASE("recovery is only for sessions that failed, stalled or expired") {
    api_harness h;
    const auto path = h.create();
    CHECK(h.post(path + "/recover", R"({"new_machine_id":"m"})").status == 400);
    CHECK(h.post(path + "/prepare-recovery").text_at("code") == "wrong_state");
    CHECK(h.post(path + "/recover", "{}").detail("new_machine_id") == "is required");
    CHECK(h.post(path + "/mark-failed", "{}").detail("error_message") == "is required");
    const auto failed = h.post(path + "/mark-failed", R"({"error_message":"boom","metadata":{"k":1}})");
    CHECK(failed["status"] == "failed");
    CHECK(failed["metadata"].at("error_message") == "boom");
    CHECK(h.post(path + "/mark-failed", R"({"error_message":"boom"})").status == 200);
}

TEST_CASE("the recovery state holds what a successor needs") {
    api_harness h;
    const auto path = h.create();
    const auto id = path.substr(path.rfind('/') + 1);
    const auto task = [&](std::string_view name) {
        return h
            .post("/api/tasks", R"({"project_id":"p","task_name":")" + std::string(name) +
                                    R"(","session_id":")" + id + R"("})")
            .header("Location");
    };
    const auto done = task("done"), broken = task("broken"), waiting = task("waiting");
    h.patch(done, R"({"status":"completed"})");
    h.patch(broken, R"({"status":"failed","error_message":"x"})");
    h.post(path + "/mark-stalled");
    const auto state = h.get(path + "/recovery-state");
    CHECK(state["last_successful_task"].at("task_name") == "done");
    CHECK(state["failed_tasks"].as_array().size() == 1);
    CHECK(state["pending_tasks"].at(0).at("task_name") == "waiting");
    CHECK(state["in_progress_tasks"].as_array().empty());
    CHECK(state["superseded_by"].is_null());
    const auto prepared = h.post(path + "/prepare-recovery", R"({"clear_machine":true})");
    CHECK(prepared["metadata"].as_object().contains("recovery_prepared_at"));
    CHECK(h.get(path)["machine_id"].is_null());
}

TEST_CASE("the fleet's health counts every status") {
    api_harness h;
    h.create("a", "m");
    h.post(h.create("b", "m") + "/mark-stalled");
    const auto health = h.get("/api/sessions/health");
    CHECK(health["total_sessions"] == 2);
    CHECK(health["active_sessions"] == 1);
    CHECK(health["stalled_sessions"] == 1);
    for (const auto* status : {"pending", "paused", "completed", "failed", "expired"})
        CHECK(health[std::string(status) + "_sessions"] == 0);
    CHECK(health.body.as_object().contains("last_updated"));
}

TEST_CASE("explain says what the detector thinks and why") {
    api_harness h;
    const auto path = h.create();
    const auto why = h.get(path + "/explain");
    CHECK(why.status == 200);
    CHECK(why["verdict"] == "alive");
    CHECK(why["inputs"].at("stall_threshold_ms") == 180'000);
    CHECK(why["last_verdict"].is_null());
}

TEST_CASE("detection and cleanup run by hand") {
    api_harness h;
    const auto path = h.create();
    const auto detected = h.post("/api/sessions/detect-failures");
    CHECK(detected.status == 200);
    CHECK(detected["scanned"] == 1);
    CHECK(detected["stalled"].as_array().empty());

    h.post(path + "/mark-failed", R"({"error_message":"x"})");
    h.clock.advance(1'000);
    CHECK(h.post("/api/sessions/cleanup")["deleted_sessions"] == 0);
    CHECK(h.ask(verb::del, "/api/sessions/cleanup?older_than_days=0")["deleted_sessions"] == 1);
    CHECK(
        h.post("/api/sessions/cleanup?older_than_days=-1").detail("older_than_days").starts_with("must be"));
}
