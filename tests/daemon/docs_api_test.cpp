// How the API's description is served: to whom as what, with which fields, and out of the binary alone.
#include "api_harness.hpp"
#include "docs/page_files.hpp"

using namespace statetrackd;
using namespace statetrackd::testing;

namespace {

// As a stranger: the documentation needs no key.
reply ask(api_harness& h, const char* target, request_fields fields = {}, verb method = verb::get) {
    return h.ask(request{.method = method, .target = target, .fields = std::move(fields)});
}

}  // namespace

TEST_CASE("/api/docs is a page for whoever names text/html, and the document for everyone else") {
    api_harness h;
    for (const auto* accept : {"text/html", "text/html,application/xhtml+xml,*/*;q=0.8", "TEXT/HTML;q=0.5"})
        CHECK(ask(h, "/api/docs", {.accept = accept}).text == page_html);
    const auto document = ask(h, "/api/docs/openapi.json");
    for (const auto* accept : {"", "*/*", "application/json", "text/html;q=0", "text/*"}) {
        const auto got = ask(h, "/api/docs", {.accept = accept});
        CHECK(got.content_type == "application/json");
        CHECK(got.text == document.text);
        CHECK(got.header("Vary") == "Accept");
    }
    CHECK(ask(h, "/api/docs/openapi.json", {.accept = "text/html"}).text == document.text);
    CHECK(ask(h, "/api/docs/", {}).status == 404);
}

TEST_CASE("the page may load from its own origin only, and nothing may frame it") {
    api_harness h;
    const auto page = ask(h, "/api/docs", {.accept = "text/html"});
    const auto policy = page.header("Content-Security-Policy");
    for (const auto* rule :
         {"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'",
          "form-action 'none'", "frame-ancestors 'none'", "base-uri 'none'"})
        CHECK(policy.find(rule) != std::string::npos);
    CHECK(policy.find("unsafe") == std::string::npos);
    CHECK(policy.find("http") == std::string::npos);
    CHECK(page.header("Referrer-Policy") == "no-referrer");
    CHECK(page.header("X-Frame-Options") == "DENY");
    CHECK(page.header("X-Content-Type-Options") == "nosniff");
    CHECK(ask(h, "/api/docs/page.css").content_type == "text/css; charset=utf-8");
    CHECK(ask(h, "/api/docs/page.js").content_type == "text/javascript; charset=utf-8");
}

TEST_CASE("the page's files name no other host, keep nothing, and turn no text into markup") {
    for (const auto text : {page_html, page_css, page_js}) {
        CHECK(text.size() > 1'000);
        CHECK(text.find("://") == std::string_view::npos);
        CHECK(text.find("src=\"//") == std::string_view::npos);
    }
    for (const auto* never : {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(",
                              "localStorage", "sessionStorage", "indexedDB", "document.cookie"}) {
        CAPTURE(never);
        CHECK(page_js.find(never) == std::string_view::npos);
    }
    for (const auto* never : {" onclick", " style=", "<style", "javascript:"})
        CHECK(page_html.find(never) == std::string_view::npos);
}

TEST_CASE("who has the page or the document already is told so") {
    api_harness h;
    for (const auto* path : {"/api/docs/openapi.json", "/api/docs/page.css", "/api/docs/page.js"}) {
        const auto first = ask(h, path);
        CHECK(first.header("Cache-Control") == "private, no-cache");
        const auto again = ask(h, path, {.if_none_match = first.header("ETag")});
        CHECK(again.status == 304);
        CHECK(again.text.empty());
        CHECK(ask(h, path, {.if_none_match = "\"other\""}).status == 200);
    }
    const auto page = ask(h, "/api/docs", {.accept = "text/html"});
    const auto document = ask(h, "/api/docs");
    CHECK(page.header("ETag") != document.header("ETag"));
    CHECK(ask(h, "/api/docs", {.if_none_match = page.header("ETag"), .accept = "text/html"}).status == 304);
}

TEST_CASE("the documentation is only read") {
    api_harness h;
    CHECK(ask(h, "/api/docs", {}, verb::post).status == 405);
    CHECK(ask(h, "/api/docs", {}, verb::head).status == 200);
}
