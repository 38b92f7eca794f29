#include "small_daemon.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <cstdio>
#include <cstdlib>

#include "../daemon/one_answer.hpp"
#include "api/routes.hpp"
#include "statetrack/verify.hpp"

namespace statetrackd::fuzz {
namespace {

// What does not change between inputs; the log has a thread of its own, which none may wait for.
struct constants {
    statetrack::manual_clock clock;
    logger log{clock, {.level = log_level::error}, [](std::string_view) {}};
    keys_in_use keys;
    origin_list origins;

    constants() {
        key_ring ring;
        const auto text = "ci=" + std::string(admin_key) + "\nboard:read=" + std::string(reader_key);
        must(ring.add(text).empty(), "the keys are sound");
        keys.replace(std::move(ring));
        must(origins.assign("https://*.example").empty(), "the origins are sound");
    }
};

constants& shared() {
    static constants made;
    return made;
}

std::string_view field_of(const response& given, std::string_view name) {
    std::string_view value;
    int count = 0;
    for (const auto& [key, text] : given.headers.all()) {
        if (key != name) continue;
        value = text;
        ++count;
    }
    must(count <= 1, "a header field comes once", name);
    return value;
}

void check_refusal(const response& given, const boost::json::value& body) {
    must(body.is_object(), "a refusal is an object", given.body);
    const auto& object = body.get_object();
    const auto text = [&](std::string_view name) {
        const auto* value = object.if_contains(name);
        must(value != nullptr && value->is_string(), "a refusal has this text", name);
        return std::string_view(value->get_string());
    };
    for (const auto* name : {"statusCode", "status"}) {
        const auto* value = object.if_contains(name);
        must(value != nullptr && *value == given.status, "a refusal says its status", name);
    }
    for (const auto* name : {"error", "message", "timestamp", "path", "code", "type", "title", "detail"})
        text(name);
    must(!text("code").empty() && !text("message").empty(), "a refusal says why", given.body);
    must(text("request_id") == field_of(given, "X-Request-Id"), "a refusal names its request", given.body);
    if (const auto* details = object.if_contains("details"))
        for (const auto& one : details->as_array())
            must(one.at("field").is_string() && !one.at("message").as_string().empty(), "a detail says why",
                 given.body);
}

}  // namespace

void must(bool holds, std::string_view what, std::string_view about) {
    if (holds) return;
    std::fprintf(stderr, "\nMUST HOLD: %.*s: %.*s\n", static_cast<int>(what.size()), what.data(),
                 static_cast<int>(about.size()), about.data());
    std::abort();
}

small_daemon::small_daemon()
    : ids_(statetrack::make_seeded_ids(7)),
      keep_(statetrack::make_memory_store()),
      limits_(std::make_unique<limiter>(rate_limits{.requests = 24, .heartbeats = 6, .failed_keys = 4}, 1)) {
    auto opened = statetrack::tracker::open(*keep_, clock_, *ids_, {});
    must(opened.has_value(), "a tracker opens over an empty store");
    tracked_ = std::move(*opened);
    in_.tracker = tracked_.get();
    in_.keep = keep_.get();
    in_.time = &clock_;
    in_.ids = ids_.get();
    in_.keys = &shared().keys;
    in_.origins = &shared().origins;
    in_.log = &shared().log;
    in_.environment = "fuzz";
    in_.started = clock_.read().age;
    answers_ = std::make_unique<dispatcher>(in_, all_routes(), [](const auto& job) {
        job.run();
        return true;
    });
    tracked_
        ->apply(statetrack::machine_registration{
            .hostname = "h", .docker_slots = {1, 2}, .machine_id = std::string(machine_id)})
        .value();
    tracked_
        ->apply(statetrack::new_session{.project_id = "p",
                                        .machine_id = std::string(machine_id),
                                        .session_id = statetrack::parse_uuid(session_id),
                                        .docker_slot = 1,
                                        .stall_threshold_ms = statetrack::threshold_ms_min})
        .value();
    const auto task = tracked_->apply(statetrack::new_task{
        .session_id = *statetrack::parse_uuid(session_id), .project_id = "p", .task_name = "t"});
    task_id_ = to_string(task.value().task_id);
    in_.limits = limits_.get();
}

small_daemon::~small_daemon() = default;

response small_daemon::answer(const std::shared_ptr<call>& admitted) {
    const auto waits = std::make_shared<testing::one_answer>();
    answers_->run(admitted, waits, 0);
    waits->await(*tracked_);
    must(waits->times == 1, "a request is answered once", admitted->asked.target);
    return answers_->finish(*admitted, std::move(waits->made).value());
}

response small_daemon::ask(verb method, std::string target, std::string body, request_fields fields) {
    if (fields.api_key.empty()) fields.api_key = admin_key;
    auto given = answer(answers_->admit({.method = method,
                                         .target = std::move(target),
                                         .fields = std::move(fields),
                                         .body = std::move(body),
                                         .remote = "192.0.2.1"}));
    check_answer(given);
    return given;
}

void small_daemon::pass_time(std::int64_t ms) {
    while (ms > 0) {
        const auto step = std::min(ms, std::max<std::int64_t>(1, tracked_->sweep().next_in_ms));
        clock_.advance(step);
        ms -= step;
    }
    tracked_->sweep();
}

void small_daemon::verify() {
    const auto found = statetrack::verify(*keep_);
    must(found.has_value(), "the store can be read");
    must(found->broken_count == 0, "every invariant of the model holds",
         found->broken.empty() ? std::string_view() : found->broken.front());
}

void check_answer(const response& given) {
    const bool known = given.status >= 200 && place_of_status(given.status) < statuses_known;
    must(known && given.status != 500, "nothing makes the daemon fail", given.body);
    must(field_of(given, "X-Content-Type-Options") == "nosniff", "types are not guessed");
    must(!field_of(given, "X-Request-Id").empty(), "a request has an id");
    must(!field_of(given, "Cache-Control").empty(), "a cache is told what to do");
    for (const auto& [name, value] : given.headers.all())
        must(std::none_of(value.begin(), value.end(), [](char c) { return c >= 0 && c < 0x20; }),
             "a header field is one line", name);
    const bool bodiless = given.status == 204 || given.status == 304;
    must(!bodiless || given.body.empty(), "204 and 304 have no body", given.body);
    if (bodiless || given.content_type.find("json") == std::string_view::npos) {
        must(given.status < 400, "a refusal is JSON", given.body);
        return;
    }
    boost::system::error_code ec;
    boost::json::parse_options options;
    options.max_depth = 64;
    const auto body = boost::json::parse(given.body, ec, {}, options);
    must(!ec, "an answer is valid JSON", given.body);
    if (given.status >= 400) check_refusal(given, body);
}

}  // namespace statetrackd::fuzz
