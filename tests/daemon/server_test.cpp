#include "server_harness.hpp"

using namespace statetrackd;
using namespace statetrackd::testing;

TEST_CASE("a connection serves one request after another") {
    server_harness h;
    http_client client(h.port);
    for (const auto* body : {"a", "", "ccc"}) {
        const auto reply = client.ask(post("/echo", body));
        CHECK(reply.status == 200);
        CHECK(reply.body == "<" + std::string(body) + ">");
        CHECK(reply.has("Date: "));
        CHECK_FALSE(reply.has("Connection:"));
    }
}

TEST_CASE("a request may arrive byte by byte, after empty lines") {
    server_harness h;
    http_client client(h.port);
    for (const char c : "\r\n\r\n" + post("/echo", "abc")) REQUIRE(client.send(std::string_view(&c, 1)));
    CHECK(client.receive().body == "<abc>");
}

TEST_CASE("pipelined requests are answered in their order, whoever is ready first") {
    server_harness h;
    http_client client(h.port);
    client.send(post("/hold", "1") + post("/hold", "2") + post("/hold", "3"));
    h.held.await(3);  // writes of one connection are under way together: one commit may hold them all
    h.held.let_go("3");
    h.held.let_go("2");
    h.held.let_go("1");
    for (const auto* body : {"1", "2", "3"}) CHECK(client.receive().body == body);
}

TEST_CASE("a read behind a write waits for it") {
    server_harness h;
    http_client client(h.port);
    client.send(post("/hold", "1") + get("/read") + post("/hold", "2"));
    h.held.await(1);
    h.held.let_go("1");
    CHECK(client.receive().body == "1");
    CHECK(client.receive().body == "<>");
    h.held.await(1);
    h.held.let_go("2");
    CHECK(client.receive().body == "2");
}

TEST_CASE("more pipelined requests than may be under way are all answered") {
    server_harness h;
    http_client client(h.port);
    std::string all;
    constexpr std::size_t count = 5 * pipelined_requests_max;
    for (std::size_t i = 0; i < count; ++i) all += post("/echo", std::to_string(i));
    client.send(all);
    for (std::size_t i = 0; i < count; ++i) CHECK(client.receive().body == "<" + std::to_string(i) + ">");
}

TEST_CASE("HEAD has the header of GET and no body") {
    server_harness h;
    http_client client(h.port);
    client.send("HEAD /read HTTP/1.1\r\nHost: h\r\n\r\n" + get("/read"));
    const auto head = client.receive(true);
    CHECK(head.status == 200);
    CHECK(head.has("Content-Length: 2\r\n"));
    CHECK(client.receive().body == "<>");
}

TEST_CASE("Connection: close and HTTP/1.0 end the connection, keep-alive on 1.0 does not") {
    server_harness h;
    http_client closing(h.port);
    CHECK(closing.ask(get("/read", "Connection: close\r\n")).has("Connection: close"));
    CHECK(closing.ends());
    http_client old(h.port);
    CHECK(old.ask("GET /read HTTP/1.0\r\n\r\n").has("Connection: close"));
    CHECK(old.ends());
    http_client kept(h.port);
    for (int i = 0; i < 2; ++i)
        CHECK(kept.ask("GET /read HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").has("Connection: keep-alive"));
}

TEST_CASE("a client that closes its sending side still gets its answers") {
    server_harness h;
    http_client client(h.port);
    client.send(post("/hold", "1"));
    h.held.await(1);
    client.finish_sending();
    h.held.let_go("1");
    CHECK(client.receive().body == "1");
    CHECK(client.ends());
}

TEST_CASE("a client that goes away leaves nothing behind") {
    server_harness h;
    {
        http_client client(h.port);
        client.send(post("/hold", "1"));
        h.held.await(1);
    }
    h.held.let_go("1");
    CHECK(http_client(h.port).ask(get("/read")).status == 200);
}

TEST_CASE("100 Continue comes before the body, and in its turn") {
    server_harness h;
    http_client client(h.port);
    client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    CHECK(client.receive().status == 100);
    CHECK(client.ask("ab").body == "<ab>");
    CHECK(client.ask(get("/read", "Expect: miracles\r\n")).status == 417);
    CHECK(client.ends());
}

TEST_CASE("what is no sound request is refused in the one error shape, and the connection closes") {
    server_harness h;
    const std::pair<std::string, int> cases[] = {
        {"nonsense\r\n\r\n", 400},
        {"GET /read HTTP/2.0\r\nHost: h\r\n\r\n", 505},
        {"GET /read HTTP/1.1\r\n\r\n", 400},
        {"GET /read HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", 400},
        {"BREW /read HTTP/1.1\r\nHost: h\r\n\r\n", 501},
        {"GET http://h/read HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\nContent-Length: 1\r\n\r\na", 400},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n",
         400},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n", 400},
        {"GET /who HTTP/1.1\r\nHost: h\r\nX-API-Key: a\r\nX-API-Key: b\r\n\r\n", 400},
    };
    for (const auto& [bytes, status] : cases) {
        CAPTURE(bytes);
        http_client client(h.port);
        const auto reply = client.ask(bytes);
        CHECK(reply.status == status);
        CHECK(reply.has("Connection: close"));
        CHECK(reply.has("X-Request-Id: "));
        CHECK(reply.body.find("\"code\":") != std::string::npos);
        CHECK(client.ends());
    }
}

TEST_CASE("a header field in a trailer decides nothing") {
    server_harness h;
    http_client client(h.port);
    const auto refused = client.ask(
        "GET /who HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-API-Key: " + h.test_key +
        "\r\n\r\n");
    CHECK(refused.status == 401);
    CHECK(client.ask(get("/who", "X-API-Key: " + h.test_key + "\r\n")).status == 200);
}
