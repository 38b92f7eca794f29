// What operations.md wants to find in the log, each event with its context.
#include <sstream>

#include "api_harness.hpp"
#include "observe/verdict_log.hpp"
#include "outage_store.hpp"

using namespace statetrackd;
using namespace statetrackd::testing;

namespace {

// The lines with that message, in order.
std::vector<boost::json::object> lines_of(const std::string& log, std::string_view message) {
    std::vector<boost::json::object> found;
    std::istringstream in(log);
    for (std::string line; std::getline(in, line);) {
        auto one = boost::json::parse(line).as_object();
        if (one.at("message").as_string() == message) found.push_back(std::move(one));
    }
    return found;
}

const boost::json::object& context_of(const boost::json::object& line) {
    return line.at("context").as_object();
}

std::string text_in(const boost::json::object& line, std::string_view name) {
    return std::string(context_of(line).at(name).as_string());
}

std::string id_in(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

TEST_CASE("what becomes of a session stands in the log with its ids, its place and the route") {
    api_harness h;
    const auto path = h.create("site", "laptop");
    for (int i = 0; i < 3; ++i) {
        h.clock.advance(1'000);
        h.post(path + "/heartbeat");
    }
    h.clock.advance(4'000);
    h.post(path + "/mark-stalled");
    const auto made = h.post(path + "/recover", R"({"new_machine_id":"server"})");
    const auto successor = made.header("Location");
    h.post(successor + "/mark-failed", R"({"error_message":"broken"})");
    REQUIRE(h.ask(verb::del, path).status == 204);
    const auto log = h.end_log();

    for (const auto* message : {"session created", "heartbeat", "session stalled", "session recovered",
                                "session failed", "session deleted", "request done"}) {
        CAPTURE(message);
        const auto lines = lines_of(log, message);
        REQUIRE_FALSE(lines.empty());
        CHECK_FALSE(context_of(lines[0]).at("request_id").as_string().empty());
        CHECK(context_of(lines[0]).contains("endpoint"));
    }
    const auto created = lines_of(log, "session created");
    CHECK(text_in(created[0], "session_id") == id_in(path));
    CHECK(context_of(created[0]).at("project_id") == "site");
    CHECK(context_of(created[0]).at("machine_id") == "laptop");
    // Of the beats only the first is worth a line at info.
    CHECK(lines_of(log, "heartbeat").size() == 1);
    const auto stalled = lines_of(log, "session stalled");
    CHECK(context_of(stalled[0]).at("time_since_heartbeat_ms") == 4'000);
    CHECK(stalled[0].at("level") == "warn");
    const auto recovered = lines_of(log, "session recovered");
    CHECK(text_in(recovered[0], "session_id") == id_in(path));
    CHECK(text_in(recovered[0], "new_session_id") == id_in(successor));
    CHECK(context_of(recovered[0]).at("machine_id") == "server");
    CHECK(text_in(lines_of(log, "session failed")[0], "session_id") == id_in(successor));
    CHECK(text_in(lines_of(log, "session deleted")[0], "session_id") == id_in(path));
    const auto done = lines_of(log, "request done");
    CHECK(context_of(done[0]).at("method") == "POST");
    CHECK(context_of(done[0]).at("status") == 201);
    CHECK(context_of(done[0]).contains("duration_ms"));
}

TEST_CASE("the first beat of each session in a machine's beat stands in the log") {
    api_harness h;
    REQUIRE(h.post("/api/machines", R"({"hostname":"h","docker_slots":[],"machine_id":"m"})").status == 201);
    std::string elements;
    for (const auto* project : {"p", "q"})
        elements += (elements.empty() ? "" : ",") + std::string(R"({"session_id":")") +
                    id_in(h.create(project, "m")) + R"("})";
    for (int i = 0; i < 3; ++i) {
        h.clock.advance(1'000);
        REQUIRE(h.post("/api/machines/m/heartbeat", "{\"sessions\":[" + elements + "]}").status == 200);
    }
    CHECK(lines_of(h.end_log(), "heartbeat").size() == 2);
}

TEST_CASE("verdicts of a sweep and the jobs that passed them stand in the log") {
    api_harness h;
    const auto path = h.create("site", "laptop");
    h.post(path + "/heartbeat");
    std::string told;
    {
        logger log(h.clock, {}, [&](std::string_view lines) { told += lines; });
        job_log jobs(log);
        const auto sweep_for = [&](std::int64_t ms) {
            for (const auto end = h.clock.read().age.ms + ms; h.clock.read().age.ms < end;) {
                h.clock.advance(1'000);
                tell_verdicts(h.tracked->sweep(), *h.tracked, log, nullptr);
                jobs.tell(h.tracked->jobs());
            }
        };
        sweep_for(190'000);
        sweep_for(25 * 3'600'000);
    }
    const auto stalled = lines_of(told, "session stalled");
    REQUIRE(stalled.size() == 1);
    CHECK(text_in(stalled[0], "session_id") == id_in(path));
    CHECK(context_of(stalled[0]).at("project_id") == "site");
    CHECK(context_of(stalled[0]).at("time_since_heartbeat_ms").as_int64() > 180'000);
    CHECK(lines_of(told, "session expired").size() == 1);
    // Only runs that did something are worth a line at info.
    const auto runs = lines_of(told, "background job run");
    REQUIRE(runs.size() == 2);
    CHECK(context_of(runs[0]).at("name") == "stall_detection");
    CHECK(context_of(runs[0]).at("affected") == 1);
    CHECK(context_of(runs[0]).contains("duration_ms"));
    CHECK(context_of(runs[1]).at("name") == "expiry");
}

TEST_CASE("a job that goes on failing is told of once, and again when it fails anew") {
    const statetrack::manual_clock time;
    std::string told;
    {
        logger log(time, {}, [&](std::string_view lines) { told += lines; });
        job_log jobs(log);
        statetrack::job_record job{.name = "expiry"};
        const auto run = [&](std::optional<std::string> error) {
            job.last_error = std::move(error);
            ++(job.last_error ? job.runs_failed : job.runs_succeeded);
            jobs.tell({job});
        };
        for (int i = 0; i < 5; ++i) run("disk gone");
        run("disk full");
        run(std::nullopt);
        run("disk full");
        jobs.tell({job});  // no new run
    }
    const auto failed = lines_of(told, "background job failed");
    REQUIRE(failed.size() == 3);
    CHECK(context_of(failed[0]).at("error") == "disk gone");
    CHECK(context_of(failed[0]).at("name") == "expiry");
    CHECK(failed[0].at("level") == "error");
}

TEST_CASE("a job that failed makes the detailed health degraded until it has run again") {
    auto kept = std::make_unique<statetrack::testing::outage_store>(statetrack::make_memory_store());
    auto& store = *kept;
    api_harness h(std::move(kept));
    h.create();
    const auto job = [&](std::string_view name) {
        const auto health = h.get("/health/detailed");
        for (const auto& one : health["dependencies"].at("background_jobs").at("jobs").as_array())
            if (one.at("name").as_string() == name) return one.as_object();
        FAIL("no such job");
        return boost::json::object();
    };
    h.tracked->sweep();
    CHECK(job("retention").at("status") == "ok");
    CHECK(job("retention").at("last_run").as_string() == "2026-01-19T10:00:00.000Z");
    CHECK(job("retention").at("last_error").is_null());
    store.down = true;
    h.clock.advance(3'600'000);
    h.tracked->sweep();
    CHECK(job("retention").at("status") == "degraded");
    CHECK(job("retention").at("runs_failed").as_int64() == 1);
    CHECK(job("retention").at("last_error").as_string() == "see the daemon's log");
    store.down = false;
    h.clock.advance(3'600'000);
    h.tracked->sweep();
    CHECK(job("retention").at("status") == "ok");
}

TEST_CASE("a job is late after ten minutes without a run, or twice its interval where that is longer") {
    api_harness h;
    h.tracked->sweep();
    const auto status = [&](std::string_view name) {
        const auto health = h.get("/health/detailed");
        for (const auto& one : health["dependencies"].at("background_jobs").at("jobs").as_array())
            if (one.at("name").as_string() == name) return std::string(one.at("status").as_string());
        return std::string("missing");
    };
    h.clock.advance(600'000);
    CHECK(status("stall_detection") == "ok");
    h.clock.advance(1);
    CHECK(status("stall_detection") == "degraded");
    // Retention runs once an hour.
    CHECK(status("retention") == "ok");
    h.clock.advance(7'200'000 - 600'001);
    CHECK(status("retention") == "ok");
    h.clock.advance(1);
    CHECK(status("retention") == "degraded");
    CHECK(h.get("/health/detailed")["status"] == "degraded");
}
