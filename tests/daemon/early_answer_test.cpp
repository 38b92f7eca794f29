// Answers that are made ready before they are certain: what is sent in the end, and in which turn.
#include <mutex>
#include <vector>

#include "server_harness.hpp"

using namespace statetrackd;
using namespace statetrackd::testing;

namespace {

// Requests to `/early` are told what they will probably be answered, on the connection's own loop, and wait.
class early_requests {
public:
    struct one {
        std::shared_ptr<const call> asked;
        bool taken = false;
    };

    explicit early_requests(server_harness& h) : h_(h) {}

    void take(const exchange& x) {
        response likely{.body = "likely " + x.asked->asked.body};
        likely.set("X-Likely", "yes");
        const bool taken = x.asked->prepare(likely);
        // Said again, as after a body that ran twice: the last word counts.
        if (taken && x.asked->asked.body == "twice") {
            likely = {.body = "likelier"};
            x.asked->prepare(likely);
        }
        const std::lock_guard lock(mutex_);
        all_.push_back({x.asked, taken});
        h_.held.hold(x.asked->asked.body, [](const response&) {});
    }
    one await(std::size_t nth) {
        h_.held.await(nth + 1);
        const std::lock_guard lock(mutex_);
        return all_.at(nth);
    }

private:
    server_harness& h_;
    std::mutex mutex_;
    std::vector<one> all_;
};

struct early_server {
    server_harness h;
    early_requests early{h};

    early_server() : h({}, [this](const exchange& x) { early.take(x); }) {}
};

}  // namespace

TEST_CASE("an answer that was made ready is sent when it is certain, with every field that an answer has") {
    early_server s;
    http_client client(s.h.port);
    for (std::size_t n = 0; n < 3; ++n) {
        const std::string body(n * 1'000 + 1, 'x');
        client.send(post("/early", body, "X-Request-Id: request-" + std::to_string(n) + "\r\n"));
        const auto held = s.early.await(n);
        REQUIRE(held.taken);
        held.asked->answer_early();
        const auto got = client.receive();
        CHECK(got.status == 200);
        CHECK(got.body == "likely " + body);
        CHECK(got.has("X-Likely: yes\r\n"));
        CHECK(got.has("X-Request-Id: request-" + std::to_string(n) + "\r\n"));
        CHECK(got.has("X-Content-Type-Options: nosniff\r\n"));
        CHECK(s.h.answered("/early", 200) == n + 1);
    }
    CHECK(client.ask(get("/read")).body == "<>");
}

TEST_CASE("where another answer is given than was made ready, that one is sent") {
    early_server s;
    http_client client(s.h.port);
    client.send(post("/early", "1"));
    s.early.await(0).asked->answer({.status = 503, .body = "other"});
    const auto got = client.receive();
    CHECK(got.status == 503);
    CHECK(got.body == "other");
    CHECK(s.h.answered("/early", 503) == 1);
    CHECK(s.h.answered("/early", 200) == 0);
    CHECK_FALSE(got.has("X-Likely"));
    client.send(post("/early", "twice"));
    s.early.await(1).asked->answer_early();
    CHECK(client.receive().body == "likelier");
}

TEST_CASE("only the next answer of a connection is made ready, and the order stays") {
    early_server s;
    http_client client(s.h.port);
    client.send(post("/early", "1") + post("/early", "2") + post("/hold", "3"));
    const auto first = s.early.await(0), second = s.early.await(1);
    CHECK(first.taken);
    CHECK_FALSE(second.taken);
    s.h.held.await(3);
    second.asked->answer({.body = "second"});
    s.h.held.let_go("3");
    first.asked->answer_early();
    for (const auto* body : {"likely 1", "second", "3"}) CHECK(client.receive().body == body);
}

TEST_CASE("an answer that was made ready says that the connection ends where it ends meanwhile") {
    struct {
        const char *what, *version, *fields;
    } const kept_alive[] = {{"HTTP/1.1 keeps it as it is", "1.1", ""},
                            {"HTTP/1.0 has to be told", "1.0", "Connection: keep-alive\r\n"}};
    for (const auto& c : kept_alive) {
        CAPTURE(c.what);
        early_server s;
        http_client client(s.h.port);
        client.send("POST /early HTTP/" + std::string(c.version) + "\r\nHost: x\r\nContent-Length: 1\r\n" +
                    c.fields + "\r\n1");
        const auto held = s.early.await(0);
        REQUIRE(held.taken);
        http_client idle(s.h.port);
        CHECK(idle.ask(get("/read")).body == "<>");
        s.h.serving->drain();
        CHECK(idle.ends());  // by the drain, which has told all others too
        held.asked->answer_early();
        const auto got = client.receive();
        CHECK(got.body == "likely 1");
        CHECK(got.has("Connection: close\r\n"));
        CHECK_FALSE(got.has("keep-alive"));
        CHECK(client.ends());
    }
}

TEST_CASE(
    "nothing is made ready from another thread than the connection's own, nor where the answer is there") {
    early_server s;
    http_client client(s.h.port);
    client.send(post("/early", "1"));
    const auto held = s.early.await(0);
    REQUIRE(held.taken);
    response likely{.body = "from elsewhere"};
    CHECK_FALSE(held.asked->prepare(likely));
    CHECK(likely.body == "from elsewhere");
    held.asked->answer_early();
    CHECK(client.receive().body == "likely 1");
    // A second answer finds nobody.
    held.asked->answer_early();
    held.asked->answer({.body = "again"});
    CHECK(client.ask(get("/read")).body == "<>");
}
