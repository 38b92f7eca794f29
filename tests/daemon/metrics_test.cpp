#include "observe/metrics.hpp"

#include <ctime>

#include "api_harness.hpp"
#include "exposition_reader.hpp"
#include "observe/process_figures.hpp"
#include "observe/timed_store.hpp"
#include "observe/verdict_log.hpp"
#include "outage_store.hpp"

using namespace statetrackd;
using namespace statetrackd::testing;

namespace {

const std::vector<std::string> ill_named_twins = {
    "active_sessions_count", "database_query_duration_ms", "heartbeat_latency_ms",  "request_duration_ms",
    "sessions_count",        "stall_detection_delay_ms",   "stalled_sessions_count"};

exposition_reader scraped(api_harness& h) {
    const auto got = h.get("/metrics");
    REQUIRE(got.status == 200);
    return exposition_reader(got.text);
}

// As the sweeper of the daemon does it.
void sweep(api_harness& h) {
    const auto report = h.tracked->sweep();
    statetrack::manual_clock quiet;
    logger log(quiet, {.level = log_level::error}, [](auto) {});
    tell_verdicts(report, *h.tracked, log, h.counted.get());
    const auto found = h.tracked->health();
    h.counted->sessions_are(found ? std::optional(found->by_status) : std::nullopt);
}

// Time passes as the agents beat and the sweeper sweeps, second by second.
void live(api_harness& h, std::int64_t seconds, const std::vector<std::string>& beating) {
    for (std::int64_t s = 0; s < seconds; ++s) {
        h.clock.advance(1'000);
        if (s % 30 == 0)
            for (const auto& path : beating) REQUIRE(h.post(path + "/heartbeat").status == 200);
        sweep(h);
    }
}

}  // namespace

TEST_CASE("a duration counts in every bucket whose bound it does not exceed") {
    static constexpr std::int64_t bounds[] = {10, 20};
    histogram h(bounds);
    for (const std::int64_t us : {9, 10, 11, 20, 21}) h.add(us);
    const auto found = h.read();
    CHECK(found.cumulative == std::vector<std::uint64_t>{2, 4, 5});
    CHECK(found.sum_us == 71);
}

TEST_CASE("requests are counted by route template, method and exact status") {
    api_harness h;
    const auto path = h.create();
    CHECK(h.get(path).status == 200);
    CHECK(h.get(path, {.if_none_match = "*"}).status == 304);
    CHECK(h.ask(verb::head, path).status == 200);
    CHECK(h.post("/api/sessions", "{}").status == 400);
    CHECK(h.get("/api/sessions/" + std::string(36, '0')).status == 404);
    CHECK(h.get("/no/such/route").status == 404);
    CHECK(h.post("/api/sessions", R"({"project_id":"p","machine_id":"m"})").status == 409);
    const auto all = scraped(h);
    const auto count = [&](const std::string& endpoint, const std::string& method, int status) {
        return all.value("api_requests_total{endpoint=\"" + endpoint + "\",method=\"" + method +
                         "\",status=\"" + std::to_string(status) + "\"}");
    };
    CHECK(count("/api/sessions", "POST", 201) == 1);
    CHECK(count("/api/sessions", "POST", 400) == 1);
    CHECK(count("/api/sessions", "POST", 409) == 1);
    CHECK(count("/api/sessions/{id}", "GET", 200) == 1);
    CHECK(count("/api/sessions/{id}", "GET", 304) == 1);
    CHECK(count("/api/sessions/{id}", "GET", 404) == 1);
    CHECK(count("/api/sessions/{id}", "HEAD", 200) == 1);
    CHECK(count("unmatched", "GET", 404) == 1);
    CHECK(all.value("request_duration_ms_count") == 8);
    CHECK(all.families.at("api_requests_total").samples.size() == 8);
    // The scrape itself stands in the next one.
    CHECK(scraped(h).value(R"(api_requests_total{endpoint="/metrics",method="GET",status="200"})") == 1);
}

TEST_CASE("durations stand there in milliseconds and in seconds, of accepted heartbeats apart") {
    std::int64_t now_us = 0;
    metrics counted({{.path = "/beat", .beats = true}, {.path = "/other"}}, [&] { return now_us; });
    counted.request_done(0, verb::post, 200, 1'500);
    counted.request_done(0, verb::post, 429, 10);
    counted.request_done(1, verb::get, 200, 40'000'000);
    const exposition_reader all(exposition(counted, {}));
    CHECK(all.value("heartbeat_latency_ms_count") == 1);
    CHECK(all.value("heartbeat_latency_ms_sum") == 1.5);
    CHECK(all.value("statetrack_heartbeat_duration_seconds_sum") == 0.0015);
    CHECK(all.value("heartbeat_latency_ms_bucket{le=\"1\"}") == 0);
    CHECK(all.value("heartbeat_latency_ms_bucket{le=\"2.5\"}") == 1);
    CHECK(all.value("statetrack_heartbeat_duration_seconds_bucket{le=\"0.0025\"}") == 1);
    CHECK(all.value("request_duration_ms_count") == 3);
    CHECK(all.value("request_duration_ms_bucket{le=\"30000\"}") == 2);
    CHECK(all.value("request_duration_ms_bucket{le=\"+Inf\"}") == 3);
}

TEST_CASE("a stall, a false one and a recovery are counted, with the delay of the verdict") {
    api_harness h;
    const auto dead = h.create("p", "m");
    const auto back = h.create("q", "m");
    const auto well = h.create("r", "m");
    live(h, 100, {dead, back, well});
    live(h, 200, {well});
    auto all = scraped(h);
    CHECK(all.value("active_sessions_count") == 1);
    CHECK(all.value("stalled_sessions_count") == 2);
    CHECK(all.value(R"(sessions_count{status="stalled"})") == 2);
    CHECK(all.value(R"(statetrack_sessions{status="active"})") == 1);
    CHECK(all.value(R"(statetrack_sessions{status="completed"})") == 0);
    CHECK(all.value(R"(stalls_total{reason="silent"})") == 2);
    CHECK(all.value(R"(false_stalls_total{reason="silent"})") == 0);
    CHECK(all.value("recoveries_total") == 0);
    CHECK(all.value("stall_detection_delay_ms_count") == 2);
    CHECK(all.value("statetrack_stall_detection_delay_seconds_bucket{le=\"1\"}") == 2);
    CHECK(all.value(R"(background_job_runs_total{job="stall_detection",result="success"})") == 300);
    CHECK(all.value(R"(background_job_runs_total{job="stall_detection",result="failure"})") == 0);

    REQUIRE(h.post(back + "/heartbeat").status == 200);
    REQUIRE(h.post(dead + "/recover", R"({"new_machine_id":"n"})").status == 201);
    live(h, 1, {});
    all = scraped(h);
    CHECK(all.value(R"(false_stalls_total{reason="silent"})") == 1);
    CHECK(all.value("recoveries_total") == 1);
    CHECK(all.value("active_sessions_count") == 3);
    CHECK(all.value(R"(statetrack_sessions{status="completed"})") == 1);
}

TEST_CASE("a verdict asked for by detect-failures counts with its delay like any other") {
    api_harness h;
    const auto path = h.create();
    live(h, 1, {path});
    for (int i = 0; i < 179; ++i) {
        h.clock.advance(1'000);
        h.tracked->sweep();
    }
    h.clock.advance(1'900);
    CHECK(h.post("/api/sessions/detect-failures")["stalled"].as_array().size() == 1);
    const auto all = scraped(h);
    CHECK(all.value("stall_detection_delay_ms_count") == 1);
    CHECK(all.value("stall_detection_delay_ms_sum") == 900);
    CHECK(h.end_log().find("\"time_since_heartbeat_ms\":180900") != std::string::npos);
}

TEST_CASE("refusals are counted: keys by reason, budgets, throttled beats inside a machine's beat") {
    api_harness h;
    const auto machine = h.post("/api/machines", R"({"hostname":"h","docker_slots":[],"machine_id":"m"})");
    REQUIRE(machine.status == 201);
    const auto id = h.create("p", "m").substr(std::string("/api/sessions/").size());
    const auto refused = [&](std::string key) {
        return h.ask(request{.target = "/api/tasks", .fields = {.api_key = std::move(key)}}).status;
    };
    CHECK(refused("") == 401);
    CHECK(refused("nonsense") == 401);
    CHECK(refused("99999999-2222-4333-8444-555555555555") == 401);
    CHECK(refused("99999999-2222-4333-8444-555555555555") == 401);
    h.limit({.requests = 2, .heartbeats = 1});
    const auto beat = [&] {
        return h.post("/api/machines/m/heartbeat", R"({"sessions":[{"session_id":")" + id + R"("}]})").status;
    };
    CHECK(beat() == 200);
    h.limit({.requests = 3, .heartbeats = 1});
    CHECK(h.post("/api/sessions/" + id + "/heartbeat").status == 200);
    CHECK(beat() == 200);  // its session is throttled
    CHECK(beat() == 429);
    for (int i = 0; i < 2; ++i) CHECK(h.get("/api/tasks").status == 200);
    const auto all = scraped(h);
    CHECK(all.value(R"(auth_failures_total{reason="missing"})") == 1);
    CHECK(all.value(R"(auth_failures_total{reason="malformed"})") == 1);
    CHECK(all.value(R"(auth_failures_total{reason="unknown"})") == 2);
    CHECK(all.value("rate_limited_total") == 2);
}

TEST_CASE("calls of the store are timed by operation") {
    std::int64_t now_us = 0;
    metrics counted({}, [&] { return now_us += 1'000; });
    const auto inner = statetrack::make_memory_store();
    timed_store timed(*inner, counted);
    for (int i = 0; i < 2; ++i)
        CHECK(timed.read([](auto&) -> statetrack::result<> { return {}; }).has_value());
    timed.execute({});
    CHECK(timed.checkpoint().has_value());
    const exposition_reader all(exposition(counted, {}));
    CHECK(all.value(R"(database_query_duration_ms_count{operation="read"})") == 2);
    CHECK(all.value(R"(database_query_duration_ms_sum{operation="read"})") == 2);
    CHECK(all.value(R"(statetrack_database_query_duration_seconds_sum{operation="execute"})") == 0.001);
    CHECK(all.value(R"(database_query_duration_ms_count{operation="checkpoint"})") == 1);
    CHECK(all.value(R"(database_query_duration_ms_count{operation="find"})") == 0);
}

TEST_CASE("mass silence and a store that is away show as holds, and counts that nobody knows are left out") {
    auto kept = std::make_unique<statetrack::testing::outage_store>(statetrack::make_memory_store());
    auto& store = *kept;
    api_harness h(std::move(kept));
    h.create();
    live(h, 1, {});
    auto all = scraped(h);
    CHECK(all.value(R"(detector_hold{reason="store_unavailable"})") == 0);
    CHECK(all.value(R"(detector_hold{reason="mass_silence"})") == 0);
    CHECK(all.value("statetrack_store_available") == 1);
    CHECK(all.has("active_sessions_count"));
    store.down = true;
    live(h, 6, {});
    all = scraped(h);
    CHECK(all.value(R"(detector_hold{reason="store_unavailable"})") == 1);
    CHECK(all.value("statetrack_store_available") == 0);
    CHECK_FALSE(all.has("active_sessions_count"));
    CHECK_FALSE(all.has(R"(statetrack_sessions{status="active"})"));
}

TEST_CASE("the text keeps to the format, and only the names that dashboards know break the rules of naming") {
    // The kernel counts a process' time in hundredths of a second.
    while (std::clock() < CLOCKS_PER_SEC / 20) {}
    api_harness h;
    const auto path = h.create();
    h.in.open_connections = [] { return std::size_t{7}; };
    live(h, 1, {path});
    const auto got = h.get("/metrics");
    CHECK(got.content_type == "text/plain; version=0.0.4; charset=utf-8");
    const exposition_reader all(got.text);
    for (const auto& broken : all.malformed) FAIL_CHECK(broken);
    CHECK(all.ill_named() == ill_named_twins);
    CHECK(all.value("open_connections") == 7);
    CHECK(all.value("log_lines_dropped_total") == 0);
    CHECK(all.families.at("statetrack_build_info").samples.size() == 1);
    for (const auto* name :
         {"process_cpu_seconds_total", "process_start_time_seconds", "process_resident_memory_bytes",
          "process_virtual_memory_bytes", "process_open_fds", "process_max_fds", "process_threads"}) {
        CAPTURE(name);
        CHECK(all.value(name) > 0);
    }
    CHECK(got.text.find(test_key) == std::string::npos);
}

TEST_CASE("what breaks the format or a rule of naming is caught by the reader") {
    const exposition_reader wrong(
        "# HELP a A.\n# TYPE a counter\na 1\na 1\nb 2\n# HELP c_ms C.\n# TYPE c_ms gauge\nc_ms{x=\"\"y\"} 1\n"
        "# HELP d D.\n# TYPE d histogram\nd_count 2\nd_sum 1\nd_bucket{le=\"1\"} 3\nd_bucket{le=\"+Inf\"} "
        "1\n");
    CHECK(wrong.malformed.size() == 5);
    CHECK(wrong.ill_named() == std::vector<std::string>{"a", "c_ms"});
}

TEST_CASE("a scrape needs a key, and its query is checked") {
    api_harness h;
    CHECK(h.ask(request{.target = "/metrics"}).status == 401);
    CHECK(h.get("/metrics?name=x").status == 400);
}

TEST_CASE("the process' own figures are read whatever its name is") {
    const std::string stat =
        "12 (a (b) c) S 1 1 1 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 9 0 1000 4096000 25 1 1 1";
    const auto found = parse_process_stat(stat, 100, 4'096, 1'700'000'000);
    REQUIRE(found.has_value());
    CHECK(found->cpu_seconds == 3);
    CHECK(found->threads == 9);
    CHECK(found->start_time_seconds == 1'700'000'010);
    CHECK(found->virtual_bytes == 4'096'000);
    CHECK(found->resident_bytes == 25 * 4'096);
    CHECK_FALSE(parse_process_stat("12 (x", 100, 4'096, 0).has_value());
    CHECK_FALSE(parse_process_stat("12 (x) S 1", 100, 4'096, 0).has_value());
}
