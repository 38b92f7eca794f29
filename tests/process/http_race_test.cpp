// The races of the model over HTTP: real sockets, real threads, both backends.
#include <doctest/doctest.h>

#include <barrier>
#include <boost/json/parse.hpp>
#include <functional>
#include <set>
#include <vector>

#include "every_backend.hpp"
#include "whole_daemon.hpp"

using namespace statetrackd::testing;
using statetrack::testing::temp_dir;

namespace {

void over_each_backend(const std::function<void(whole_daemon&)>& body){
    SUBCASE("memory"){whole_daemon d(statetrack::make_memory_store());
body(d);
}  // namespace
#ifdef STATETRACK_HAVE_SQLITE
SUBCASE("sqlite") {
    const temp_dir folder;
    whole_daemon d(statetrack::testing::open_sqlite_in(folder));
    body(d);
}
#endif
}

// Sends request(i) from n connections at once; the replies.
std::vector<http_reply> at_once(const whole_daemon& d, int n,
                                const std::function<std::string(int)>& request) {
    std::vector<http_reply> replies(static_cast<std::size_t>(n));
    std::barrier start(n);
    std::vector<std::jthread> threads;
    for (int i = 0; i < n; ++i)
        threads.emplace_back([&, i] {
            http_client client(d.port);
            start.arrive_and_wait();
            replies[static_cast<std::size_t>(i)] = client.ask(request(i));
        });
    threads.clear();
    return replies;
}

int count(const std::vector<http_reply>& replies, int status) {
    return static_cast<int>(
        std::count_if(replies.begin(), replies.end(), [&](const auto& r) { return r.status == status; }));
}

boost::json::object object_of(const http_reply& r) { return boost::json::parse(r.body).as_object(); }
std::string id_of(const http_reply& r) { return std::string(object_of(r).at("session_id").as_string()); }

std::string create_body(const std::string& project, const std::string& more = {}) {
    return "{\"project_id\":\"" + project + "\",\"machine_id\":\"m\"" + more + "}";
}

}  // namespace

TEST_CASE("64 parallel creates of one place over HTTP give one 201 and 63 times 409") {
    over_each_backend([](whole_daemon& d) {
        for (int round = 0; round < 3; ++round) {
            const auto body = create_body("p" + std::to_string(round));
            const auto replies =
                at_once(d, 64, [&](int) { return request_text("POST", "/api/sessions", body); });
            CHECK(count(replies, 201) == 1);
            CHECK(count(replies, 409) == 63);
        }
    });
}

TEST_CASE("64 parallel creates over HTTP with one Idempotency-Key create once, and give one answer") {
    over_each_backend([](whole_daemon& d) {
        for (int round = 0; round < 3; ++round) {
            const auto n = std::to_string(round);
            const auto text = request_text("POST", "/api/sessions", create_body("p" + n),
                                           "Idempotency-Key: \"key-" + n + "\"\r\n");
            const auto replies = at_once(d, 64, [&](int) { return text; });
            CHECK(count(replies, 201) + count(replies, 409) == 64);
            std::set<std::string> bodies;
            int first_ones = 0;
            for (const auto& r : replies) {
                if (r.status == 201) {
                    bodies.insert(r.body);
                    if (!r.has("Idempotent-Replayed: true\r\n")) ++first_ones;
                } else {
                    CHECK(object_of(r).at("code").as_string() == "request_in_progress");
                    CHECK(r.has("Retry-After: 1\r\n"));
                }
            }
            CHECK(first_ones == 1);
            REQUIRE(bodies.size() == 1);
            http_client client(d.port);
            CHECK(client.ask(text).body == *bodies.begin());
            CHECK(object_of(d.ask("GET", "/api/sessions?project_id=p" + n)).at("total").as_int64() == 1);
        }
    });
}

TEST_CASE("64 parallel recovers over HTTP give one 201, 63 times the same session, its tasks once") {
    over_each_backend([](whole_daemon& d) {
        const auto id = id_of(d.ask("POST", "/api/sessions", create_body("p")));
        for (int t = 0; t < 5; ++t) {
            const auto body = "{\"session_id\":\"" + id + "\",\"project_id\":\"p\",\"task_name\":\"t\"}";
            REQUIRE(d.ask("POST", "/api/tasks", body).status == 201);
        }
        REQUIRE(d.ask("POST", "/api/sessions/" + id + "/mark-stalled").status == 200);
        const auto replies = at_once(d, 64, [&](int i) {
            return request_text("POST", "/api/sessions/" + id + "/recover",
                                "{\"new_machine_id\":\"n" + std::to_string(i % 4) + "\"}");
        });
        CHECK(count(replies, 201) == 1);
        CHECK(count(replies, 200) == 63);
        std::set<std::string> successors;
        for (const auto& r : replies) successors.insert(id_of(r));
        REQUIRE(successors.size() == 1);
        const auto tasks = object_of(d.ask("GET", "/api/tasks?session_id=" + *successors.begin()));
        CHECK(tasks.at("total").as_int64() == 5);
    });
}

TEST_CASE("heartbeats over HTTP against sweeps at the deadline leave no stalled session with a newer beat") {
    over_each_backend([](whole_daemon& d) {
        std::vector<std::string> ids;
        for (int i = 0; i < 32; ++i)
            ids.push_back(id_of(d.ask("POST", "/api/sessions", create_body("p" + std::to_string(i)))));
        for (int round = 0; round < 3; ++round) {
            // Up to the deadline in steps that are no absence, the daemon's own sweeps beside it.
            for (int s = 0; s < 180; ++s) {
                d.clock.advance(1'000);
                d.tracked->sweep();
            }
            d.clock.advance(1);
            const auto replies = at_once(d, 33, [&](int i) {
                if (i == 32) return request_text("POST", "/api/sessions/detect-failures");
                return request_text("POST",
                                    "/api/sessions/" + ids[static_cast<std::size_t>(i)] + "/heartbeat");
            });
            CHECK(count(replies, 200) == 33);
            for (const auto& id : ids) {
                const auto row = object_of(d.ask("GET", "/api/sessions/" + id));
                CHECK(row.at("status").as_string() == "active");
            }
        }
    });
}

TEST_CASE("takeovers against recovers over HTTP give each session one successor at most") {
    over_each_backend([](whole_daemon& d) {
        for (int round = 0; round < 3; ++round) {
            const auto project = "p" + std::to_string(round);
            const auto id = id_of(d.ask("POST", "/api/sessions", create_body(project)));
            REQUIRE(d.ask("POST", "/api/sessions/" + id + "/mark-stalled").status == 200);
            const auto replies = at_once(d, 16, [&](int i) {
                if (i % 2 == 0)
                    return request_text("POST", "/api/sessions/" + id + "/recover",
                                        "{\"new_machine_id\":\"other-" + project + "\"}");
                return request_text("POST", "/api/sessions",
                                    create_body(project, ",\"on_conflict\":\"takeover\""));
            });
            CHECK(count(replies, 200) + count(replies, 201) == 16);
            const auto chain = object_of(d.ask("GET", "/api/sessions?limit=100&lineage_id=" + id));
            std::set<std::int64_t> epochs;
            for (const auto& one : chain.at("sessions").as_array())
                CHECK(epochs.insert(one.at("epoch").as_int64()).second);
        }
    });
}
