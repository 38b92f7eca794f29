// What can be asked of a tracker that changes something, and what it answers. Each request is a described
// struct whose notes give bounds and documentation; the daemon decodes bodies into the very same structs.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "statetrack/entities.hpp"
#include "statetrack/fields.hpp"

namespace statetrack {

inline constexpr std::size_t machine_beat_sessions_max = 1'000;

// Who asks, and on what condition. Recorded in every event.
struct caller {
    std::string actor = "host";  // the key's name, for one
    std::optional<std::string> request_id{};
    std::optional<std::int64_t> epoch{};       // refused as superseded unless it is the session's
    std::optional<std::int64_t> if_version{};  // patches only: refused as version_mismatch unless stored
};

// A session as it is shown: the row, and what is derived from it and the clock.
struct session_view {
    session row{};
    bool alive_not_progressing = false;
};

struct machine_view {
    machine row{};                        // its last_heartbeat: the newest of its own and its sessions'
    std::vector<uuid> active_sessions{};  // its live sessions
};

// ---------------------------------------------------------------------------------------------- sessions

enum class initial_status : std::uint8_t { active, pending };
BOOST_DESCRIBE_ENUM(initial_status, active, pending)
enum class conflict_policy : std::uint8_t { reject, takeover };
BOOST_DESCRIBE_ENUM(conflict_policy, reject, takeover)

struct session_created {
    session_view session{};
    bool created = true;                    // false: that session_id was there already, with the same place
    std::optional<uuid> taken_over_from{};  // the session that a takeover superseded
};

// Errors: validation_failed; place_taken (facts: holder, deadline); already_exists (the id).
struct new_session {
    using answer = session_created;
    std::string project_id{};
    std::optional<std::string> machine_id{};  // may be absent for pending ones only
    std::optional<uuid> session_id{};
    std::optional<std::int64_t> docker_slot{};
    std::optional<std::string> agent_role{};
    initial_status status = initial_status::active;
    std::optional<std::int64_t> stall_threshold_ms{};
    std::optional<std::int64_t> progress_threshold_ms{};
    std::optional<json_text> checkpoint{};
    std::optional<json_text> metadata{};
    conflict_policy on_conflict = conflict_policy::reject;
};
BOOST_DESCRIBE_STRUCT(new_session, (),
                      (project_id, machine_id, session_id, docker_slot, agent_role, status,
                       stall_threshold_ms, progress_threshold_ms, checkpoint, metadata, on_conflict))

// Errors: validation_failed, not_found, superseded, terminal, illegal_transition, place_taken,
// version_mismatch.
struct session_patch {
    using answer = session_view;
    uuid session_id{};
    std::optional<session_status> status{};
    change<std::string> current_task_id{};
    change<std::int64_t> stall_threshold_ms{};
    change<std::int64_t> progress_threshold_ms{};
    change<json_text> checkpoint{};
    std::optional<json_text> metadata{};
};
BOOST_DESCRIBE_STRUCT(session_patch, (),
                      (session_id, status, current_task_id, stall_threshold_ms, progress_threshold_ms,
                       checkpoint, metadata))

// Deletes a session with its tasks. Errors: not_found, superseded (a wrong epoch).
struct session_removal {
    struct answer {
        std::int64_t deleted_tasks = 0;
    };
    uuid session_id{};
};
BOOST_DESCRIBE_STRUCT(session_removal, (), (session_id))

struct progress_mark {
    std::int64_t seq = 0;  // counts only where it is higher than the session's
    std::optional<std::string> note{};
};
BOOST_DESCRIBE_STRUCT(progress_mark, (), (seq, note))

struct heartbeat_answer {
    session_view session{};
    std::int64_t next_heartbeat_ms = 0;   // beat again after this long
    std::optional<timestamp> deadline{};  // silence beyond it is a stall; none while the session can't stall
    bool plain = true;
    bool first = false;  // the session's first beat
};

// Errors: validation_failed, not_found, superseded, terminal, place_taken (a stalled one whose place is
// taken), illegal_transition (a session without a machine).
struct heartbeat {
    using answer = heartbeat_answer;
    uuid session_id{};
    change<std::string> current_task_id{};
    std::optional<json_text> metadata{};
    std::optional<std::int64_t> epoch{};
    change<session_phase> phase{};
    std::optional<progress_mark> progress{};
    change<std::int64_t> expect_silence_ms{};
    std::optional<std::int64_t> suspended_ms{};
    change<json_text> checkpoint{};
};
BOOST_DESCRIBE_STRUCT(heartbeat, (),
                      (session_id, current_task_id, metadata, epoch, phase, progress, expect_silence_ms,
                       suspended_ms, checkpoint))

// Errors: validation_failed, not_found, superseded, terminal (completed or expired).
struct failure_mark {
    using answer = session_view;
    uuid session_id{};
    std::string error_message{};
    std::optional<json_text> metadata{};
};
BOOST_DESCRIBE_STRUCT(failure_mark, (), (session_id, error_message, metadata))

// Errors: not_found, superseded, terminal, illegal_transition (pending or paused).
struct stall_mark {
    using answer = session_view;
    uuid session_id{};
};
BOOST_DESCRIBE_STRUCT(stall_mark, (), (session_id))

struct recovery_state {
    session row{};
    std::optional<task> last_successful_task{};
    std::vector<task> failed_tasks{};
    std::vector<task> pending_tasks{};
    std::vector<task> in_progress_tasks{};
    std::vector<task> blocked_tasks{};
};

// Errors: not_found, superseded, wrong_state (not failed, stalled or expired).
struct recovery_preparation {
    using answer = recovery_state;
    uuid session_id{};
    bool clear_machine = false;
};
BOOST_DESCRIBE_STRUCT(recovery_preparation, (), (session_id, clear_machine))

struct recovered {
    session_view session{};  // the successor
    bool created = true;     // false: it had been made before
    std::int64_t tasks_reset = 0;
    std::int64_t tasks_carried = 0;
};

// Errors: validation_failed, not_found, wrong_state, successor_gone, place_taken, superseded (a wrong epoch).
struct recovery {
    using answer = recovered;
    uuid session_id{};
    std::string new_machine_id{};
    std::optional<std::int64_t> docker_slot{};
    bool reset_failed_tasks = true;
    bool carry_pending_tasks = true;
};
BOOST_DESCRIBE_STRUCT(recovery, (),
                      (session_id, new_machine_id, docker_slot, reset_failed_tasks, carry_pending_tasks))

// Errors: not_found, wrong_state (a live session).
struct archiving {
    using answer = session_view;
    uuid session_id{};
};
BOOST_DESCRIBE_STRUCT(archiving, (), (session_id))

// ------------------------------------------------------------------------------------------------- tasks

// Errors: validation_failed (an unknown session too), terminal, superseded.
struct new_task {
    using answer = task;
    uuid session_id{};
    std::string project_id{};
    std::string task_name{};
    std::optional<std::string> github_issue_id{};
    std::optional<json_text> metadata{};
};
BOOST_DESCRIBE_STRUCT(new_task, (), (session_id, project_id, task_name, github_issue_id, metadata))

// Errors: validation_failed, not_found, superseded, illegal_transition, terminal (starting a task of an ended
// session), version_mismatch.
struct task_patch {
    using answer = task;
    uuid task_id{};
    std::optional<task_status> status{};
    change<std::string> error_message{};
    std::optional<json_text> metadata{};
};
BOOST_DESCRIBE_STRUCT(task_patch, (), (task_id, status, error_message, metadata))

// Errors: not_found, superseded.
struct task_removal {
    struct answer {};
    uuid task_id{};
};
BOOST_DESCRIBE_STRUCT(task_removal, (), (task_id))

// ---------------------------------------------------------------------------------------------- machines

struct machine_registered {
    machine_view machine{};
    bool created = true;  // false: registered again
};

// Errors: validation_failed, machine_mismatch, in_use (a held slot would go).
struct machine_registration {
    using answer = machine_registered;
    std::string hostname{};
    std::vector<std::int64_t> docker_slots{};
    std::optional<std::string> machine_id{};
    std::optional<json_text> metadata{};
};
BOOST_DESCRIBE_STRUCT(machine_registration, (), (hostname, docker_slots, machine_id, metadata))

// Errors: validation_failed, not_found, in_use (a held slot would go), version_mismatch.
struct machine_patch {
    using answer = machine_view;
    std::string machine_id{};
    std::optional<machine_status> status{};
    std::optional<std::vector<std::int64_t>> docker_slots{};
    std::optional<json_text> metadata{};
};
BOOST_DESCRIBE_STRUCT(machine_patch, (), (machine_id, status, docker_slots, metadata))

// Errors: not_found, in_use (live sessions).
struct machine_removal {
    struct answer {};
    std::string machine_id{};
};
BOOST_DESCRIBE_STRUCT(machine_removal, (), (machine_id))

struct beat_result {
    uuid session_id{};
    result<heartbeat_answer> outcome{};
};

struct machine_beat_answer {
    machine_view machine{};
    std::vector<beat_result> results{};  // one for each session of the request, in its order
};

// A machine beats, and with it any of its sessions. Errors: validation_failed (any element malformed refuses
// all), not_found. An element's own outcome: as heartbeat, and in_use for another machine's session.
struct machine_heartbeat {
    using answer = machine_beat_answer;
    std::string machine_id{};
    std::optional<json_text> metadata{};
    std::optional<std::vector<heartbeat>> sessions{};
};
BOOST_DESCRIBE_STRUCT(machine_heartbeat, (), (machine_id, metadata, sessions))

// ------------------------------------------------------------------------------------------------- notes

inline constexpr field_notes required(field_notes notes) {
    notes.required = true;
    return notes;
}

// clang-format off
template <> inline constexpr field_notes notes_of<&new_session::project_id> =
    required(notes_of<&session::project_id>);
template <> inline constexpr field_notes notes_of<&new_session::machine_id> =
    required(notes_of<&session::machine_id>);
template <> inline constexpr field_notes notes_of<&new_session::session_id>{
    .doc = "The client's own UUID v4; there already with the same place: that session is the answer."};
template <> inline constexpr field_notes notes_of<&new_session::docker_slot> =
    notes_of<&session::docker_slot>;
template <> inline constexpr field_notes notes_of<&new_session::agent_role> = notes_of<&session::agent_role>;
template <> inline constexpr field_notes notes_of<&new_session::status>{
    .doc = "pending: it becomes active with its first heartbeat."};
template <> inline constexpr field_notes notes_of<&new_session::stall_threshold_ms> =
    notes_of<&session::stall_threshold_ms>;
template <> inline constexpr field_notes notes_of<&new_session::progress_threshold_ms> =
    notes_of<&session::progress_threshold_ms>;
template <> inline constexpr field_notes notes_of<&new_session::checkpoint> = notes_of<&session::checkpoint>;
template <> inline constexpr field_notes notes_of<&new_session::metadata> = notes_of<&session::metadata>;
template <> inline constexpr field_notes notes_of<&new_session::on_conflict>{
    .doc = "takeover: supersede the newest live session of the same project, machine and slot."};

template <> inline constexpr field_notes notes_of<&session_patch::session_id>{.in_path = true};
template <> inline constexpr field_notes notes_of<&session_patch::status> = notes_of<&session::status>;
template <> inline constexpr field_notes notes_of<&session_patch::current_task_id> =
    notes_of<&session::current_task_id>;
template <> inline constexpr field_notes notes_of<&session_patch::stall_threshold_ms> =
    notes_of<&session::stall_threshold_ms>;
template <> inline constexpr field_notes notes_of<&session_patch::progress_threshold_ms> =
    notes_of<&session::progress_threshold_ms>;
template <> inline constexpr field_notes notes_of<&session_patch::checkpoint> =
    notes_of<&session::checkpoint>;
template <> inline constexpr field_notes notes_of<&session_patch::metadata> = notes_of<&session::metadata>;

template <> inline constexpr field_notes notes_of<&session_removal::session_id>{.in_path = true};

template <> inline constexpr field_notes notes_of<&progress_mark::seq>{
    .doc = "Counts only where it is higher than the session's.", .required = true, .min = 0, .example = "7"};
template <> inline constexpr field_notes notes_of<&progress_mark::note>{
    .doc = "What was achieved; kept in the event.", .length_max = free_text_length_max,
    .example = "12 of 40 files done"};

template <> inline constexpr field_notes notes_of<&heartbeat::session_id>{
    .doc = "Whose heartbeat.", .required = true, .in_path = true};
template <> inline constexpr field_notes notes_of<&heartbeat::current_task_id> =
    notes_of<&session::current_task_id>;
template <> inline constexpr field_notes notes_of<&heartbeat::metadata> = notes_of<&session::metadata>;
template <> inline constexpr field_notes notes_of<&heartbeat::epoch>{
    .doc = "Refused unless it is the session's.", .min = 1, .example = "1"};
template <> inline constexpr field_notes notes_of<&heartbeat::phase> = notes_of<&session::phase>;
template <> inline constexpr field_notes notes_of<&heartbeat::progress>{
    .doc = "A sign that the agent itself moves on.",
    .example = R"({"seq":7,"note":"12 of 40 files done"})"};
template <> inline constexpr field_notes notes_of<&heartbeat::expect_silence_ms>{
    .doc = "No further beat is to be expected for so long; capped.", .min = 0, .example = "600000"};
template <> inline constexpr field_notes notes_of<&heartbeat::suspended_ms>{
    .doc = "How long the client's machine slept.", .min = 0};
template <> inline constexpr field_notes notes_of<&heartbeat::checkpoint> = notes_of<&session::checkpoint>;

template <> inline constexpr field_notes notes_of<&failure_mark::session_id>{.in_path = true};
template <> inline constexpr field_notes notes_of<&failure_mark::error_message>{
    .doc = "Why it failed.", .required = true, .length_min = 1, .length_max = free_text_length_max,
    .example = "the build ran out of memory"};
template <> inline constexpr field_notes notes_of<&failure_mark::metadata> = notes_of<&session::metadata>;
template <> inline constexpr field_notes notes_of<&stall_mark::session_id>{.in_path = true};
template <> inline constexpr field_notes notes_of<&recovery_preparation::session_id>{.in_path = true};
template <> inline constexpr field_notes notes_of<&recovery_preparation::clear_machine>{
    .doc = "Free the machine and the slot."};
template <> inline constexpr field_notes notes_of<&recovery::session_id>{.in_path = true};
template <> inline constexpr field_notes notes_of<&recovery::new_machine_id> =
    required(notes_of<&session::machine_id>);
template <> inline constexpr field_notes notes_of<&recovery::docker_slot> = notes_of<&session::docker_slot>;
template <> inline constexpr field_notes notes_of<&recovery::reset_failed_tasks>{
    .doc = "A new pending task for every failed one."};
template <> inline constexpr field_notes notes_of<&recovery::carry_pending_tasks>{
    .doc = "Pending and blocked tasks go on in the successor."};
template <> inline constexpr field_notes notes_of<&archiving::session_id>{.in_path = true};

template <> inline constexpr field_notes notes_of<&new_task::session_id> =
    required(notes_of<&task::session_id>);
template <> inline constexpr field_notes notes_of<&new_task::project_id> =
    required(notes_of<&task::project_id>);
template <> inline constexpr field_notes notes_of<&new_task::task_name> =
    required(notes_of<&task::task_name>);
template <> inline constexpr field_notes notes_of<&new_task::github_issue_id> =
    notes_of<&task::github_issue_id>;
template <> inline constexpr field_notes notes_of<&new_task::metadata> = notes_of<&task::metadata>;
template <> inline constexpr field_notes notes_of<&task_patch::task_id>{.in_path = true};
template <> inline constexpr field_notes notes_of<&task_patch::status> = notes_of<&task::status>;
template <> inline constexpr field_notes notes_of<&task_patch::error_message> =
    notes_of<&task::error_message>;
template <> inline constexpr field_notes notes_of<&task_patch::metadata> = notes_of<&task::metadata>;
template <> inline constexpr field_notes notes_of<&task_removal::task_id>{.in_path = true};

template <> inline constexpr field_notes notes_of<&machine_registration::hostname> =
    required(notes_of<&machine::hostname>);
template <> inline constexpr field_notes notes_of<&machine_registration::docker_slots> =
    required(notes_of<&machine::docker_slots>);
template <> inline constexpr field_notes notes_of<&machine_registration::machine_id> =
    notes_of<&machine::machine_id>;
template <> inline constexpr field_notes notes_of<&machine_registration::metadata> =
    notes_of<&machine::metadata>;
template <> inline constexpr field_notes notes_of<&machine_patch::machine_id>{.in_path = true};
template <> inline constexpr field_notes notes_of<&machine_patch::status> = notes_of<&machine::status>;
template <> inline constexpr field_notes notes_of<&machine_patch::docker_slots> =
    notes_of<&machine::docker_slots>;
template <> inline constexpr field_notes notes_of<&machine_patch::metadata> = notes_of<&machine::metadata>;
template <> inline constexpr field_notes notes_of<&machine_removal::machine_id>{.in_path = true};
template <> inline constexpr field_notes notes_of<&machine_heartbeat::machine_id>{.in_path = true};
template <> inline constexpr field_notes notes_of<&machine_heartbeat::metadata> =
    notes_of<&machine::metadata>;
template <> inline constexpr field_notes notes_of<&machine_heartbeat::sessions>{
    .doc = "Beats of its sessions, each with its own result.", .length_max = machine_beat_sessions_max};
// clang-format on

// Every bound that a request breaks, fields named as in JSON (`sessions[3].phase`). What apply and enqueue
// check first; public so that a decoder can join its own findings with these.
template <class Request>
std::vector<field_problem> check(const Request& request);

}  // namespace statetrack
