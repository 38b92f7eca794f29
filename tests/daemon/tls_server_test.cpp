// TLS over real sockets: who is let in, how connections end, what is sent over them.
#include <atomic>
#include <thread>
#include <vector>

#include "server_harness.hpp"
#include "tls_client.hpp"
#include "tls_credentials.hpp"

using namespace statetrackd;
using namespace statetrackd::testing;

namespace {

std::shared_ptr<const tls_identity> identity_of(const std::string& name) {
    const auto made = make_credentials({.name = name});
    return make_tls_identity(made.certificate, made.key).identity;
}

class tls_server {
public:
    explicit tls_server(server_options options = {})
        : tls(identity_of("first")), h(with(std::move(options))) {}

    tls_in_use tls;

private:
    server_options with(server_options options) {
        options.tls = &tls;
        return options;
    }

public:
    server_harness h;
};

constexpr std::string_view hsts = "Strict-Transport-Security: max-age=63072000\r\n";

}  // namespace

TEST_CASE("TLS 1.2 and 1.3 are spoken, with forward secrecy") {
    tls_server s;
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        tls_client client(s.h.port, {.version_min = version, .version_max = version});
        REQUIRE(client.shaken());
        CHECK(client.version() == (version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3"));
        CHECK(client.suite().find(version == TLS1_2_VERSION ? "ECDHE" : "TLS_") == 0);
        for (int i = 0; i < 3; ++i) CHECK(client.ask(post("/echo", "abc")).body == "<abc>");
    }
}

TEST_CASE("older versions are refused by an alert, and cost others nothing") {
    tls_server s;
    for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
        tls_client old(s.h.port, {.version_min = version, .version_max = version});
        CHECK_FALSE(old.shaken());
        CHECK(old.failure() == "tlsv1 alert protocol version");
    }
    CHECK(tls_client(s.h.port).ask(get("/read")).status == 200);
}

TEST_CASE("ALPN: http/1.1 is chosen, and a client that wants something else only is told so") {
    tls_server s;
    tls_client both(s.h.port, {.protocols = "\x02h2\x08http/1.1"});
    CHECK(both.chosen_protocol() == "http/1.1");
    CHECK(both.ask(get("/read")).status == 200);
    tls_client silent(s.h.port);
    CHECK(silent.chosen_protocol() == "");
    CHECK(silent.ask(get("/read")).status == 200);
    tls_client other(s.h.port, {.protocols = "\x02h2"});
    CHECK_FALSE(other.shaken());
    CHECK(other.failure() == "tlsv1 alert no application protocol");
}

TEST_CASE("a client cannot renegotiate") {
    tls_server s;
    tls_client client(s.h.port, {.version_max = TLS1_2_VERSION});
    REQUIRE(client.ask(get("/read")).status == 200);
    CHECK_FALSE(client.may_renegotiate());
    CHECK(tls_client(s.h.port).ask(get("/read")).status == 200);
}

TEST_CASE("pipelined requests come back in their order through TLS") {
    tls_server s;
    tls_client client(s.h.port);
    client.send(post("/hold", "1") + post("/hold", "2") + get("/read") + post("/echo", "x"));
    s.h.held.await(2);
    s.h.held.let_go("2");
    s.h.held.let_go("1");
    for (const auto* body : {"1", "2", "<>", "<x>"}) CHECK(client.receive().body == body);
}

TEST_CASE("bodies of many records pass both ways, and a request may arrive byte by byte") {
    tls_server s({.body_bytes_max = 4'000'000});
    std::string body;
    for (int i = 0; body.size() < 3'000'000; ++i) body += std::to_string(i) + ',';
    tls_client client(s.h.port);
    CHECK(client.ask(post("/echo", body)).body == "<" + body + ">");
    for (const char c : post("/echo", "abc")) REQUIRE(client.send(std::string_view(&c, 1)));
    CHECK(client.receive().body == "<abc>");
}

TEST_CASE("a client that sends without reading meets answers under way, and loses none") {
    tls_server s({.body_bytes_max = 200'000});
    tls_client client(s.h.port);
    const std::string body(150'000, 'x');
    constexpr int requests = 8;
    for (int i = 0; i < requests; ++i) REQUIRE(client.send(post("/echo", body)));
    for (int i = 0; i < requests; ++i) CHECK(client.receive().body.size() == body.size() + 2);
}

TEST_CASE("every kind of answer over TLS tells the client to stay with TLS, and none without TLS does") {
    tls_server s({.body_bytes_max = 1'024, .header_timeout_ms = 1'000, .answer_timeout_ms = 200});
    server_harness plain({.body_bytes_max = 1'024});
    const std::pair<std::string, int> cases[] = {
        {get("/read"), 200},
        {get("/nowhere"), 404},
        {post("/read", ""), 405},
        {get("/who"), 401},
        {"OPTIONS /read HTTP/1.1\r\nHost: h\r\n\r\n", 204},
        {post("/hold", "1"), 504},
        {post("/echo", std::string(1'025, 'x')), 413},
        {"GET /read HTTP/1.1\r\n\r\n", 400},
        {"nonsense\r\n\r\n", 400},
        {"BREW /read HTTP/1.1\r\nHost: h\r\n\r\n", 501},
        {get("/read", "X: " + std::string(9'000, 'x') + "\r\n"), 431},
        {get("/read", "Expect: miracles\r\n"), 417},
        {"GET /read HTTP/1.1\r\nHo", 408},
    };
    for (const auto& [bytes, status] : cases) {
        CAPTURE(bytes);
        const auto reply = tls_client(s.h.port).ask(bytes);
        CHECK(reply.status == status);
        CHECK(reply.has(hsts));
        if (status == 504 || status == 408) continue;  // by times that the other one has not
        const auto without = http_client(plain.port).ask(bytes);
        CHECK(without.status == status);
        CHECK_FALSE(without.has("Strict-Transport-Security"));
    }
}

TEST_CASE("100 Continue comes through TLS in its turn") {
    tls_server s;
    tls_client client(s.h.port);
    client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    CHECK(client.receive().status == 100);
    CHECK(client.ask("ab").body == "<ab>");
}

TEST_CASE("however a connection ends, the client is told first that nothing more comes") {
    SUBCASE("the client asked for it") {
        tls_server s;
        tls_client client(s.h.port);
        CHECK(client.ask(get("/read", "Connection: close\r\n")).status == 200);
        CHECK(client.ends());
        CHECK(client.was_told_the_end());
    }
    SUBCASE("a refusal, with more of the request still coming") {
        tls_server s({.body_bytes_max = 1'024});
        tls_client client(s.h.port);
        client.send(post("/echo", std::string(600'000, 'x')));
        CHECK(client.receive().status == 413);
        CHECK(client.ends());
        CHECK(client.was_told_the_end());
    }
    SUBCASE("idleness") {
        tls_server s({.idle_timeout_ms = 300});
        tls_client client(s.h.port);
        CHECK(client.ask(get("/read")).status == 200);
        CHECK(client.ends());
        CHECK(client.was_told_the_end());
    }
    SUBCASE("a header that does not arrive in time") {
        tls_server s({.header_timeout_ms = 1'000});
        tls_client client(s.h.port);
        CHECK(client.ask("GET /read HTTP/1.1\r\nHo").status == 408);
        CHECK(client.ends());
        CHECK(client.was_told_the_end());
    }
    SUBCASE("draining") {
        tls_server s;
        tls_client idle(s.h.port), busy(s.h.port);
        CHECK(idle.ask(get("/read")).status == 200);
        busy.send(post("/hold", "1"));
        s.h.held.await(1);
        s.h.serving->drain();
        CHECK(idle.ends());
        CHECK(idle.was_told_the_end());
        s.h.held.let_go("1");
        CHECK(busy.receive().has("Connection: close"));
        CHECK(busy.ends());
        CHECK(busy.was_told_the_end());
    }
    SUBCASE("the client said so") {
        tls_server s;
        tls_client client(s.h.port);
        client.send(post("/hold", "1"));
        s.h.held.await(1);
        client.say_end();
        s.h.held.let_go("1");
        CHECK(client.receive().body == "1");
        CHECK(client.ends());
        CHECK(client.was_told_the_end());
    }
}

TEST_CASE("a connection that is cut off in the middle of a request runs nothing of it") {
    tls_server s;
    const std::string half = "POST /hold HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab";
    {
        tls_client said(s.h.port), cut(s.h.port);
        said.send(half);
        said.say_end();
        cut.send(half);
        cut.finish_sending();  // the socket ends, TLS does not: a truncation
        CHECK(said.ends());
        CHECK(cut.ends());
    }
    CHECK(tls_client(s.h.port).ask(get("/read")).status == 200);
    CHECK(s.h.held.size() == 0);
}

TEST_CASE("what was asked before a cut is still answered") {
    tls_server s;
    tls_client client(s.h.port);
    client.send(post("/hold", "1"));
    s.h.held.await(1);
    client.finish_sending();
    s.h.held.let_go("1");
    CHECK(client.receive().body == "1");
    CHECK(client.ends());
}

TEST_CASE("bytes that TLS does not accept end their connection and no other") {
    tls_server s;
    tls_client forged(s.h.port), honest(s.h.port);
    REQUIRE(forged.ask(get("/read")).status == 200);
    // A record of application data that nobody encrypted.
    forged.send_raw(std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x'));
    CHECK(forged.ends());
    CHECK(forged.failure().find("alert bad record mac") != std::string::npos);
    CHECK(honest.ask(get("/read")).status == 200);
}

TEST_CASE("a client that speaks plain HTTP to the TLS port is closed cleanly") {
    tls_server s;
    http_client plain(s.h.port);
    plain.send(get("/canary") + get("/canary"));
    CHECK(plain.ends_orderly());
    CHECK(s.h.canaries == 0);
    CHECK(tls_client(s.h.port).ask(get("/read")).status == 200);
}

TEST_CASE("a handshake that never comes, or never ends, is closed by its deadline") {
    tls_server s({.header_timeout_ms = 60});
    http_client silent(s.h.port), half(s.h.port);
    half.send(std::string("\x16\x03\x01\x02\x00\x01", 6));  // a record's header and one byte of 512
    CHECK(silent.ends());
    CHECK(half.ends());
    while (s.h.serving->open_connections() > 0) std::this_thread::yield();
}

TEST_CASE("who has shaken hands has the idle time, and its requests have theirs") {
    tls_server s({.request_timeout_ms = 300, .idle_timeout_ms = 300});
    tls_client idle(s.h.port);
    REQUIRE(idle.shaken());
    CHECK(idle.ends());
    tls_client slow(s.h.port);
    CHECK(slow.ask("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab").status == 408);
}

TEST_CASE("a client that does not read its answer through TLS is cut off") {
    tls_server s({.body_bytes_max = 16'777'216, .request_timeout_ms = 3'000});
    tls_client greedy(s.h.port);
    REQUIRE(greedy.send(post("/echo", std::string(14'000'000, 'x'))));
    CHECK(greedy.is_cut_off());
    CHECK(tls_client(s.h.port).ask(get("/read")).status == 200);
}

TEST_CASE("handshakes count as connections") {
    tls_server s({.connections_max = 2});
    http_client first(s.h.port), second(s.h.port);
    tls_client third(s.h.port, {.shakes_hands = false});
    while (s.h.serving->open_connections() < 2) std::this_thread::yield();
    first.close();
    CHECK(third.shake_hands());
    CHECK(third.ask(get("/read")).status == 200);
}

TEST_CASE("an exchanged certificate is shown to those who come then, and those who came before go on") {
    tls_server s;
    tls_client before(s.h.port);
    CHECK(before.certificate_name() == "first");
    s.tls.replace(identity_of("second"));
    tls_client after(s.h.port);
    CHECK(after.certificate_name() == "second");
    CHECK(before.ask(get("/read")).status == 200);
    CHECK(after.ask(get("/read")).status == 200);
}

TEST_CASE("certificates change under load on many threads, and no request is lost") {
    tls_server s({.threads = 4});
    constexpr int workers = 4, rounds = 25;
    std::atomic<int> served{0};
    std::vector<std::jthread> clients;
    for (int i = 0; i < workers; ++i)
        clients.emplace_back([&] {
            tls_client kept(s.h.port);
            for (int n = 0; n < rounds; ++n) {
                tls_client fresh(s.h.port);
                kept.send(post("/echo", "x") + get("/read"));
                if (fresh.ask(get("/read")).status == 200 && kept.receive().body == "<x>" &&
                    kept.receive().body == "<>")
                    ++served;
            }
        });
    const std::shared_ptr<const tls_identity> turns[] = {identity_of("a"), identity_of("b")};
    for (int i = 0; served < workers * rounds && i < 100'000; ++i) {
        s.tls.replace(turns[i % 2]);
        std::this_thread::yield();
    }
    clients.clear();
    CHECK(served == workers * rounds);
}
