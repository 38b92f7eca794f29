// The whole API over a store in memory and a manual clock, without a socket and without a thread.
#pragma once

#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/dispatcher.hpp"
#include "api/routes.hpp"
#include "observe/exposition.hpp"
#include "one_answer.hpp"
#include "statetrack/manual_clock.hpp"
#include "statetrack/memory_store.hpp"

namespace statetrackd::testing {

inline const std::string test_key = "4d6f2c1e-9a58-4b7e-8c3d-2f1a0b9c8d7e";
// For tests of roles, which add them to the ring, and one that is in no ring.
inline const std::string reader_key = "11111111-2222-4333-8444-555555555555";
inline const std::string client_key = "22222222-2222-4333-8444-555555555555";
inline const std::string unknown_key = "99999999-2222-4333-8444-555555555555";

struct reply {
    int status = 0;
    std::vector<std::pair<std::string, std::string>> headers{};
    std::string content_type{};
    std::string text{};
    boost::json::value body{};

    std::string header(std::string_view name) const {
        for (const auto& [key, value] : headers)
            if (key == name) return value;
        return {};
    }
    const boost::json::value& operator[](std::string_view name) const { return body.as_object().at(name); }
    std::string text_at(std::string_view name) const {
        return std::string(body.as_object().at(name).as_string());
    }
    // The message that a validation gave for the field; empty: none.
    std::string detail(std::string_view field) const {
        for (const auto& d : body.as_object().at("details").as_array())
            if (d.at("field").as_string() == field) return std::string(d.at("message").as_string());
        return {};
    }
};

class api_harness {
public:
    explicit api_harness(std::unique_ptr<statetrack::store> over = statetrack::make_memory_store(),
                         const std::vector<route>& routes = all_routes())
        : keep(std::move(over)) {
        log = std::make_unique<logger>(clock, log_options{},
                                       [this](std::string_view lines) { logged_ += lines; });
        set_keys("ci=" + test_key);
        auto opened = statetrack::tracker::open(*keep, clock, *ids, {});
        REQUIRE(opened.has_value());
        tracked = std::move(*opened);
        in.tracker = tracked.get();
        in.keep = keep.get();
        in.time = &clock;
        in.ids = ids.get();
        in.keys = &keys;
        in.log = log.get();
        counted =
            std::make_unique<metrics>(endpoints_of(routes), [this] { return clock.read().age.ms * 1'000; });
        in.counted = counted.get();
        in.environment = "test";
        in.started = clock.read().age;
        answers = std::make_unique<dispatcher>(in, routes, [this](const auto& job) {
            ++blocking_jobs;
            job.run();
            return true;
        });
    }

    reply ask(request asked) {
        const auto admitted = answers->admit(std::move(asked));
        const auto waits = std::make_shared<one_answer>();
        answers->run(admitted, waits, 0);
        waits->await(*tracked);
        REQUIRE(waits->made);
        auto given = answers->finish(*admitted, std::move(*waits->made));
        const auto fields = given.headers.all();
        reply got{.status = given.status,
                  .headers = {fields.begin(), fields.end()},
                  .content_type = std::string(given.content_type),
                  .text = given.body};
        if (given.content_type.find("json") != std::string_view::npos && !given.body.empty())
            got.body = boost::json::parse(given.body);
        return got;
    }
    reply ask(verb method, std::string target, std::string body = {}, request_fields fields = {}) {
        if (fields.api_key.empty() && fields.authorization.empty()) fields.api_key = test_key;
        return ask(request{.method = method,
                           .target = std::move(target),
                           .fields = std::move(fields),
                           .body = std::move(body),
                           .remote = "192.0.2.1"});
    }
    reply get(std::string target, request_fields fields = {}) {
        return ask(verb::get, std::move(target), {}, std::move(fields));
    }
    reply post(std::string target, std::string body = {}, request_fields fields = {}) {
        return ask(verb::post, std::move(target), std::move(body), std::move(fields));
    }
    reply patch(std::string target, std::string body, request_fields fields = {}) {
        return ask(verb::patch, std::move(target), std::move(body), std::move(fields));
    }

    void set_keys(std::string_view text) {
        key_ring ring;
        REQUIRE(ring.add(text).empty());
        keys.replace(std::move(ring));
    }
    // From here on there are limits.
    void limit(rate_limits to) {
        limits = std::make_unique<limiter>(to, 1);
        in.limits = limits.get();
    }

    // The new session's path.
    std::string create(std::string_view project = "p", std::string_view machine = "m") {
        const auto made = post("/api/sessions", "{\"project_id\":\"" + std::string(project) +
                                                    "\",\"machine_id\":\"" + std::string(machine) + "\"}");
        REQUIRE(made.status == 201);
        return made.header("Location");
    }

    // All that was logged. The last call: the log ends with it.
    std::string end_log() {
        log.reset();
        return logged_;
    }

    statetrack::manual_clock clock;
    std::unique_ptr<statetrack::id_source> ids = statetrack::make_seeded_ids(7);
    std::unique_ptr<statetrack::store> keep;
    keys_in_use keys;
    std::unique_ptr<limiter> limits;
    std::unique_ptr<statetrack::tracker> tracked;
    std::unique_ptr<metrics> counted;
    context in;
    std::unique_ptr<dispatcher> answers;
    int blocking_jobs = 0;  // run so far

private:
    std::string logged_;  // written by the log's own thread, which must end first
    std::unique_ptr<logger> log;
};

}  // namespace statetrackd::testing
