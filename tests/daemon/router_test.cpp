#include "api/router.hpp"

#include <doctest/doctest.h>

#include <set>

#include "api/routes.hpp"
#include "api/target.hpp"

using namespace statetrackd;

namespace {

routing find(verb method, std::string_view text) {
    static const router routes(all_routes());
    const auto where = parse_target(text);
    REQUIRE(where.has_value());
    return routes.find(method, where->segments);
}

std::string_view path_found(verb method, std::string_view text) {
    const auto found = find(method, text);
    return found.found ? found.found->path : std::string_view{};
}

}  // namespace

TEST_CASE("a {id} takes any one segment, decoded after the path is split") {
    CHECK(path_found(verb::get, "/api/sessions/abc") == "/api/sessions/{id}");
    CHECK(find(verb::get, "/api/machines/a%2Fb%20c").parameters == std::vector<std::string>{"a/b c"});
    CHECK(find(verb::post, "/api/sessions/abc/heartbeat").parameters == std::vector<std::string>{"abc"});
}

TEST_CASE("a fixed segment wins over {id}, whatever the method") {
    CHECK(path_found(verb::get, "/api/sessions/stalled") == "/api/sessions/stalled");
    CHECK(path_found(verb::del, "/api/sessions/cleanup") == "/api/sessions/cleanup");
    const auto wrong_method = find(verb::get, "/api/sessions/cleanup");
    CHECK(wrong_method.found == nullptr);
    CHECK(wrong_method.path_known);
    CHECK(wrong_method.allow == "POST, DELETE, OPTIONS");
}

TEST_CASE("HEAD is served wherever GET is, and stands in Allow") {
    CHECK(path_found(verb::head, "/health") == "/health");
    CHECK(find(verb::put, "/api/sessions").allow == "GET, HEAD, POST, OPTIONS");
    CHECK(find(verb::head, "/api/sessions/x/recover").found == nullptr);
}

TEST_CASE("what is no route is unknown: longer, shorter, empty segments") {
    for (const auto* text : {"/", "/api", "/api/sessions/", "/api/sessions//heartbeat", "/api/sessions/a/b/c",
                             "//health", "/HEALTH", "/api/sessions/a/heartbeats"}) {
        CAPTURE(text);
        CHECK_FALSE(find(verb::get, text).path_known);
    }
}

TEST_CASE("the table names no route twice and says what each is for") {
    std::set<std::pair<verb, std::string_view>> seen;
    for (const auto& r : all_routes()) {
        CAPTURE(r.path);
        CHECK(seen.emplace(r.method, r.path).second);
        CHECK_FALSE(r.summary.empty());
    }
    CHECK(seen.size() == 41);
}

TEST_CASE("only the probes and the documentation need no key") {
    for (const auto& r : all_routes()) {
        CAPTURE(r.path);
        CHECK(r.open == (r.path == "/health" || r.path == "/livez" || r.path == "/readyz" ||
                         r.path.starts_with("/api/docs")));
    }
}

TEST_CASE("targets that decode to nothing sane are refused") {
    for (const auto* text :
         {"", "x", "*", "http://h/x", "/%", "/%zz", "/a%00b", "/%ff", "/?a=%c0%80", "/?%ed%a0%80"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_target(text).has_value());
    }
}

TEST_CASE("a path is split alike with and without a query, dots and empty segments as they stand") {
    using segments = std::vector<std::string>;
    const std::pair<std::string, segments> paths[] = {{"/", {}},
                                                      {"/a/", {"a", ""}},
                                                      {"//", {"", ""}},
                                                      {"/./c", {".", "c"}},
                                                      {"/./", {".", ""}},
                                                      {"/.//c", {".", "", "c"}},
                                                      {"/a/../b", {"a", "..", "b"}},
                                                      {"/././c", {".", ".", "c"}}};
    for (const auto& [path, split] : paths) {
        CAPTURE(path);
        const auto bare = parse_target(path), asked = parse_target(path + "?q=1");
        REQUIRE((bare && asked));
        CHECK(bare->segments == split);
        CHECK(asked->segments == split);
    }
    CHECK(parse_target("/a%2Fb/%20?q")->segments == segments{"a/b", " "});
}

TEST_CASE("query parameters are decoded, a plus as a space") {
    const auto where = parse_target("/x?a=1%202+3&b&c=%C3%A4");
    REQUIRE(where.has_value());
    const std::vector<std::pair<std::string, std::string>> expected{
        {"a", "1 2 3"}, {"b", ""}, {"c", "\xC3\xA4"}};
    CHECK(where->query == expected);
}

TEST_CASE("a path segment survives its own encoding") {
    for (const std::string text : {"plain", "a/b", "100%", "\xC3\xA4?#&+ "}) {
        CAPTURE(text);
        const auto where = parse_target("/" + encode_segment(text));
        REQUIRE(where.has_value());
        CHECK(where->segments == std::vector<std::string>{text});
    }
}
