#include <doctest/doctest.h>

#include "api/cursor.hpp"
#include "api/decode.hpp"
#include "api/etag.hpp"
#include "guard/framing.hpp"

using namespace statetrackd;
using namespace statetrack;

namespace {

template <class Request>
std::vector<field_problem> problems_of(std::string_view body, Request* decoded = nullptr) {
    const auto parsed = parse_json(body);
    REQUIRE(parsed.has_value());
    Request request;
    problem_list problems;
    decode_request(parsed->as_object(), request, problems);
    if (decoded) *decoded = request;
    return problems.take();
}

using found = std::vector<field_problem>;

}  // namespace

TEST_CASE("a body becomes its request") {
    new_session made;
    CHECK(problems_of(R"({"project_id":"p","machine_id":"m","docker_slot":2,"status":"pending",
                         "metadata":{"a":[1]},"on_conflict":"takeover"})",
                      &made)
              .empty());
    CHECK(made.project_id == "p");
    CHECK(made.docker_slot == 2);
    CHECK(made.status == initial_status::pending);
    CHECK(made.metadata->text() == R"({"a":[1]})");
    CHECK(made.on_conflict == conflict_policy::takeover);
}

TEST_CASE("every wrong field is named at once, bounds and types and unknown ones") {
    const auto problems = problems_of<new_session>(
        R"({"project_id":"","docker_slot":-1,"stall_threshold_ms":1.5,
            "status":"stalled","metadata":[],"x":1})");
    const found expected{{"machine_id", "is required"},
                         {"docker_slot", "must be at least 0"},
                         {"metadata", "must be an object"},
                         {"project_id", "must not be empty"},
                         {"stall_threshold_ms", "must be an integer"},
                         {"status", "must be one of active, pending"},
                         {"x", "is not a field of this request"}};
    auto sorted = problems;
    std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.field < b.field; });
    auto wanted = expected;
    std::sort(wanted.begin(), wanted.end(), [](const auto& a, const auto& b) { return a.field < b.field; });
    CHECK(sorted == wanted);
}

TEST_CASE("null clears in a patch, and is a wrong type elsewhere") {
    session_patch patch;
    CHECK(problems_of(R"({"current_task_id":null,"stall_threshold_ms":5000})", &patch).empty());
    CHECK(patch.current_task_id.given);
    CHECK_FALSE(patch.current_task_id.to.has_value());
    CHECK(patch.stall_threshold_ms.to == 5000);
    CHECK_FALSE(patch.checkpoint.given);

    CHECK(problems_of<session_patch>(R"({"status":null})").size() == 1);
    CHECK(problems_of<new_session>(R"({"project_id":null,"machine_id":"m"})") ==
          found{{"project_id", "must be a string"}});
}

TEST_CASE("what the path names is no field of the body, but is one of a list's elements") {
    CHECK(problems_of<heartbeat>(R"({"session_id":"4d6f2c1e-9a58-4b7e-8c3d-2f1a0b9c8d7e"})") ==
          found{{"session_id", "is not a field of this request"}});
    machine_heartbeat beat;
    CHECK(problems_of(R"({"sessions":[{"session_id":"4d6f2c1e-9a58-4b7e-8c3d-2f1a0b9c8d7e","epoch":2}]})",
                      &beat)
              .empty());
    CHECK(beat.sessions->at(0).epoch == 2);
    const auto problems =
        problems_of<machine_heartbeat>(R"({"sessions":[{},{"session_id":"x","phase":"odd"},7]})");
    CHECK(problems == found{{"sessions[0].session_id", "is required"},
                            {"sessions[1].session_id", "must be a UUID"},
                            {"sessions[1].phase",
                             "must be one of starting, working, tool, waiting_input, waiting_permission"},
                            {"sessions[2]", "must be an object"}});
}

TEST_CASE("a nested object is decoded with the path of its fields") {
    heartbeat beat;
    CHECK(problems_of(R"({"progress":{"seq":4,"note":"n"}})", &beat).empty());
    CHECK(beat.progress->seq == 4);
    CHECK(problems_of<heartbeat>(R"({"progress":{"sequence":4}})") ==
          found{{"progress.seq", "is required"}, {"progress.sequence", "is not a field of this request"}});
}

TEST_CASE("thousands of wrong fields make a bounded answer") {
    std::string body = "{";
    for (int i = 0; i < 1000; ++i)
        body += (i ? ",\"" : "\"") + std::string(200, 'k') + std::to_string(i) + "\":1";
    for (const auto& p : problems_of<stall_mark>(body + '}')) CHECK(p.field.size() <= 128);
    body = "{";
    for (int i = 0; i < 1000; ++i) body += (i ? ",\"k" : "\"k") + std::to_string(i) + "\":1";
    CHECK(problems_of<stall_mark>(body + '}').size() == 100);
}

TEST_CASE("a cursor leads back to its place, for its own filter only") {
    for (const std::int64_t after : {std::int64_t{0}, std::int64_t{1}, INT64_MAX, INT64_MIN}) {
        const auto cursor = make_cursor(after, "status=active");
        CHECK(read_cursor(cursor, "status=active") == after);
        CHECK_FALSE(read_cursor(cursor, "status=failed").has_value());
    }
    auto cursor = make_cursor(42, "");
    cursor[15] = cursor[15] == '0' ? '1' : '0';
    CHECK_FALSE(read_cursor(cursor, "").has_value());
    for (const auto* text : {"", "x", "0000000000000000000000000000000g"})
        CHECK_FALSE(read_cursor(text, "").has_value());
}

TEST_CASE("a session's tag covers its version and what stands beside it") {
    session_view s;
    const auto first = etag_of(s);
    CHECK(first.starts_with("\"1-"));
    s.row.last_heartbeat.ms += 1;
    CHECK(etag_of(s) != first);
    s.row.last_heartbeat.ms -= 1;
    s.alive_not_progressing = true;
    CHECK(etag_of(s) != first);
    s.alive_not_progressing = false;
    CHECK(etag_of(s) == first);
    s.row.version = 2;
    CHECK(etag_of(s).starts_with("\"2-"));
}

TEST_CASE("If-None-Match takes lists, weak tags and a star") {
    const std::string tag = "\"3-ab\"";
    CHECK(holds_tag("\"3-ab\"", tag));
    CHECK(holds_tag("\"1-0\", W/\"3-ab\"", tag));
    CHECK(holds_tag("*", tag));
    CHECK_FALSE(holds_tag("\"3-ac\"", tag));
    CHECK_FALSE(holds_tag("\"3-ab", tag));
    CHECK_FALSE(holds_tag("", tag));
}

TEST_CASE("If-Match names a version, with or without the rest of the tag") {
    CHECK_FALSE(version_named_by("").version.has_value());
    CHECK_FALSE(version_named_by("*").version.has_value());
    CHECK(version_named_by("\"7\"").version == 7);
    CHECK(version_named_by("\"7-beef\"").version == 7);
    CHECK(version_named_by("\"7-a\", \"7-b\"").version == 7);
    CHECK(version_named_by("\"7\", \"8\"").several);
    for (const auto* never : {"W/\"7\"", "\"x\"", "\"\"", "\"-7\"", "\"7x\""}) {
        CAPTURE(never);
        CHECK(version_named_by(never).version == 0);
    }
}

TEST_CASE("a sound header passes the guard") {
    header_view header{
        .method = "GET", .target = "/x", .fields = {{"Host", "h:80"}, {"Content-Length", "3"}}};
    CHECK_FALSE(judge_header(header).has_value());
    header.fields = {{"Host", "[::1]:80"}, {"Transfer-Encoding", "Chunked"}};
    CHECK_FALSE(judge_header(header).has_value());
    header = {.version = 10, .method = "GET", .target = "/x"};
    CHECK_FALSE(judge_header(header).has_value());
}

TEST_CASE("what Beast lets through is refused before the body is read") {
    using fields = std::vector<std::pair<std::string_view, std::string_view>>;
    const std::pair<std::string_view, std::string_view> host{"Host", "h"};
    const auto status = [](header_view header) {
        const auto wrong = judge_header(header);
        return wrong ? wrong->status : 0;
    };
    const auto with = [&](fields f) {
        return status({.method = "GET", .target = "/", .fields = std::move(f)});
    };
    CHECK(with({}) == 400);
    CHECK(with({host, host}) == 400);
    CHECK(with({{"Host", ""}}) == 400);
    CHECK(with({{"Host", "a b"}}) == 400);
    CHECK(with({host, {"Transfer-Encoding", "gzip"}}) == 400);
    CHECK(with({host, {"Transfer-Encoding", "chunked, chunked"}}) == 400);
    CHECK(with({host, {"Transfer-Encoding", "chunked"}, {"transfer-encoding", "chunked"}}) == 400);
    CHECK(with({host, {"Transfer-Encoding", "chunked"}, {"Content-Length", "1"}}) == 400);
    CHECK(with({host, {"Content-Length", "1"}, {"Content-Length", "1"}}) == 400);
    CHECK(with({host, {"Content-Length", "+1"}}) == 400);
    CHECK(with(fields(header_fields_max + 1, host)) == 431);
    CHECK(
        status(
            {.version = 10, .method = "GET", .target = "/", .fields = {{"Transfer-Encoding", "chunked"}}}) ==
        400);
    CHECK(status({.method = "BREW", .target = "/", .fields = {host}}) == 501);
    CHECK(status({.method = "GET", .target = "*", .fields = {host}}) == 400);
    CHECK(status({.method = "GET", .target = "/\x80", .fields = {host}}) == 400);
}
