// A server on a port of its own, over routes whose answers the test holds in its hand.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <sstream>
#include <thread>

#include "http_client.hpp"
#include "net/server.hpp"
#include "statetrack/manual_clock.hpp"

namespace statetrackd::testing {

using responder = std::function<void(response)>;

// Requests to `/hold` wait here until the test lets them go.
class held_requests {
public:
    void hold(std::string name, responder respond) {
        const std::lock_guard lock(mutex_);
        held_.push_back({std::move(name), std::move(respond)});
        changed_.notify_all();
    }
    void await(std::size_t count) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return held_.size() >= count; });
    }
    std::size_t size() {
        const std::lock_guard lock(mutex_);
        return held_.size();
    }
    // Answers the one with that body.
    void let_go(std::string_view name) {
        responder respond;
        {
            const std::lock_guard lock(mutex_);
            for (auto it = held_.begin(); it != held_.end(); ++it) {
                if (it->name != name) continue;
                respond = std::move(it->respond);
                held_.erase(it);
                break;
            }
        }
        REQUIRE(respond);
        respond(response{.body = std::string(name)});
    }

private:
    struct one {
        std::string name;
        responder respond;
    };
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<one> held_;
};

class server_harness {
public:
    // `early`: answers `/early`, where given.
    explicit server_harness(server_options options = {}, queueing early = {})
        : log(clock, {.level = log_level::error}, [](auto) {}) {
        key_ring ring;
        REQUIRE(ring.add(test_key).empty());
        keys.replace(ring);
        in.time = &clock;
        in.ids = ids.get();
        in.keys = &keys;
        in.log = &log;
        routes = {{.method = verb::post,
                   .path = "/echo",
                   .where = lane::memory,
                   .handler = answering(echo),
                   .open = true},
                  {.method = verb::get,
                   .path = "/canary",
                   .where = lane::memory,
                   .handler = answering([this](const context&, const call&) {
                       ++canaries;
                       return response{.body = "tweet"};
                   }),
                   .open = true},
                  {.method = verb::get,
                   .path = "/thread",
                   .where = lane::memory,
                   .handler = answering([](const context&, const call&) {
                       std::ostringstream name;
                       name << std::this_thread::get_id();
                       return response{.body = name.str()};
                   }),
                   .open = true},
                  {.method = verb::get, .path = "/who", .where = lane::memory, .handler = answering(echo)},
                  {.method = verb::get,
                   .path = "/read",
                   .where = lane::reader,
                   .handler = answering(echo),
                   .open = true},
                  {.method = verb::post,
                   .path = "/hold",
                   .where = lane::queue,
                   .handler = queueing([this](const exchange& x) {
                       held.hold(x.asked->asked.body,
                                 [asked = x.asked](response r) { asked->answer(std::move(r)); });
                   }),
                   .open = true}};
        if (early)
            routes.push_back({.method = verb::post,
                              .path = "/early",
                              .where = lane::queue,
                              .handler = std::move(early),
                              .open = true});
        for (auto& r : routes) r.uses_store = false;  // there is none
        std::vector<endpoint> counted_apart;
        for (const auto& r : routes) counted_apart.push_back({r.path});
        counted.emplace(std::move(counted_apart), [] { return std::int64_t{0}; });
        in.counted = &*counted;
        answers = std::make_unique<dispatcher>(in, routes, [](const auto& job) {
            job.run();
            return true;
        });
        serving = std::make_unique<server>(options, *answers, log);
        const auto listening = serving->listen();
        REQUIRE(listening.has_value());
        port = *listening;
        const auto beside = serving->listen_to_redirect();
        REQUIRE(beside.has_value());
        redirect_port = *beside;
        loop = std::thread([this] {
            serving->run();
            returned = true;
        });
    }
    ~server_harness() { stop(); }

    // Drains and waits until the server has returned.
    void stop() {
        if (!loop.joinable()) return;
        serving->drain();
        loop.join();
    }

    // Requests of the path that were answered so.
    std::uint64_t answered(std::string_view path, int status) const {
        for (const auto& one : counted->requests())
            if (one.path == path && one.status == status) return one.count;
        return 0;
    }

    static response echo(const context&, const call& asked) { return {.body = "<" + asked.asked.body + ">"}; }

    static inline const std::string test_key = "4d6f2c1e-9a58-4b7e-8c3d-2f1a0b9c8d7e";
    statetrack::manual_clock clock;
    std::unique_ptr<statetrack::id_source> ids = statetrack::make_seeded_ids(3);
    keys_in_use keys;
    logger log;
    std::optional<metrics> counted;
    context in;
    held_requests held;
    std::atomic<int> canaries{0};  // requests to /canary that ran
    std::vector<route> routes;
    std::unique_ptr<dispatcher> answers;
    std::unique_ptr<server> serving;
    std::uint16_t port = 0;
    std::uint16_t redirect_port = 0;  // 0: none
    std::atomic<bool> returned{false};
    std::thread loop;
};

inline std::string post(std::string_view path, std::string_view body, std::string_view fields = {}) {
    return "POST " + std::string(path) +
           " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
           std::string(fields) + "\r\n" + std::string(body);
}
inline std::string get(std::string_view path, std::string_view fields = {}) {
    return "GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n";
}

}  // namespace statetrackd::testing
