#include "net/wire.hpp"
#include "server_harness.hpp"
#include "tls_client.hpp"
#include "tls_credentials.hpp"

using namespace statetrackd;
using namespace statetrackd::testing;

namespace {

class redirecting_server {
public:
    explicit redirecting_server(server_options options = {}) : h(with_tls(std::move(options))) {}

    http_reply ask(const std::string& bytes) const { return http_client(h.redirect_port).ask(bytes); }
    std::string here() const { return "https://h:" + std::to_string(h.port); }

private:
    server_options with_tls(server_options options) {
        const auto made = make_credentials();
        tls_.replace(make_tls_identity(made.certificate, made.key).identity);
        options.tls = &tls_;
        options.redirect_port = 0;
        return options;
    }
    tls_in_use tls_;

public:
    server_harness h;
};

}  // namespace

TEST_CASE("where a redirect leads: the same host and target, the port where it is not 443") {
    CHECK(redirect_target("h", 443, "/a?b=c") == "https://h/a?b=c");
    CHECK(redirect_target("h:80", 443, "/") == "https://h/");
    CHECK(redirect_target("h:8080", 8443, "/") == "https://h:8443/");
    CHECK(redirect_target("h:", 443, "/") == "https://h/");
    CHECK(redirect_target("127.0.0.1:80", 443, "/") == "https://127.0.0.1/");
    CHECK(redirect_target("[::1]", 443, "/") == "https://[::1]/");
    CHECK(redirect_target("[::1]:80", 8443, "/x") == "https://[::1]:8443/x");
    CHECK(redirect_target("h", 443, "//other/x") == "https://h//other/x");
    CHECK(redirect_target("", 443, "/") == "");
}

TEST_CASE("the plain port answers every request with a redirect, and closes") {
    redirecting_server s;
    REQUIRE(s.h.redirect_port != 0);
    REQUIRE(s.h.redirect_port != s.h.port);
    const std::pair<std::string, std::string> asked[] = {
        {get("/canary"), "/canary"},
        {get("/who?x=%20y", "X-API-Key: " + s.h.test_key + "\r\n"), "/who?x=%20y"},
        {post("/echo", "abc"), "/echo"},
        {"HEAD /read HTTP/1.1\r\nHost: h\r\n\r\n", "/read"},
        {get("/nowhere"), "/nowhere"},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n", "/echo"},
        {"GET /read HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n", "/read"},
    };
    for (const auto& [bytes, target] : asked) {
        CAPTURE(bytes);
        http_client client(s.h.redirect_port);
        const auto reply = client.ask(bytes + get("/canary"));
        CHECK(reply.status == 308);
        CHECK(reply.has("HTTP/1.1 308 Permanent Redirect\r\n"));
        CHECK(reply.has("Location: " + s.here() + target + "\r\n"));
        CHECK(reply.has("Connection: close"));
        CHECK(reply.has("Content-Length: 0\r\n"));
        CHECK_FALSE(reply.has("Strict-Transport-Security"));  // RFC 6797, 7.2
        CHECK(client.ends());
    }
    CHECK(s.h.canaries == 0);
    CHECK(tls_client(s.h.port).ask(get("/canary")).body == "tweet");
}

TEST_CASE("what is no sound request is refused at the plain port too, not redirected") {
    redirecting_server s;
    CHECK(s.ask("GET / HTTP/1.1\r\n\r\n").status == 400);
    CHECK(s.ask("GET / HTTP/1.0\r\n\r\n").status == 400);
    CHECK(s.ask("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").status == 400);
    CHECK(s.ask("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n").status == 400);
    CHECK(s.ask("GET / HTTP/1.1\r\nHost: user@evil\r\n\r\n").status == 400);
    CHECK(s.ask("GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n").status == 400);
    CHECK(s.ask("GET http://evil/ HTTP/1.1\r\nHost: h\r\n\r\n").status == 400);
    CHECK(s.ask("BREW / HTTP/1.1\r\nHost: h\r\n\r\n").status == 501);
    CHECK(s.ask(get("/", "X: " + std::string(9'000, 'x') + "\r\n")).status == 431);
}

TEST_CASE("the plain port has the same times") {
    redirecting_server s({.header_timeout_ms = 60, .idle_timeout_ms = 60});
    http_client slow(s.h.redirect_port), idle(s.h.redirect_port);
    CHECK(slow.ask("GET / HTTP/1.1\r\nHo").status == 408);
    CHECK(slow.ends());
    CHECK(idle.ends());
}

TEST_CASE("connections of both ports share one bound") {
    redirecting_server s({.connections_max = 1});
    tls_client first(s.h.port);
    CHECK(first.ask(get("/read")).status == 200);
    http_client waiting(s.h.redirect_port);
    tls_client second(s.h.port, {.shakes_hands = false});
    waiting.send(get("/read"));
    CHECK(first.ask(get("/read")).status == 200);
    CHECK(s.h.serving->open_connections() == 1);
    first.close();
    CHECK(waiting.receive().status == 308);
    waiting.close();
    CHECK(second.shake_hands());
    CHECK(second.ask(get("/read")).status == 200);
    CHECK(s.h.serving->open_connections() == 1);
}

TEST_CASE("without TLS there is nothing to redirect to, and no such port") {
    server_harness h({.redirect_port = 0});
    CHECK(h.redirect_port == 0);
}

TEST_CASE("draining closes the plain port as well") {
    redirecting_server s;
    http_client idle(s.h.redirect_port);
    CHECK(s.ask(get("/")).status == 308);  // so that the one before it has been accepted
    s.h.stop();
    CHECK(idle.ends());
    CHECK_FALSE(http_client(s.h.redirect_port).connected());
}
