// A request on its way through the commit queue: its operation, the effects to apply after the commit, the
// answer.
#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "tracker_impl.hpp"

namespace statetrack {

// The request and the caller must outlive the job.
template <class Request>
class operation_job : public commit_job {
public:
    using answer = typename Request::answer;

    operation_job(tracker::impl& owner, const Request& asked, const caller& who, const moment& since)
        : state(owner), request(asked), by(who), at(since), ids_(owner.ids) {}

    result<> run(transaction& tx) override {
        begin_run();
        operation op(tx, state, at, by, ids_, out_);
        return perform_into(op, request, answer_);
    }

    void settle(const result<>& outcome) override { state.settle(outcome, out_, at); }

    result<answer> finish() {
        if (!outcome()) return outcome().error();
        complete_derived(*answer_);
        return std::move(*answer_);
    }

    tracker::impl& state;
    const Request& request;
    const caller& by;
    const moment at;

protected:
    // Forgets what a run before this one has left.
    void begin_run() {
        if (!std::exchange(has_run_, true)) return;
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
    bool has_run_ = false;
};

// What a job goes on needing when its caller has gone: a base before it.
template <class Request>
struct kept_request {
    Request asked;
    caller who;
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
