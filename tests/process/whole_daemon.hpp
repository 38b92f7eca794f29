// The daemon's server, API and threads over any store, in this process and on a manual clock: for races over
// real sockets whose time is in the test's hand.
#pragma once

#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <memory>
#include <string>
#include <thread>

#include "../daemon/http_client.hpp"
#include "api/dispatcher.hpp"
#include "api/routes.hpp"
#include "net/background.hpp"
#include "net/server.hpp"
#include "statetrack/manual_clock.hpp"

namespace statetrackd::testing {

inline const std::string process_test_key = "4d6f2c1e-9a58-4b7e-8c3d-2f1a0b9c8d7e";

// More fields are lines, each with its end.
inline std::string request_text(std::string_view method, std::string_view target, std::string_view body = {},
                                std::string_view more_fields = {}) {
    return std::string(method) + " " + std::string(target) +
           " HTTP/1.1\r\nHost: h\r\nX-API-Key: " + process_test_key + "\r\n" + std::string(more_fields) +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

class whole_daemon {
public:
    explicit whole_daemon(std::unique_ptr<statetrack::store> over)
        : keep_(std::move(over)), log_(clock, {.level = log_level::error}, [](auto) {}), threads_(log_) {
        key_ring ring;
        REQUIRE(ring.add("ci=" + process_test_key).empty());
        keys_.replace(ring);
        statetrack::tracker_options options;
        options.on_work = [this] { threads_.work_waits(); };
        options.on_commit = [this] { threads_.commit_begins(); };
        options.on_done = [this] { threads_.answers_wait(); };
        auto opened = statetrack::tracker::open(*keep_, clock, *ids_, options);
        REQUIRE(opened.has_value());
        tracked = std::move(*opened);
        in_.tracker = tracked.get();
        in_.keep = keep_.get();
        in_.time = &clock;
        in_.ids = ids_.get();
        in_.keys = &keys_;
        in_.log = &log_;
        in_.started = clock.read().age;
        answers_ = std::make_unique<dispatcher>(in_, all_routes(),
                                                [this](auto job) { return threads_.read(std::move(job)); });
        serving_ = std::make_unique<server>(server_options{.threads = 2}, *answers_, log_);
        const auto listening = serving_->listen();
        REQUIRE(listening.has_value());
        port = *listening;
        threads_.join_loop([this](auto job) { serving_->post(std::move(job)); });
        threads_.start();
        threads_.attend(*tracked, *keep_);
        loop_ = std::thread([this] { serving_->run(); });
    }
    ~whole_daemon() {
        serving_->drain();
        loop_.join();
        threads_.stop();
    }

    http_reply ask(std::string_view method, std::string_view target, std::string_view body = {}) const {
        http_client client(port);
        return client.ask(request_text(method, target, body));
    }

    statetrack::manual_clock clock;
    std::unique_ptr<statetrack::tracker> tracked;
    std::uint16_t port = 0;

private:
    std::unique_ptr<statetrack::id_source> ids_ = statetrack::make_seeded_ids(11);
    std::unique_ptr<statetrack::store> keep_;
    keys_in_use keys_;
    logger log_;
    background threads_;
    context in_;
    std::unique_ptr<dispatcher> answers_;
    std::unique_ptr<server> serving_;
    std::thread loop_;
};

}  // namespace statetrackd::testing
