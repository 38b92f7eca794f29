// From a request to its response: request id, route, admission, handler in its lane, common header fields,
// log line. What a server calls; knows no socket.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "api/blocking_job.hpp"
#include "api/call.hpp"
#include "api/problem.hpp"
#include "api/router.hpp"

namespace statetrackd {

// Runs a job on a thread that may block; false where no more are taken.
using blocking_runner = std::function<bool(blocking_job)>;

// Beyond it the store does not keep up (its disk hangs, say), and more writes would only wait in vain.
inline constexpr std::int64_t writes_waiting_standard_max = 65'536;

// Safe to call from several threads. The context and the routes must outlive it.
class dispatcher {
public:
    dispatcher(context& in, const std::vector<route>& routes, blocking_runner run_blocking,
               std::int64_t writes_waiting_max = writes_waiting_standard_max);

    // The request with its id and its route, for what the connection itself refuses.
    std::shared_ptr<call> identify(request&& asked) const;
    // The same, judged by its header: the body may follow until it is run, and
    // is not needed where it is refused (but see call::sign_of_life).
    std::shared_ptr<call> admit(request&& asked) const;
    // Where it runs; what no handler answers is answered from memory.
    lane lane_of(const call& admitted) const;
    // Answers to `by`, under the number, on whichever thread has the answer.
    void run(const std::shared_ptr<call>& admitted, std::weak_ptr<asker> by, std::uint64_t number) const;

    // The response, completed and told. Call it where the response is sent.
    response finish(const call& admitted, response made) const;
    // The two halves of it. Adds the fields that every response has.
    void complete(const call& admitted, response& answer) const;
    // Counts and logs a response of that status.
    void tell(const call& admitted, int status) const;
    // The same where there is no handler's answer.
    response refuse(const call& admitted, const failure& what) const;
    // The same where the answer has not come in time: a failure of the store, where the call uses it.
    response give_up(const call& admitted) const;

private:
    std::shared_ptr<call> identify(request&& asked, statetrack::instant received) const;
    response ask(const answering& handler, const call& admitted) const;
    // Where it may block; what is returned answers the call.
    std::function<void()> read(const answering& handler, const std::shared_ptr<call>& admitted) const;
    // What memory has to say; nothing where the handler would have to wait.
    std::optional<response> answer_at_once(const answering& handler, call& admitted) const;
    std::optional<failure> store_away(const call& admitted) const;
    void enqueue(const queueing& handler, const std::shared_ptr<call>& admitted) const;
    response refusal(const call& admitted, const failure& what) const;

    context& in_;
    const std::vector<route>& routes_;
    router router_;
    blocking_runner run_blocking_;
    std::int64_t writes_waiting_max_;
    // Shared with the answers that are still out: they may come when the dispatcher is gone.
    std::shared_ptr<std::atomic<std::int64_t>> writes_waiting_ =
        std::make_shared<std::atomic<std::int64_t>>(0);
};

}  // namespace statetrackd
