#include "api/dispatcher.hpp"

#include <algorithm>
#include <exception>

#include "api/admission.hpp"
#include "api/answer.hpp"
#include "guard/request_id.hpp"
#include "statetrack/recycled.hpp"

namespace statetrackd {
namespace {

failure overloaded() {
    return {.status = 503,
            .code = "overloaded",
            .message = "too much is waiting for the store; try again shortly"};
}

failure no_route(const call& admitted) {
    if (!admitted.target_readable)
        return {.status = 400,
                .code = "bad_request",
                .message =
                    "the request target cannot be read: it must be a path of valid, percent-encoded UTF-8"};
    if (!admitted.allow.empty())
        return {
            .status = 405, .code = "method_not_allowed", .message = "this path knows only " + admitted.allow};
    return {.status = 404, .code = "not_found", .message = "there is no such route"};
}

// What web pages may send and read beside what they always may.
constexpr std::string_view cors_request_fields =
    "X-API-Key, Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Prefer, X-Request-Id, "
    "X-Session-Epoch";
constexpr std::string_view cors_answer_fields =
    "ETag, Location, Retry-After, Idempotent-Replayed, Preference-Applied, X-Request-Id, X-RateLimit-Limit, "
    "X-RateLimit-Remaining, X-RateLimit-Reset";
constexpr std::string_view cors_preflight_kept_s = "600";

response options_of(const call& admitted) {
    response answer{.status = 204};
    answer.set("Allow", admitted.allow);
    return answer;
}

// The answer depends on the origin as soon as there are any, for a request without one too.
void add_cors(const origin_list& origins, const call& admitted, response& answer) {
    if (origins.empty()) return;
    answer.set("Vary", "Origin");
    const auto& fields = admitted.asked.fields;
    if (!origins.allows(fields.origin)) return;
    answer.set("Access-Control-Allow-Origin", fields.origin);
    answer.set("Access-Control-Expose-Headers", cors_answer_fields);
    const bool preflight = admitted.asked.method == verb::options && answer.status == 204 &&
                           !fields.access_control_request_method.empty();
    if (!preflight) return;
    answer.set("Access-Control-Allow-Methods", admitted.allow);
    answer.set("Access-Control-Allow-Headers", cors_request_fields);
    answer.set("Access-Control-Max-Age", cors_preflight_kept_s);
}

}  // namespace

dispatcher::dispatcher(context& in, const std::vector<route>& routes, blocking_runner run_blocking,
                       std::int64_t writes_waiting_max)
    : in_(in),
      routes_(routes),
      router_(routes),
      run_blocking_(std::move(run_blocking)),
      writes_waiting_max_(writes_waiting_max) {}

std::shared_ptr<call> dispatcher::identify(request&& asked) const {
    return identify(std::move(asked), in_.time->read().age);
}

std::shared_ptr<call> dispatcher::identify(request&& asked, statetrack::instant received) const {
    auto admitted = std::allocate_shared<call>(statetrack::recycling_allocator<call>());
    admitted->asked = std::move(asked);
    admitted->received = received;
    if (in_.counted) admitted->received_us = in_.counted->now_us();
    admitted->request_id = request_id_for(admitted->asked.fields.request_id, *in_.ids);
    if (auto where = parse_target(admitted->asked.target)) {
        admitted->target_readable = true;
        admitted->where = std::move(*where);
        auto routed = router_.find(admitted->asked.method, std::move(admitted->where.segments));
        admitted->matched = routed.found;
        admitted->allow = std::move(routed.allow);
        admitted->parameters = std::move(routed.parameters);
    }
    return admitted;
}

std::shared_ptr<call> dispatcher::admit(request&& asked) const {
    const auto now = in_.time->read();
    auto admitted = identify(std::move(asked), now.age);
    judge_admission(in_, *admitted, now);
    return admitted;
}

lane dispatcher::lane_of(const call& admitted) const {
    return admitted.matched && !admitted.refusal ? admitted.matched->where : lane::memory;
}

response dispatcher::refusal(const call& admitted, const failure& what) const {
    return render(what, admitted, in_.time->read().wall);
}

void dispatcher::run(const std::shared_ptr<call>& admitted, std::weak_ptr<asker> by,
                     std::uint64_t number) const {
    admitted->by = std::move(by);
    admitted->number = number;
    if (admitted->matched == nullptr) {
        if (admitted->asked.method == verb::options && !admitted->allow.empty())
            return admitted->answer(options_of(*admitted));
        return admitted->answer(refusal(*admitted, no_route(*admitted)));
    }
    if (admitted->refusal) {
        if (admitted->sign_of_life) note_signs_of_life(in_, *admitted);
        return admitted->answer(refusal(*admitted, *admitted->refusal));
    }

    if (const auto away = store_away(*admitted)) {
        if (admitted->matched->counted != budget::key) note_signs_of_life(in_, *admitted);
        return admitted->answer(refusal(*admitted, *away));
    }

    if (const auto* handler = std::get_if<queueing>(&admitted->matched->handler))
        return enqueue(*handler, admitted);
    const auto* answer = &std::get<answering>(admitted->matched->handler);
    if (admitted->matched->where == lane::memory) return admitted->answer(ask(*answer, *admitted));

    if (admitted->matched->at_once)
        if (auto found = answer_at_once(*answer, *admitted)) return admitted->answer(std::move(*found));

    blocking_job job{.work = [this, answer, admitted] { return read(*answer, admitted); },
                     .brief = admitted->matched->at_once};
    if (!run_blocking_(std::move(job))) admitted->answer(refusal(*admitted, overloaded()));
}

std::function<void()> dispatcher::read(const answering& handler,
                                       const std::shared_ptr<call>& admitted) const {
    if (admitted->abandoned) return {};
    return [admitted, made = ask(handler, *admitted)]() mutable { admitted->answer(std::move(made)); };
}

response dispatcher::ask(const answering& handler, const call& admitted) const {
    return shown(in_, admitted, [&] { return handler(in_, admitted); });
}

std::optional<response> dispatcher::answer_at_once(const answering& handler, call& admitted) const {
    admitted.how = statetrack::patience::at_once;
    auto found = ask(handler, admitted);
    admitted.how = statetrack::patience::waits;
    if (found.status == response::would_wait) return std::nullopt;
    return found;
}

// At the door, so that nothing waits behind a store that does not answer. The sweep tries it meanwhile.
std::optional<failure> dispatcher::store_away(const call& admitted) const {
    if (!admitted.matched->uses_store) return std::nullopt;
    const bool refused = in_.breaker && in_.breaker->is_open();
    if (in_.tracker && !refused) return std::nullopt;
    auto why = failure_of(statetrack::error(statetrack::errc::store_unavailable));
    if (refused) why.retry_after_s = in_.breaker->retry_after_s(in_.time->read().age);
    return why;
}

void dispatcher::enqueue(const queueing& handler, const std::shared_ptr<call>& admitted) const {
    admitted->waiting = writes_waiting_;
    if (++*writes_waiting_ > writes_waiting_max_) return admitted->answer(refusal(*admitted, overloaded()));
    try {
        handler(exchange{in_, admitted});
    } catch (const std::exception& e) {
        admitted->answer(broken(in_, *admitted, e));
    }
}

response dispatcher::finish(const call& admitted, response made) const {
    complete(admitted, made);
    tell(admitted, made.status);
    return made;
}

response dispatcher::refuse(const call& admitted, const failure& what) const {
    return finish(admitted, refusal(admitted, what));
}

response dispatcher::give_up(const call& admitted) const {
    const bool of_store = admitted.matched && admitted.matched->uses_store;
    // What operators ask for may well take longer than anybody waits.
    if (of_store && in_.breaker && admitted.matched->where != lane::alone &&
        in_.breaker->report(circuit_breaker::permission::usual, false, in_.time->read().age) ==
            circuit_breaker::change::opened)
        in_.log->error("store circuit opened",
                       {{"error", "calls were not answered in time"}, {"next_trial_in_ms", open_for_ms}});
    return refuse(
        admitted,
        {.status = 504,
         .code = "timeout",
         .message = "the store did not answer in time; whether a write took effect is unknown, ask again"});
}

void dispatcher::complete(const call& admitted, response& answer) const {
    if (answer.status == 405 && !answer.headers.has("Allow")) answer.set("Allow", admitted.allow);
    answer.set("X-Request-Id", admitted.request_id);
    answer.set("Cache-Control", answer.headers.has("ETag") ? "private, no-cache" : "no-store");
    answer.set("X-Content-Type-Options", "nosniff");
    if (const auto& used = admitted.budget; used.limit > 0) {
        answer.set("X-RateLimit-Limit", std::to_string(used.limit));
        answer.set("X-RateLimit-Remaining", std::to_string(used.remaining));
        answer.set("X-RateLimit-Reset", std::to_string(used.resets_at_s));
    }
    if (in_.origins) add_cors(*in_.origins, admitted, answer);
}

void dispatcher::tell(const call& admitted, int status) const {
    if (in_.counted) {
        std::optional<std::size_t> place;
        if (admitted.matched) place = static_cast<std::size_t>(admitted.matched - routes_.data());
        in_.counted->request_done(place, admitted.asked.method, status,
                                  in_.counted->now_us() - admitted.received_us);
    }

    const bool routine = status < 400 && admitted.matched != nullptr;
    const auto level = status >= 500 ? log_level::warn : routine ? admitted.matched->level : log_level::info;
    if (!in_.log->wants(level)) return;
    in_.log->write(level, "request done",
                   {{"request_id", admitted.request_id},
                    {"method", name_of(admitted.asked.method)},
                    {"endpoint", admitted.matched ? admitted.matched->path : admitted.path()},
                    {"status", std::int64_t{status}},
                    {"duration_ms", in_.time->read().age - admitted.received},
                    {"key", admitted.actor},
                    {"address", admitted.asked.remote}});
}

}  // namespace statetrackd
