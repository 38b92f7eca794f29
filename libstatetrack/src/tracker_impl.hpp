// The tracker's inside: what the operations, the detector and the readers share.
#pragma once

#include <boost/unordered/unordered_flat_set.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "commit_queue.hpp"
#include "liveness_index.hpp"
#include "machine_watch.hpp"
#include "operation.hpp"
#include "running_keys.hpp"
#include "statetrack/tracker.hpp"
#include "timeline.hpp"

namespace statetrack {

inline constexpr std::string_view memo_name = "detector";

inline constexpr std::int64_t alive_mark_interval_ms = 5'000;
inline constexpr std::size_t sweep_entries_max = 10'000;
inline constexpr std::size_t sweep_units_max = 500;  // verdicts in one call of the queue
inline constexpr std::int64_t pacing_window_ms = 60'000;
// The longest time for which nobody is looked for among the machines: an absence that is forgotten brings a
// deadline forward.
inline constexpr std::int64_t machines_look_ms_max = 10'000;

// Where retention goes on: behind what it has spared.
struct retention_cursor {
    std::optional<timestamp> from{};
    std::size_t spared_there = 0;
};

struct tracker::impl {
    impl(store& keep, const clock& time, id_source& ids, tracker_options options);

    store& keep;
    const clock& time;
    id_source& ids;
    const tracker_options options;
    running_keys running;  // before the queue, whose jobs hold claims
    commit_queue queue;

    // Guards everything below. Never held while the store works.
    mutable std::mutex mutex;
    mutable timeline times;
    liveness_index index;
    machine_watch watch;
    tracker_counters counts{};
    std::unordered_map<uuid, timestamp> alive_notes{};  // heard, and not yet written
    using uuid_set = boost::unordered_flat_set<uuid, std::hash<uuid>>;
    uuid_set overdue{};  // past their deadline, not to be marked now
    uuid_set slow{};     // found alive and not progressing; some may have gone on since
    // Until then no machine can be offline whose row has not changed.
    std::optional<instant> machines_due{};
    std::map<std::string, job_record> jobs{};

    // One sweep at a time; guards the sweep's own state.
    std::mutex sweep_mutex;
    std::optional<instant> marked_alive_at{};
    std::optional<instant> scanned_at{};
    std::optional<std::size_t> scanning_from{};  // where the scan under way goes on
    std::optional<instant> cleaned_at{};
    bool cleaning = false;
    retention_cursor cleaning_from{};
    std::uint64_t cleaning_settled = 0;
    std::optional<instant> pacing_until{};  // the end of the open window; after mass silence only
    std::int64_t paced_marks = 0;
    bool pacing_deferred = false;

    result<> load();
    moment look() const;
    std::shared_ptr<const std::vector<absence>> absences() const;
    // Of somebody heard a moment ago: mostly without the lock.
    instant deadline_after(const silence& quiet) const;

    // Which store errors mean that the store as a whole is down.
    void store_answered(const result<>& outcome) const;
    // The same of an operation; where it was done, its effects on memory too.
    void settle(const result<>& outcome, const effects& what, const moment& at);
    void note_answer(const result<>& outcome) const;                            // lock held
    void apply_effects(const effects& what, const moment& at);                  // lock held
    void heard(const uuid& id, std::optional<std::int64_t> epoch, instant at);  // lock held

    // With the lock held: what the detector thinks of an entry.
    std::int64_t threshold_of(const live_entry& entry) const;
    instant stall_deadline(const live_entry& entry, std::span<const absence> away) const;
    std::optional<instant> progress_deadline(const live_entry& entry, std::span<const absence> away) const;
    instant expiry_deadline(const live_entry& entry, std::span<const absence> away) const;
    instant offline_deadline(const machine_presence& m, std::span<const absence> away) const;
    bool is_overdue(const live_entry& entry, instant now, std::span<const absence> away) const;
    bool not_progressing(const live_entry& entry, instant now, std::span<const absence> away) const;
    // When the entry must be looked at again if nothing happens.
    instant next_look(const live_entry& entry, std::span<const absence> away) const;
    std::vector<uuid> overdue_now(instant now, std::span<const absence> away) const;
    std::vector<uuid> not_progressing_now(instant now, std::span<const absence> away) const;
    template <class Test>
    std::vector<uuid> among_due(const uuid_set& known, instant now, Test holds_for) const;
    void forget(const uuid& id);  // where a session is beyond judging
    std::string stall_reason(const live_entry& entry, instant now) const;
    // What the detector thinks of the entry, for people.
    std::string_view opinion(const live_entry& entry, instant now, std::span<const absence> away) const;
    // Members of a JSON object, without its braces: a sweep writes many.
    std::string verdict_inputs(const live_entry& entry, const moment& at,
                               std::span<const absence> away) const;

    // Without the lock.
    std::optional<timestamp> deadline_of(const uuid& id) const;
    session_view view_of(session row) const;
    machine_view view_of(machine row, std::vector<uuid> active_sessions) const;

    template <class Body>
    auto read(Body body, patience how = patience::waits) const;

    // Runs bodies as operations of the tracker itself, as one group; their outcomes.
    std::vector<result<>> run_all(const std::vector<std::function<result<>(operation&)>>& bodies,
                                  const moment& at, const caller& by);
    void record(std::string_view job, const moment& at, std::int64_t affected,
                const std::optional<error>& failed);

    // The parts of a sweep; called with sweep_mutex held.
    void mark_alive(const moment& at, sweep_report& report);
    void write_alive_notes(const moment& at, sweep_report& report);
    void run_guard(const moment& at);
    // Where somebody active announced silence that is over; lock held.
    boost::unordered_flat_set<const machine_presence*> announced_and_over(instant now);
    void judge_due(const moment& at, sweep_report& report);
    void scan_some(const moment& at);  // lock held
    // The registered ones past their deadlines, and these; lock held.
    std::vector<std::pair<std::string, instant>> silent_machines(instant now);
    void mark_machines(const moment& at, sweep_report& report);
    void retain(const moment& at, sweep_report& report);
    sweep_report sweep_all(bool everything);
    bool may_mark(const moment& at);  // lock held
    result<> write_memo(operation& op) const;
    bool is_alone(std::uint64_t& settled) const;
    // One batch; whether there may be more.
    result<bool> delete_batch(const moment& at, timestamp before, const caller& by, std::size_t sessions_max,
                              retention_cursor& cursor, cleanup_report& done);
    result<bool> forget_batch(const moment& at, timestamp before);
    result<bool> forget_answers(const moment& at);
};

// What an answer derives from memory, filled in when its operation is durable.
void complete_answer(const tracker::impl& state, session_view& view);
void complete_answer(const tracker::impl& state, machine_view& view);

// The operations: one overload a request, each a body that runs inside a transaction.
result<session_created> perform(operation& op, const new_session& request);
result<session_view> perform(operation& op, const session_patch& request);
result<session_removal::answer> perform(operation& op, const session_removal& request);
result<session_view> perform(operation& op, const failure_mark& request);
result<session_view> perform(operation& op, const stall_mark& request);
result<recovery_state> perform(operation& op, const recovery_preparation& request);
result<recovered> perform(operation& op, const recovery& request);
result<session_view> perform(operation& op, const archiving& request);
result<task> perform(operation& op, const new_task& request);
result<task> perform(operation& op, const task_patch& request);
result<task_removal::answer> perform(operation& op, const task_removal& request);
result<machine_registered> perform(operation& op, const machine_registration& request);
result<machine_view> perform(operation& op, const machine_patch& request);
result<machine_removal::answer> perform(operation& op, const machine_removal& request);
result<machine_beat_answer> perform(operation& op, const machine_heartbeat& request);

template <class Request>
result<> perform_into(operation& op, const Request& request,
                      std::optional<typename Request::answer>& answer) {
    auto done = perform(op, request);
    if (!done) return done.error();
    answer = std::move(*done);
    return {};
}
// Nearly all the traffic: its answer is filled in where it lies.
result<> perform_into(operation& op, const heartbeat& request, std::optional<heartbeat_answer>& answer);

result<recovery_state> read_recovery_state(reader& from, const session& row);
result<std::vector<uuid>> live_sessions_on(reader& from, const std::string& machine_id);

template <class Body>
auto tracker::impl::read(Body body, patience how) const {
    using answer = decltype(body(std::declval<reader&>()));
    std::optional<answer> found;
    const auto asked = [&](reader& from) -> result<> {
        found = body(from);
        if (!*found) return found->error();
        return {};
    };
    const bool waits = how == patience::waits;
    const result<> outcome = waits ? keep.read(asked) : keep.read_at_once(asked);
    if (!found || (outcome.has_error() && found->has_value())) found = answer(outcome.error());
    if (waits) store_answered(outcome);  // of the store itself memory says nothing
    return std::move(*found);
}

}  // namespace statetrack
