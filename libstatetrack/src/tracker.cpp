#include "statetrack/tracker.hpp"

#include <algorithm>

#include "statetrack/lifecycle.hpp"
#include "tracker_impl.hpp"

namespace statetrack {
namespace {

template <class Request>
struct prepared {
    prepared(tracker::impl& owner, Request asked, caller who)
        : state(owner), request(std::move(asked)), by(std::move(who)), at(owner.look()), ids(owner.ids) {}

    result<> body(transaction& tx) {
        ids.rewind();
        out = {};
        operation op(tx, state, at, by, ids, out);
        auto done = perform(op, request);
        if (!done) return done.error();
        answer = std::move(*done);
        return {};
    }

    void settle(const result<>& outcome) {
        state.store_answered(outcome);
        if (outcome) state.apply_effects(out, at);
    }

    result<typename Request::answer> finish(const result<>& outcome) {
        if (!outcome) return outcome.error();
        complete(*answer);
        return std::move(*answer);
    }

    tracker::impl& state;
    Request request;
    caller by;
    moment at;
    drawn_ids ids;
    effects out{};
    std::optional<typename Request::answer> answer{};

private:
    template <class Answer>
    void complete(Answer& given) {
        if constexpr (std::is_same_v<Answer, session_view> || std::is_same_v<Answer, machine_view>)
            complete_answer(state, given);
        else if constexpr (requires { given.session; })
            complete_answer(state, given.session);
        else if constexpr (requires { given.machine; })
            complete_answer(state, given.machine);
    }
};

// Beats enter memory on receipt: a maximum, harmless if their write fails or is refused.
template <class Request>
void note_receipt(tracker::impl& state, const Request& request, const caller& by, const moment& at) {
    if constexpr (std::is_same_v<Request, heartbeat>) {
        std::lock_guard lock(state.mutex);
        state.heard(request.session_id, request.epoch ? request.epoch : by.epoch, at.age);
    } else if constexpr (std::is_same_v<Request, machine_heartbeat>) {
        std::lock_guard lock(state.mutex);
        state.watch.heard(request.machine_id, at.age, state.times.listened_ms(at.age), true);
        if (!request.sessions) return;
        for (const heartbeat& beat : *request.sessions) {
            const live_entry* entry = state.index.find(beat.session_id);
            if (entry && entry->machine_id == request.machine_id)
                state.heard(beat.session_id, beat.epoch, at.age);
        }
    }
}

template <class Request>
std::optional<error> refusal(const Request& request) {
    auto problems = check(request);
    if (problems.empty()) return std::nullopt;
    error e(errc::validation_failed, "the request is wrong in " + std::to_string(problems.size()) +
                                         (problems.size() == 1 ? " place" : " places"));
    e.problems = std::move(problems);
    return e;
}

}  // namespace

tracker::tracker(std::unique_ptr<impl> state) : impl_(std::move(state)) {}
tracker::~tracker() = default;

result<std::unique_ptr<tracker>> tracker::open(store& keep, const clock& time, id_source& ids,
                                               tracker_options options) {
    auto state = std::make_unique<impl>(keep, time, ids, std::move(options));
    if (const auto loaded = state->load(); !loaded) return loaded.error();
    return std::unique_ptr<tracker>(new tracker(std::move(state)));
}

template <class Request>
result<typename Request::answer> tracker::apply(const Request& request, const caller& by) {
    if (auto wrong = refusal(request)) return *wrong;
    prepared<Request> work(*impl_, request, by);
    note_receipt(*impl_, request, by, work.at);
    commit_job job;
    job.unit.body = [&work](transaction& tx) { return work.body(tx); };
    job.settle = [&work](const result<>& outcome) { work.settle(outcome); };
    impl_->queue.run(std::span(&job, 1));
    return work.finish(job.unit.outcome);
}

template <class Request>
void tracker::enqueue(Request request, caller by, completion<Request> done) {
    auto wrong = refusal(request);
    auto job = std::make_unique<commit_job>();
    if (wrong) {
        // Refused by itself, but answered like all others: by commit_pending.
        job->unit.body = [why = std::move(*wrong)](transaction&) -> result<> { return why; };
        job->complete = [done = std::move(done)](const result<>& outcome) { done(outcome.error()); };
        impl_->queue.post(std::move(job));
        return;
    }
    auto work = std::make_shared<prepared<Request>>(*impl_, std::move(request), std::move(by));
    note_receipt(*impl_, work->request, work->by, work->at);
    job->unit.body = [work](transaction& tx) { return work->body(tx); };
    job->settle = [work](const result<>& outcome) { work->settle(outcome); };
    job->complete = [work, done = std::move(done)](const result<>& outcome) { done(work->finish(outcome)); };
    impl_->queue.post(std::move(job));
}

std::size_t tracker::commit_pending() { return impl_->queue.drain(); }

void tracker::note_alive(const uuid& session_id, std::optional<std::int64_t> epoch) {
    const moment at = impl_->look();
    std::lock_guard lock(impl_->mutex);
    const live_entry* entry = impl_->index.find(session_id);
    if (!entry || (epoch && *epoch != entry->epoch)) return;
    impl_->heard(session_id, epoch, at.age);
    impl_->alive_notes[session_id] = at.now;
}

const tracker_options& tracker::options() const noexcept { return impl_->options; }
timestamp tracker::now() const { return impl_->look().now; }

#define STATETRACK_REQUEST(Request)                                                          \
    template result<Request::answer> tracker::apply<Request>(const Request&, const caller&); \
    template void tracker::enqueue<Request>(Request, caller, completion<Request>);

STATETRACK_REQUEST(new_session)
STATETRACK_REQUEST(session_patch)
STATETRACK_REQUEST(session_removal)
STATETRACK_REQUEST(heartbeat)
STATETRACK_REQUEST(failure_mark)
STATETRACK_REQUEST(stall_mark)
STATETRACK_REQUEST(recovery_preparation)
STATETRACK_REQUEST(recovery)
STATETRACK_REQUEST(archiving)
STATETRACK_REQUEST(new_task)
STATETRACK_REQUEST(task_patch)
STATETRACK_REQUEST(task_removal)
STATETRACK_REQUEST(machine_registration)
STATETRACK_REQUEST(machine_patch)
STATETRACK_REQUEST(machine_removal)
STATETRACK_REQUEST(machine_heartbeat)
#undef STATETRACK_REQUEST

}  // namespace statetrack
