// The facade that a host program uses: sessions, tasks and machines, their heartbeats, the stall detector,
// recovery and retention over a store. Starts no thread, sets no timer, never calls back under a lock.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "statetrack/clock.hpp"
#include "statetrack/entities.hpp"
#include "statetrack/error.hpp"
#include "statetrack/idempotency.hpp"
#include "statetrack/ids.hpp"
#include "statetrack/requests.hpp"
#include "statetrack/storage.hpp"
#include "statetrack/views.hpp"

namespace statetrack {

enum class stall_mode : std::uint8_t { enforce, observe };
BOOST_DESCRIBE_ENUM(stall_mode, enforce, observe)

struct tracker_options {
    std::int64_t stall_threshold_ms = 180'000;
    std::int64_t stall_scan_interval_ms = 120'000;  // the safety net; verdicts do not wait for it
    stall_mode mode = stall_mode::enforce;
    bool stall_guard = true;  // hold verdicts during mass silence
    std::int64_t announced_silence_ms_max = 3'600'000;
    std::int64_t machine_offline_threshold_ms = 180'000;
    std::int64_t retention_days = 30;
    std::int64_t abandoned_after_hours = 24;
    std::int64_t event_retention_days = 90;
    std::int64_t cleanup_interval_ms = 3'600'000;
    std::int64_t idempotency_ttl_seconds = 86'400;  // how long an answer is kept for repetitions
    // Called, under no lock, whenever enqueue has put work where none was waiting: somebody has to call
    // commit_pending() soon.
    std::function<void()> on_work{};
    // Where given, commit_pending leaves completions to complete_pending() and calls this, under no lock,
    // when some are due: for a host that commits on one thread and answers on another.
    std::function<void()> on_done{};
    // Called when the commit of heartbeats begins that somebody waits for as beat_waiter: whoever has nothing
    // better to do while the disk works may call prepare_pending(). Called in the midst of a commit: it must
    // do no more than pass the word on.
    std::function<void()> on_commit{};
};

template <class Request>
using completion = std::function<void(result<typename Request::answer>)>;
template <class Request>
using once_completion = std::function<void(result<once_answer<std::type_identity_t<Request>>>)>;

// Waits for a heartbeat, and can make its answer ready before that may be given. Destroyed when it has been
// told; where on_commit is given perhaps as late as by the prepare_pending or complete_pending after that.
class beat_waiter {
public:
    virtual ~beat_waiter() = default;

    // By prepare_pending, at most once and before any other: what the answer will be if the commit succeeds.
    // Nobody else may be told yet. Perhaps it is not called at all.
    virtual void prepare(const heartbeat_answer& likely) = 0;
    // As a completion is called: the beat is durable. `as_prepared`: with the very answer that was prepared.
    virtual void done(const heartbeat_answer& answer, bool as_prepared) = 0;
    // Whatever was prepared is void. Errors: those of heartbeat and of the store.
    virtual void failed(const error& why) = 0;
};

// Safe to call from several threads. The store, the clock and the ids must outlive the tracker.
class tracker {
public:
    // Reads the live sessions and its own memos. What lies between the store's last alive mark and now counts
    // as the tracker's absence, never as the sessions' silence. Errors: those of the store.
    static result<std::unique_ptr<tracker>> open(store& keep, const clock& time, id_source& ids,
                                                 tracker_options options = {});
    ~tracker();
    tracker(const tracker&) = delete;
    tracker& operator=(const tracker&) = delete;

    // Does what the request says and returns when that is durable. Concurrent calls share one commit. Errors:
    // those documented at the request, and those of the store: store_unavailable, store_full, store_corrupt,
    // commit_unknown.
    template <class Request>
    result<typename Request::answer> apply(const Request& request, const caller& by = {});

    // The same without waiting: `done` is called by commit_pending (or complete_pending, see on_done) once
    // the outcome is durable, on the thread that calls it.
    template <class Request>
    void enqueue(Request request, caller by, completion<Request> done);

    // The same of a heartbeat, for a host that renders answers while the disk works (see on_commit).
    void enqueue(heartbeat request, caller by, std::unique_ptr<beat_waiter> waiter);

    // As apply, for new_session, new_task, machine_registration and recovery, sent under an idempotency key.
    // What was answered is kept with what it made, in one transaction, for idempotency_ttl_seconds; the same
    // request under the same key is given it again and does nothing. A refusal changed nothing and keeps
    // nothing, so a corrected request may use the same key. Errors beside those of apply:
    // request_in_progress, idempotency_key_reused, validation_failed (problems name caller, key or
    // fingerprint).
    template <class Request>
    result<once_answer<Request>> apply_once(const Request& request, const once<Request>& how,
                                            const caller& by = {});

    // The same without waiting. Where it answers an error itself, nothing was put into the queue and `done`
    // is not called; so a request that is still running is told of at once, however long that takes.
    template <class Request>
    result<> enqueue_once(Request request, once<Request> how, caller by, once_completion<Request> done);

    // Commits what enqueue has gathered, and calls the completions, unless on_done is given. How many it
    // called. What another thread's apply or sweep has taken into its commit is waited for: when this
    // returns, nothing that was enqueued before is under way.
    std::size_t commit_pending();
    // Commits what has gathered by now, at most 1 024 operations as one group, and calls no completions: for
    // a host with on_done that lets work gather while it answers what is done. Whether more waits.
    bool commit_group();
    // Has answers prepared whose commit is under way, until all are or it is over. How many.
    std::size_t prepare_pending();
    // Calls the completions of what is committed. How many.
    std::size_t complete_pending();

    // Refuses nothing and writes nothing: an authentic sign of life of a session at this epoch that could not
    // be served (throttled, store down). The deadline uses it; the session's next commit writes it.
    void note_alive(const uuid& session_id, std::optional<std::int64_t> epoch);

    // Does what is due: verdicts, expiry, machines gone offline, retention; bounded work per call. Call it
    // again after report.next_in_ms (1 s at most); a call more than 2 s late counts as the tracker's own
    // absence.
    sweep_report sweep();
    // Looks at every active session now, due or not.
    result<sweep_report> detect_failures();
    // Deletes ended sessions older than so many days (the option's where none is given), batch by batch, each
    // a millisecond or so. `pause` is called behind a batch where others wrote too since the one before: a
    // host that waits there (12 ms, say) keeps the slowest hundredth of them from feeling it; false ends the
    // cleanup, with what was deleted so far.
    result<cleanup_report> cleanup(std::optional<std::int64_t> older_than_days = {}, const caller& by = {},
                                   const std::function<bool()>& pause = {});

    // Reading. Errors beside those of the store: not_found; would_wait where it was not to wait.
    result<session_view> find_session(const uuid& id, patience how = patience::waits) const;
    result<session_list> list_sessions(const session_filter& filter, const page& which) const;
    result<fleet_health> health(patience how = patience::waits) const;
    result<stalled_list> stalled_sessions(const page& which, patience how = patience::waits) const;
    result<session_health> health_of(const uuid& id, patience how = patience::waits) const;
    // The verdict now with every input, and the last recorded verdict with its own.
    result<boost::json::object> explain(const uuid& id) const;
    result<recovery_state> recovery_state_of(const uuid& id) const;
    result<event_list> session_events(const uuid& id, std::int64_t after, std::size_t limit) const;
    // Everything that happened after a sequence number, oldest first: how observers follow without a
    // call-back.
    result<event_list> events_after(std::int64_t after, std::size_t limit) const;
    result<task> find_task(const uuid& id) const;
    result<task_list> list_tasks(const task_filter& filter, const page& which) const;
    result<machine_view> find_machine(const std::string& id) const;
    result<machine_list> list_machines(const machine_filter& filter, const page& which) const;

    // From memory, without the store.
    detector_status detector() const;
    tracker_counters counters() const;
    std::vector<job_record> jobs() const;
    const tracker_options& options() const noexcept;
    // The store's time as the tracker writes it: follows the wall clock, steps re-anchored.
    timestamp now() const;

    struct impl;

private:
    explicit tracker(std::unique_ptr<impl> state);
    std::unique_ptr<impl> impl_;
};

}  // namespace statetrack
