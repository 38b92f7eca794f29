#include <chrono>
#include <map>
#include <memory>

#include "server_harness.hpp"

using namespace statetrackd;
using namespace statetrackd::testing;

TEST_CASE("a header that is too large is a 431") {
    server_harness h;
    http_client endless(h.port);
    CHECK(endless.ask(get("/read", "X: " + std::string(9'000, 'x') + "\r\n")).status == 431);
    CHECK(endless.ends());
    std::string fields;
    for (int i = 0; i < 64; ++i) fields += "A: b\r\n";
    http_client many(h.port);
    CHECK(many.ask(get("/read", fields)).status == 431);
}

TEST_CASE("a body that is too large is a 413, announced or chunked") {
    server_harness h({.body_bytes_max = 1'024});
    http_client fits(h.port);
    CHECK(fits.ask(post("/echo", std::string(1'024, 'x'))).body.size() == 1'026);
    http_client announced(h.port);
    CHECK(announced.ask(post("/echo", std::string(1'025, 'x'))).status == 413);
    CHECK(announced.ends());
    http_client chunked(h.port);
    const auto reply =
        chunked.ask("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n500\r\n" +
                    std::string(0x500, 'x') + "\r\n0\r\n\r\n");
    CHECK(reply.status == 413);
}

TEST_CASE("chunk extensions and trailers without end are cut off") {
    server_harness h({.body_bytes_max = 1'024});
    const std::string begin = "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    std::string extended = begin;
    for (int i = 0; i < 100; ++i) extended += "1;x=" + std::string(1'000, 'e') + "\r\na\r\n";
    http_client client(h.port);
    client.send(extended);
    CHECK(client.receive().status == 413);
}

TEST_CASE("a chunk extension that never ends is cut off before it fills memory") {
    server_harness h({.body_bytes_max = 1'024});
    http_client client(h.port);
    client.send("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;");
    client.send(std::string(2'000, 'x'));  // no line end in sight
    CHECK(client.receive().status == 413);
    CHECK(client.ends());
}

TEST_CASE("a body in tiny chunks may take so many bytes on the wire, and no more") {
    server_harness h({.body_bytes_max = 16'384});
    const std::string begin = "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    const auto chunks = [&](std::size_t count) {
        std::string all = begin;
        for (std::size_t i = 0; i < count; ++i) all += "1\r\na\r\n";
        return all + "0\r\n\r\n";
    };
    // Six bytes each: 8 190 of them are 49 140, and the end five more; 2 * 16 384 + 16 384 is 49 152.
    http_client fits(h.port);
    CHECK(fits.ask(chunks(8'190)).body.size() == 8'192);
    http_client wasteful(h.port);
    const auto reply = wasteful.ask(chunks(8'200));
    CHECK(reply.status == 413);
    CHECK(wasteful.ends());
}

TEST_CASE("the body of a request without a key is passed over, and the connection goes on") {
    server_harness h;
    http_client client(h.port);
    const std::string begin = "GET /who HTTP/1.1\r\nHost: h\r\n";
    CHECK(client.ask(begin + "Content-Length: 5\r\n\r\nhello").status == 401);
    CHECK(client.ask(begin + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n").status == 401);
    CHECK(client.ask(post("/echo", "abc")).body == "<abc>");
}

TEST_CASE("a client that waits to send its body learns at once that it may not") {
    server_harness h;
    http_client client(h.port);
    const auto reply =
        client.ask("GET /who HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    CHECK(reply.status == 401);
    CHECK(reply.has("Connection: close"));
    CHECK(client.ends());
}

TEST_CASE("pipelined bodies wait outside while those before them fill a connection's share of memory") {
    server_harness h({.body_bytes_max = 1'024});
    http_client client(h.port), other(h.port);
    client.send(post("/hold", "1" + std::string(999, 'x')) + post("/hold", "2" + std::string(999, 'x')) +
                post("/hold", "3" + std::string(999, 'x')));
    h.held.await(2);
    CHECK(other.ask(get("/read")).status == 200);  // the one thread has left the first connection
    CHECK(h.held.size() == 2);
    for (const auto* name : {"1", "2", "3"}) {
        h.held.await(1);
        h.held.let_go(name + std::string(999, 'x'));
        CHECK(client.receive().body.starts_with(name));
    }
}

TEST_CASE("a client that does not read its answer is cut off") {
    server_harness h({.body_bytes_max = 33'554'432, .request_timeout_ms = 900});
    http_client greedy(h.port);
    REQUIRE(greedy.send(post("/echo", std::string(25'000'000, 'x'))));
    CHECK(greedy.is_cut_off());
    CHECK(http_client(h.port).ask(get("/read")).status == 200);
}

TEST_CASE("a header that does not arrive in time is a 408, an idle connection just ends") {
    server_harness h({.header_timeout_ms = 60, .idle_timeout_ms = 60});
    http_client slow(h.port);
    const auto reply = slow.ask("GET /read HTTP/1.1\r\nHo");
    CHECK(reply.status == 408);
    CHECK(reply.has("Connection: close"));
    CHECK(slow.ends());
    http_client idle(h.port);
    CHECK(idle.ends());
    http_client used(h.port);
    CHECK(used.ask(get("/read")).status == 200);
    CHECK(used.ends());
}

TEST_CASE("a body that does not arrive in time is a 408") {
    server_harness h({.request_timeout_ms = 60});
    http_client client(h.port);
    const auto reply = client.ask("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
    CHECK(reply.status == 408);
    CHECK(reply.body.find("\"path\":\"/echo\"") != std::string::npos);
    CHECK(client.ends());
}

TEST_CASE("an answer that does not come is a 504, and its late coming harms nobody") {
    server_harness h({.answer_timeout_ms = 60});
    http_client client(h.port);
    client.send(post("/hold", "1"));
    h.held.await(1);
    const auto reply = client.receive();
    CHECK(reply.status == 504);
    CHECK(reply.body.find("\"code\":\"timeout\"") != std::string::npos);
    CHECK(client.ends());
    h.held.let_go("1");
    CHECK(http_client(h.port).ask(get("/read")).status == 200);
}

TEST_CASE("a slow request does not end while it is answered in time") {
    server_harness h({.header_timeout_ms = 60, .idle_timeout_ms = 60});
    http_client client(h.port), other(h.port);
    client.send(post("/hold", "1"));
    h.held.await(1);
    CHECK(other.ends());  // idle times have passed meanwhile
    h.held.let_go("1");
    CHECK(client.receive().body == "1");
}

TEST_CASE("a connection beyond the cap is served when another ends") {
    server_harness h({.connections_max = 2});
    http_client first(h.port), second(h.port);
    CHECK(first.ask(get("/read")).status == 200);
    CHECK(second.ask(get("/read")).status == 200);
    http_client third(h.port);
    third.send(get("/read"));
    CHECK(h.serving->open_connections() == 2);
    first.close();
    CHECK(third.receive().status == 200);
}

TEST_CASE("many threads serve many connections") {
    server_harness h({.threads = 4});
    std::vector<std::thread> clients;
    std::atomic<int> served{0};
    for (int i = 0; i < 8; ++i)
        clients.emplace_back([&] {
            http_client client(h.port);
            for (int n = 0; n < 50; ++n) {
                client.send(post("/echo", "x") + get("/read"));
                if (client.receive().body == "<x>" && client.receive().body == "<>") ++served;
            }
        });
    for (auto& c : clients) c.join();
    CHECK(served == 400);
}

TEST_CASE("threads share the connections evenly, and one that ends leaves its place to the next") {
    server_harness h({.threads = 3});
    std::map<std::string, std::vector<std::unique_ptr<http_client>>> by_thread;
    const auto connect = [&] {
        auto client = std::make_unique<http_client>(h.port);
        const auto thread = client->ask(get("/thread")).body;
        CHECK(client->ask(get("/thread")).body == thread);  // it stays there
        by_thread[thread].push_back(std::move(client));
    };
    for (int i = 0; i < 9; ++i) connect();
    CHECK(by_thread.size() == 3);
    for (const auto& [thread, clients] : by_thread) CHECK(clients.size() == 3);

    auto& emptied = by_thread.begin()->second;
    for (auto& client : emptied) client->close();
    while (h.serving->open_connections() > 6) std::this_thread::yield();
    emptied.clear();
    // The first may go elsewhere: its place was chosen before it came.
    for (int i = 0; i < 4; ++i) connect();
    CHECK(emptied.size() >= 3);
}

TEST_CASE("draining finishes what is under way, ends what is idle, takes nothing new") {
    server_harness h;
    http_client idle(h.port), busy(h.port);
    CHECK(idle.ask(get("/read")).status == 200);
    busy.send(post("/hold", "1"));
    h.held.await(1);
    h.serving->drain();
    CHECK(idle.ends());
    CHECK_FALSE(http_client(h.port).connected());
    CHECK_FALSE(h.returned);
    h.held.let_go("1");
    const auto last = busy.receive();
    CHECK(last.body == "1");
    CHECK(last.has("Connection: close"));
    busy.close();
    h.loop.join();
    CHECK(h.returned);
}

TEST_CASE("who was accepted before draining began is still served his first request, if it comes soon") {
    server_harness h;
    http_client fresh(h.port), silent(h.port), later(h.port);
    CHECK(later.ask(get("/read")).status == 200);  // accepted in turn, so all three are
    h.serving->drain();
    CHECK(later.ends());
    const auto served = fresh.ask(get("/read"));
    CHECK(served.status == 200);
    CHECK(served.has("Connection: close"));
    CHECK(fresh.ends());
    CHECK(silent.ends());
    h.loop.join();
    CHECK(h.returned);
}

TEST_CASE("draining ends after its time even where an answer never comes") {
    server_harness h({.drain_ms = 60});
    http_client stuck(h.port);
    stuck.send(post("/hold", "1"));
    h.held.await(1);
    h.stop();
    CHECK(h.returned);
    h.held.let_go("1");  // after the end
}

TEST_CASE("an empty server ends at once, even where a tick is on its way just then") {
    // Ticks come every 2 ms here, so that some of these ends meet one.
    const auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < 500; ++i) {
        server_harness h({.header_timeout_ms = 1});
        http_client(h.port).ask(get("/read"));
        h.stop();
    }
    CHECK(std::chrono::steady_clock::now() - began < std::chrono::milliseconds(drain_ms_max));
}

TEST_CASE("a second call to drain does not wait") {
    server_harness h;
    http_client stuck(h.port);
    stuck.send(post("/hold", "1"));
    h.held.await(1);
    h.serving->drain();
    h.stop();
    CHECK(h.returned);
}

TEST_CASE("a port that is taken is said so") {
    server_harness h;
    server second({.port = h.port}, *h.answers, h.log);
    const auto listening = second.listen();
    REQUIRE(listening.has_error());
    CHECK(listening.error() == boost::system::errc::address_in_use);
}
