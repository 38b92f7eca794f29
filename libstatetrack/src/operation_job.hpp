// A request on its way through the commit queue: its operation, the effects to apply after the commit, the
// answer.
#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "tracker_impl.hpp"

namespace statetrack {

template <class Request>
class operation_job : public commit_job {
public:
    using answer = typename Request::answer;

    operation_job(tracker::impl& owner, Request asked, caller who)
        : state(owner), request(std::move(asked)), by(std::move(who)), at(owner.look()), ids_(owner.ids) {}

    result<> run(transaction& tx) override {
        begin_run();
        operation op(tx, state, at, by, ids_, out_);
        auto done = perform(op, request);
        if (!done) return done.error();
        answer_ = std::move(*done);
        return {};
    }

    void settle(const result<>& outcome) override {
        state.store_answered(outcome);
        if (outcome) state.apply_effects(out_, at);
    }

    result<answer> finish() {
        if (!outcome()) return outcome().error();
        complete_derived(*answer_);
        return std::move(*answer_);
    }

    tracker::impl& state;
    Request request;
    caller by;
    moment at;

protected:
    // Forgets what a run before this one has left.
    void begin_run() {
        ids_.rewind();
        out_ = {};
        answer_.reset();
    }

    template <class Answer>
    void complete_derived(Answer& given) {
        if constexpr (std::is_same_v<Answer, session_view> || std::is_same_v<Answer, machine_view>)
            complete_answer(state, given);
        else if constexpr (requires { given.session; })
            complete_answer(state, given.session);
        else if constexpr (requires { given.machine; })
            complete_answer(state, given.machine);
    }

    std::optional<answer> answer_{};

private:
    drawn_ids ids_;
    effects out_{};
};

// Why the request cannot even be tried; nothing where it can.
template <class Request>
std::optional<error> refusal(const Request& request) {
    auto problems = check(request);
    if (problems.empty()) return std::nullopt;
    error e(errc::validation_failed, "the request is wrong in " + std::to_string(problems.size()) +
                                         (problems.size() == 1 ? " place" : " places"));
    e.problems = std::move(problems);
    return e;
}

}  // namespace statetrack
