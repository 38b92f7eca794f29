// The API over a store in memory, every answer of which is held against the document that the API gives of
// itself.
#pragma once

#include <map>
#include <set>

#include "api/openapi.hpp"
#include "api/router.hpp"
#include "api_harness.hpp"
#include "json_schema.hpp"

namespace statetrackd::testing {

inline const boost::json::object& served_document() {
    static const auto document = [] {
        api_harness h;
        return h.get("/api/docs/openapi.json").body.as_object();
    }();
    return document;
}

inline std::string in_lower_case(std::string_view text) {
    std::string lower;
    for (const char c : text) lower += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    return lower;
}

inline const boost::json::object& operation(std::string_view path, verb method) {
    const auto served_as = method == verb::head ? verb::get : method;
    return served_document().at("paths").at(path).at(in_lower_case(name_of(served_as))).as_object();
}

inline std::string media_type(std::string_view content_type) {
    return std::string(content_type.substr(0, content_type.find(';')));
}

// What in an answer of a route differs from what the document says of it.
inline std::vector<std::string> breaks_of_answer(const route& r, const reply& got) {
    const auto& document = served_document();
    const auto& answers = operation(r.path, r.method).at("responses").as_object();
    const auto* noted = answers.if_contains(std::to_string(got.status));
    if (noted == nullptr) return {"status " + std::to_string(got.status) + " is not documented: " + got.text};
    const auto& answer = resolved(*noted, document).as_object();
    std::vector<std::string> found;
    for (const auto* name : {"ETag", "Location", "Retry-After", "WWW-Authenticate", "Preference-Applied",
                             "Idempotent-Replayed", "X-RateLimit-Limit", "X-Request-Id"})
        if (!got.header(name).empty() && !answer.at("headers").as_object().contains(name))
            found.push_back("the field " + std::string(name) + " is not documented");
    const auto* content = answer.if_contains("content");
    if (got.text.empty()) return found;
    if (content == nullptr) return {"no body is documented: " + got.text};
    const auto* shown = content->as_object().if_contains(media_type(got.content_type));
    if (shown == nullptr) return {"no body of the type " + got.content_type + " is documented"};
    const bool is_json = got.content_type.find("json") != std::string::npos;
    const boost::json::value instance = is_json ? got.body : boost::json::value(got.text);
    for (auto& why : breaks_of(shown->at("schema"), instance, document, strangers::none))
        found.push_back(std::move(why));
    return found;
}

// Asks, checks the answer, and remembers which answers were seen.
class toured_api {
public:
    explicit toured_api(std::unique_ptr<statetrack::store> over = statetrack::make_memory_store())
        : h(std::move(over)) {
        h.set_keys("ops=" + test_key + ",board:read=" + reader_key);
    }

    reply ask(verb method, const std::string& target, std::string body = {}, request_fields fields = {}) {
        if (fields.api_key.empty()) fields.api_key = test_key;
        return ask(request{.method = method,
                           .target = target,
                           .fields = std::move(fields),
                           .body = std::move(body),
                           .remote = "192.0.2.1"});
    }
    reply ask(request asked) {
        const auto where = parse_target(asked.target);
        REQUIRE(where.has_value());
        const auto found = routes.find(asked.method, where->segments);
        REQUIRE(found.found != nullptr);
        const auto line = std::string(name_of(asked.method)) + ' ' + asked.target + ' ' + asked.body;
        CAPTURE(line);
        auto got = h.ask(std::move(asked));
        for (const auto& why : breaks_of_answer(*found.found, got)) FAIL_CHECK(why);
        seen[found.found].insert(got.status);
        if (got.status >= 400 && got.body.is_object() && got.body.as_object().contains("code"))
            codes[found.found].insert(got.text_at("code"));
        return got;
    }
    reply get(const std::string& target, request_fields fields = {}) {
        return ask(verb::get, target, {}, std::move(fields));
    }
    reply post(const std::string& target, std::string body = {}, request_fields fields = {}) {
        return ask(verb::post, target, std::move(body), std::move(fields));
    }
    reply patch(const std::string& target, std::string body, request_fields fields = {}) {
        return ask(verb::patch, target, std::move(body), std::move(fields));
    }
    reply del(const std::string& target) { return ask(verb::del, target); }

    std::string session(const std::string& project, const std::string& machine) {
        const auto made =
            post("/api/sessions", R"({"project_id":")" + project + R"(","machine_id":")" + machine + R"("})");
        REQUIRE(made.status == 201);
        return made.header("Location");
    }

    inline static const std::string reader_key = "11111111-2222-4333-8444-555555555555";
    api_harness h;
    router routes{all_routes()};
    std::map<const route*, std::set<int>> seen;
    std::map<const route*, std::set<std::string>> codes;
};

inline std::string target_for(const route& r, const std::string& id) {
    std::string path(r.path);
    if (const auto at = path.find("{id}"); at != std::string::npos) path.replace(at, 4, id);
    return path;
}

}  // namespace statetrackd::testing
