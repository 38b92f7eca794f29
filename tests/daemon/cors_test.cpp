#include "guard/cors.hpp"

#include "api_harness.hpp"

using namespace statetrackd;
using namespace statetrackd::testing;

namespace {

origin_list origins_of(std::string_view text) {
    origin_list list;
    CHECK(list.assign(text).empty());
    return list;
}

class cors_harness : public api_harness {
public:
    explicit cors_harness(std::string_view text) : origins_(origins_of(text)) { in.origins = &origins_; }

private:
    origin_list origins_;
};

}  // namespace

TEST_CASE("an origin is allowed as it stands, or by a star for any run of characters") {
    const auto list = origins_of(" https://board.example:8443 , vscode-webview://*,https://*.example.org");
    for (const auto* allowed :
         {"https://board.example:8443", "vscode-webview://1q2w3e-r4t5", "vscode-webview://",
          "https://a.example.org", "https://a.b.example.org:x.example.org"}) {
        CAPTURE(allowed);
        CHECK(list.allows(allowed));
    }
    for (const auto* refused :
         {"", "null", "https://board.example", "http://board.example:8443", "https://example.org",
          "https://evil.org/.example.org", "https://a.example.org.evil.org", "xvscode-webview://a",
          "https://board.example:84433", "vscode-webview:/", "https://a b.example.org"}) {
        CAPTURE(refused);
        CHECK_FALSE(list.allows(refused));
    }
    CHECK(list.text() == "https://board.example:8443,vscode-webview://*,https://*.example.org");
}

TEST_CASE("a star alone allows every origin that can stand in a header field") {
    const auto list = origins_of("*");
    CHECK(list.allows("null"));
    CHECK(list.allows("http://localhost:3000"));
    CHECK_FALSE(list.allows("http://\xC3\xA4"));
    CHECK_FALSE(list.allows("http://" + std::string(300, 'a')));
}

TEST_CASE("many stars take no longer than few") {
    std::string pattern = "https://";
    for (int i = 0; i < 60; ++i) pattern += "*a";
    const auto list = origins_of(pattern + "b");
    CHECK_FALSE(list.allows("https://" + std::string(240, 'a')));
    CHECK(list.allows("https://" + std::string(240, 'a') + "b"));
}

TEST_CASE("what is no origin is named, and nothing is changed") {
    auto list = origins_of("https://kept.example");
    const auto problems =
        list.assign("example.org,https://a/path,https://ok.example,://x,https://,a b://c,**");
    CHECK(problems.size() == 6);
    CHECK(list.text() == "https://kept.example");
}

TEST_CASE("a web page from an allowed origin may ask beforehand, without a key, what it may send") {
    cors_harness h("vscode-webview://*");
    const auto preflight =
        h.ask(request{.method = verb::options,
                      .target = "/api/sessions",
                      .fields = {.origin = "vscode-webview://abc", .access_control_request_method = "POST"}});
    CHECK(preflight.status == 204);
    CHECK(preflight.header("Access-Control-Allow-Origin") == "vscode-webview://abc");
    CHECK(preflight.header("Access-Control-Allow-Methods") == "GET, HEAD, POST, OPTIONS");
    CHECK(preflight.header("Access-Control-Allow-Headers").find("X-API-Key") != std::string::npos);
    CHECK(preflight.header("Access-Control-Allow-Headers").find("Idempotency-Key") != std::string::npos);
    CHECK(preflight.header("Access-Control-Max-Age") == "600");
    CHECK(preflight.header("Vary") == "Origin");
}

TEST_CASE("answers to an allowed origin can be read by it, refusals too, and those to others cannot") {
    cors_harness h("https://board.example");
    const auto good = h.get("/api/sessions", {.origin = "https://board.example"});
    CHECK(good.header("Access-Control-Allow-Origin") == "https://board.example");
    CHECK(good.header("Access-Control-Expose-Headers").find("ETag") != std::string::npos);
    CHECK(good.header("Access-Control-Expose-Headers").find("Idempotent-Replayed") != std::string::npos);
    CHECK(good.header("Access-Control-Allow-Methods").empty());
    const auto refused =
        h.ask(request{.target = "/api/sessions", .fields = {.origin = "https://board.example"}});
    CHECK(refused.status == 401);
    CHECK(refused.header("Access-Control-Allow-Origin") == "https://board.example");
    const auto stranger = h.get("/api/sessions", {.origin = "https://evil.example"});
    CHECK(stranger.status == 200);
    CHECK(stranger.header("Access-Control-Allow-Origin").empty());
    CHECK(stranger.header("Vary") == "Origin");
    const auto preflight =
        h.ask(request{.method = verb::options,
                      .target = "/api/sessions",
                      .fields = {.origin = "https://evil.example", .access_control_request_method = "GET"}});
    CHECK(preflight.header("Access-Control-Allow-Methods").empty());
}

TEST_CASE("without origins there is no word of them") {
    cors_harness h("");
    const auto got = h.get("/api/sessions", {.origin = "https://board.example"});
    CHECK(got.header("Vary").empty());
    CHECK(got.header("Access-Control-Allow-Origin").empty());
}
