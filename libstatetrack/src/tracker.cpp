#include "statetrack/tracker.hpp"

#include "posted_jobs.hpp"

namespace statetrack {
namespace {

// When the request came. Beats enter memory on receipt: a maximum, harmless if their write fails or is
// refused.
template <class Request>
moment receive(tracker::impl& state, const Request& request, const caller& by) {
    std::lock_guard lock(state.mutex);
    if constexpr (std::is_same_v<Request, heartbeat>) {
        // The index and the store are both elsewhere in memory: fetched at the same time, and while the
        // clocks are read.
        state.index.fetch(request.session_id);
        state.keep.expect(request.session_id);
        state.index.fetch_entry(request.session_id);
    }
    const moment at = state.times.look(state.time.read());
    if constexpr (std::is_same_v<Request, heartbeat>) {
        state.heard(request.session_id, request.epoch ? request.epoch : by.epoch, at.age);
    } else if constexpr (std::is_same_v<Request, machine_heartbeat>) {
        state.watch.heard(request.machine_id, at.age, state.times.listened_ms(at.age), true);
        if (!request.sessions) return at;
        for (const heartbeat& beat : *request.sessions) {
            const live_entry* entry = state.index.find(beat.session_id);
            if (entry && entry->machine && entry->machine->id == request.machine_id)
                state.heard(beat.session_id, beat.epoch, at.age);
        }
    }
    return at;
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
    operation_job<Request> job(*impl_, request, by, receive(*impl_, request, by));
    commit_job* const one[] = {&job};
    impl_->queue.run(one);
    return job.finish();
}

template <class Request>
void tracker::enqueue(Request request, caller by, completion<Request> done) {
    if (auto wrong = refusal(request)) {
        impl_->queue.post(std::make_unique<refused_job<Request>>(std::move(*wrong), std::move(done)));
        return;
    }
    const moment at = receive(*impl_, request, by);
    impl_->queue.post(std::make_unique<posted_job<Request>>(
        *impl_, kept_request<Request>{std::move(request), std::move(by)}, at, std::move(done)));
}

void tracker::enqueue(heartbeat request, caller by, std::unique_ptr<beat_waiter> waiter) {
    if (auto wrong = refusal(request)) {
        impl_->queue.post(std::make_unique<refused_job<heartbeat>>(
            std::move(*wrong),
            [by = std::shared_ptr<beat_waiter>(std::move(waiter))](const result<heartbeat_answer>& outcome) {
                by->failed(outcome.error());
            }));
        return;
    }
    const moment at = receive(*impl_, request, by);
    impl_->queue.post(std::make_unique<posted_beat>(
        *impl_, kept_request<heartbeat>{std::move(request), std::move(by)}, at, std::move(waiter)));
}

std::size_t tracker::commit_pending() { return impl_->queue.drain(); }
bool tracker::commit_group() { return impl_->queue.commit_group(); }
std::size_t tracker::prepare_pending() { return impl_->queue.prepare(); }
std::size_t tracker::complete_pending() { return impl_->queue.complete(); }

void tracker::note_alive(const uuid& session_id, std::optional<std::int64_t> epoch) {
    const moment at = impl_->look();
    std::lock_guard lock(impl_->mutex);
    const live_entry* entry = impl_->index.find(session_id);
    if (!entry || (epoch && live_entry::held(*epoch) != entry->epoch)) return;
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
