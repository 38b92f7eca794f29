// Every route of the table × every kind of key, driven from the table itself.
#include <algorithm>

#include "api_harness.hpp"

using namespace statetrackd;
using namespace statetrackd::testing;

namespace {

const std::string malformed_key = "88888888-not-a-key";

struct shown {
    std::string_view kind;
    request_fields fields;
};

const std::vector<shown>& all_shown() {
    static const std::vector<shown> all = {{"none", {}},
                                           {"malformed", {.api_key = malformed_key}},
                                           {"malformed bearer", {.authorization = "Bearer " + malformed_key}},
                                           {"unknown", {.api_key = unknown_key}},
                                           {"unknown bearer", {.authorization = "Bearer " + unknown_key}},
                                           {"read", {.api_key = reader_key}},
                                           {"client", {.api_key = client_key}},
                                           {"client bearer", {.authorization = "bearer " + client_key}},
                                           {"admin", {.api_key = test_key}}};
    return all;
}

// By the contract's words, not by the table's role: GET and HEAD for read, and for client no DELETE, cleanup
// or detect-failures.
bool allowed(const route& r, std::string_view kind) {
    if (kind == "admin") return true;
    if (kind == "read") return r.method == verb::get;
    return r.method != verb::del && !r.path.ends_with("/cleanup") && !r.path.ends_with("/detect-failures");
}

int expected(const route& r, std::string_view kind) {
    if (r.path == "/health" || r.path == "/livez" || r.path == "/readyz" || r.path.starts_with("/api/docs"))
        return 0;
    if (kind == "none" || kind.starts_with("malformed") || kind.starts_with("unknown")) return 401;
    return allowed(r, kind.substr(0, kind.find(' '))) ? 0 : 403;
}

std::string path_for(const route& r) {
    std::string path(r.path);
    if (const auto at = path.find("{id}"); at != std::string::npos)
        path.replace(at, 4, "00000000-0000-4000-8000-000000000000");
    return path;
}

bool holds_a_key(std::string_view text) {
    return std::any_of(all_shown().begin(), all_shown().end(), [&](const shown& s) {
        for (const auto* field : {&s.fields.api_key, &s.fields.authorization}) {
            const auto key = field->substr(field->find(' ') + 1);
            // More than the four characters by which logs tell keys apart.
            if (key.size() > 8 && text.find(key.substr(0, 8)) != std::string_view::npos) return true;
        }
        return false;
    });
}

}  // namespace

TEST_CASE(
    "every route answers every kind of key as the contract says, and no answer, metric or log line holds a "
    "key") {
    api_harness h;
    h.set_keys("root=" + test_key + ",board:read=" + reader_key + ",agent:client=" + client_key);
    std::size_t asked = 0;
    for (const auto& r : all_routes()) {
        for (const auto& [kind, fields] : all_shown()) {
            CAPTURE(r.path);
            CAPTURE(name_of(r.method));
            CAPTURE(kind);
            const auto got = h.ask(request{.method = r.method,
                                           .target = path_for(r),
                                           .fields = fields,
                                           .body = "{}",
                                           .remote = "192.0.2.1"});
            ++asked;
            const auto want = expected(r, kind);
            if (want != 0)
                CHECK(got.status == want);
            else
                CHECK((got.status != 401 && got.status != 403));
            if (want == 401)
                CHECK(got.text_at("message") == (kind == "none"                  ? "API key required"
                                                 : kind.starts_with("malformed") ? "Malformed API key"
                                                                                 : "Invalid API key"));
            CHECK_FALSE(holds_a_key(got.text));
            for (const auto& [name, value] : got.headers) CHECK_FALSE(holds_a_key(value));
        }
    }
    CHECK(asked == all_routes().size() * all_shown().size());
    const auto metrics = h.get("/metrics").text;
    CHECK(metrics.find("auth_failures_total{reason=\"unknown\"}") != std::string::npos);
    CHECK_FALSE(holds_a_key(metrics));
    const auto logged = h.end_log();
    CHECK(logged.find("\"key\":\"9999****\"") != std::string::npos);
    CHECK_FALSE(holds_a_key(logged));
}

TEST_CASE("the check for keys would find one") {
    CHECK(holds_a_key("x " + test_key + " y"));
    CHECK(holds_a_key("Bearer " + unknown_key));
    CHECK_FALSE(holds_a_key("9999****"));
}
