// The way of every write: body into request struct, conditions, the tracker's queue, the answer into a
// response.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "api/answer.hpp"
#include "api/decode.hpp"

namespace statetrackd {

template <class Request>
using presenter = std::function<response(const context&, const call&, const typename Request::answer&)>;

// What stands in the body and the header beside the request's own fields.
struct envelope {
    boost::json::object body{};
    statetrack::caller by{};
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

// The body is read by the rules of the call's route.
template <class Request>
void write(const asking<Request>& what, std::type_identity_t<presenter<Request>> present,
           const std::type_identity_t<adjustment<Request>>& adjust = {}) {
    const auto& x = what.x;
    const auto& asked = *x.asked;
    const auto refuse = [&](failure why) {
        x.respond(
            [&in = x.in, asked_by = x.asked, why = std::move(why)] { return refused(in, *asked_by, why); });
    };
    Request request;
    if (!take_path_id(asked, request)) return refuse(no_such_entity());

    envelope opened;
    problem_list problems;
    failure why;
    if (!open_envelope(asked, opened, problems, why)) return refuse(std::move(why));
    decode_request(opened.body, request, problems);
    if (!problems.empty()) return refuse(validation_failure(problems.take()));

    if (adjust) adjust(request);

    auto done = [&in = x.in, asked_by = x.asked, respond = x.respond,
                 present = std::move(present)](statetrack::result<typename Request::answer> outcome) {
        rendering show = [&in, asked_by, present, outcome = std::move(outcome)] {
            if (outcome) return present(in, *asked_by, *outcome);
            return refused(in, *asked_by, outcome.error());
        };
        respond(std::move(show));
    };
    x.in.tracker->enqueue(std::move(request), std::move(opened.by), std::move(done));
}

}  // namespace statetrackd
