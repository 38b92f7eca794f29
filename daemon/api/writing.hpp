// The way of every write: body into request struct, conditions, the tracker's queue, the answer into a
// response.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "api/answer.hpp"
#include "api/decode.hpp"
#include "api/idempotency.hpp"

namespace statetrackd {

template <class Request>
using presenter = std::function<response(const context&, const call&, const typename Request::answer&)>;

// What stands in the body and the header beside the request's own fields.
struct envelope {
    boost::json::object body{};
    statetrack::caller by{};
    std::optional<std::string> idempotency_key{};
};
// Answers false, and why, where the body or a condition cannot be read. `problems` are those of single
// fields.
bool open_envelope(const call& asked, envelope& into, problem_list& problems, failure& why);

// The entity that the path names into the request's member for it; false where no entity can have that id.
template <class Request>
bool take_path_id(const call& asked, Request& request) {
    bool valid = true;
    statetrack::for_each_member<Request>([&](std::string_view, auto member) {
        if constexpr (statetrack::notes_of<member.value>.in_path) {
            auto& field = request.*member.value;
            if constexpr (std::is_same_v<std::remove_cvref_t<decltype(field)>, statetrack::uuid>) {
                const auto id = statetrack::parse_uuid(asked.parameters.at(0));
                valid = id.has_value();
                field = id.value_or(statetrack::uuid{});
            } else {
                valid = asked.parameters.at(0).size() <= 4 * statetrack::name_length_max;
                field = asked.parameters.at(0);
            }
        }
    });
    return valid;
}

// What the daemon takes out of a sound request before the tracker sees it.
template <class Request>
using adjustment = std::function<void(Request&)>;

// The body is read by the rules of the call's route. Answers why not, where it cannot be.
template <class Request>
std::optional<failure> read_request(const call& asked, Request& request, envelope& opened) {
    if (!take_path_id(asked, request)) return no_such_entity();
    problem_list problems;
    failure why;
    if (!open_envelope(asked, opened, problems, why)) return why;
    decode_request(opened.body, request, problems);
    if (!problems.empty()) return validation_failure(problems.take());
    return std::nullopt;
}

void refuse(const exchange& x, const failure& why);

template <class Request>
void enqueue(const exchange& x, Request request, statetrack::caller by, presenter<Request> present) {
    auto done = [&in = x.in, asked_by = x.asked,
                 present = std::move(present)](const statetrack::result<typename Request::answer>& outcome) {
        asked_by->answer(shown(in, *asked_by, [&] {
            if (outcome) return present(in, *asked_by, *outcome);
            return refused(in, *asked_by, outcome.error());
        }));
    };
    x.in.tracker->enqueue(std::move(request), std::move(by), std::move(done));
}

template <class Request>
void write(const asking<Request>& what, std::type_identity_t<presenter<Request>> present,
           const std::type_identity_t<adjustment<Request>>& adjust = {}) {
    Request request;
    envelope opened;
    if (auto why = read_request(*what.x.asked, request, opened)) return refuse(what.x, *why);
    if (adjust) adjust(request);
    enqueue<Request>(what.x, std::move(request), std::move(opened.by), std::move(present));
}

// Says in the log what was done; never of a repetition, which does nothing.
template <class Request>
using teller = std::function<void(const context&, const call&, const typename Request::answer&)>;

// The way of POSTs that create. Under an Idempotency-Key the answer is rendered inside the operation and kept
// with what it made: `present` may be called more than once, so it only shows.
template <class Request>
void create(const asking<Request>& what, std::type_identity_t<presenter<Request>> present,
            std::type_identity_t<teller<Request>> tell) {
    const auto& x = what.x;
    Request request;
    envelope opened;
    if (auto why = read_request(*x.asked, request, opened)) return refuse(x, *why);
    if (!opened.idempotency_key)
        return enqueue<Request>(x, std::move(request), std::move(opened.by),
                                [present = std::move(present), tell = std::move(tell)](
                                    const context& in, const call& asked, const auto& made) {
                                    tell(in, asked, made);
                                    return present(in, asked, made);
                                });

    statetrack::once<Request> how{
        .under =
            idempotency_key_of(*x.asked, std::move(*opened.idempotency_key), opened.body, opened.by.epoch),
        .render = [&in = x.in, asked_by = x.asked, present = std::move(present)](const auto& made) {
            return to_kept(present(in, *asked_by, made));
        }};
    auto done = [&in = x.in, asked_by = x.asked, tell = std::move(tell)](
                    const statetrack::result<statetrack::once_answer<Request>>& outcome) {
        asked_by->answer(shown(in, *asked_by, [&] {
            if (!outcome) return refused(in, *asked_by, outcome.error());
            auto answer = from_kept(outcome->kept);
            if (outcome->replayed())
                answer.set("Idempotent-Replayed", "true");
            else
                tell(in, *asked_by, *outcome->answer);
            return answer;
        }));
    };
    const auto begun =
        x.in.tracker->enqueue_once(std::move(request), std::move(how), std::move(opened.by), std::move(done));
    if (!begun) refuse(x, failure_of(begun.error()));
}

}  // namespace statetrackd
