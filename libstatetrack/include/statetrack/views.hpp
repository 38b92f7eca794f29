// What reading a tracker gives: filters, pages, lists, health, reports.
#pragma once

#include <array>
#include <boost/json/object.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "statetrack/entities.hpp"
#include "statetrack/requests.hpp"

namespace statetrack {

// Whether a reading call may wait for the store's disk. One that may not answers would_wait where it would
// have to: for a host that first tries on a thread which must never wait.
enum class patience : std::uint8_t { waits, at_once };

// Lists are ordered by creation, newest first. `after` goes on behind the row with that ordinal (list.next).
struct page {
    std::size_t limit = 50;
    std::size_t offset = 0;
    std::optional<std::int64_t> after{};
};

struct session_filter {
    std::optional<std::string> project_id{};
    std::optional<std::string> machine_id{};
    std::optional<session_status> status{};
    std::optional<uuid> lineage_id{};
    bool archived_only = false;
};

struct task_filter {
    std::optional<uuid> session_id{};
    std::optional<std::string> project_id{};
    std::optional<task_status> status{};
};

struct machine_filter {
    std::optional<machine_status> status{};
};

template <class T>
struct list {
    std::vector<T> rows{};
    std::int64_t total = 0;              // of the whole list, not of the page
    std::optional<std::int64_t> next{};  // the `after` of the next page; none on the last
};
using session_list = list<session_view>;
using task_list = list<task>;
using machine_list = list<machine_view>;

struct event_list {
    std::vector<event> events{};
    std::int64_t next_after = 0;
};

inline constexpr std::size_t session_statuses = described_enumerators<session_status>;

// Counts by status; an active session past its deadline counts as stalled, marked or not.
struct fleet_health {
    std::int64_t total = 0;
    std::array<std::int64_t, session_statuses> by_status{};  // indexed by session_status
    std::int64_t alive_not_progressing = 0;
    timestamp last_updated{};
};

struct stalled_session {
    uuid session_id{};
    std::string project_id{};
    std::optional<std::string> machine_id{};
    timestamp last_heartbeat{};
    std::int64_t time_since_heartbeat_ms = 0;
};
BOOST_DESCRIBE_STRUCT(stalled_session, (),
                      (session_id, project_id, machine_id, last_heartbeat, time_since_heartbeat_ms))

template <>
inline constexpr field_notes notes_of<&stalled_session::session_id> = notes_of<&session::session_id>;
template <>
inline constexpr field_notes notes_of<&stalled_session::project_id> = notes_of<&session::project_id>;
template <>
inline constexpr field_notes notes_of<&stalled_session::machine_id> = notes_of<&session::machine_id>;
template <>
inline constexpr field_notes notes_of<&stalled_session::last_heartbeat> = notes_of<&session::last_heartbeat>;
template <>
inline constexpr field_notes notes_of<&stalled_session::time_since_heartbeat_ms>{
    .doc = "How long it has been silent.", .min = 0, .example = "215000"};

struct stalled_list {
    std::vector<stalled_session> rows{};
    std::int64_t stall_threshold_ms = 0;  // the tracker's default
};

struct session_health {
    uuid session_id{};
    bool is_healthy = false;  // active and not past its deadline
    session_status status{};
    timestamp last_heartbeat{};
    std::int64_t time_since_heartbeat_ms = 0;
    bool is_stalled = false;  // marked stalled, or active and past its deadline
    std::int64_t stall_threshold_ms = 0;
    std::optional<timestamp> deadline{};
    bool alive_not_progressing = false;
    std::optional<session_phase> phase{};
    std::optional<timestamp> last_progress_at{};
};
BOOST_DESCRIBE_STRUCT(session_health, (),
                      (session_id, is_healthy, status, last_heartbeat, time_since_heartbeat_ms, is_stalled,
                       stall_threshold_ms, deadline, alive_not_progressing, phase, last_progress_at))

template <>
inline constexpr field_notes notes_of<&session_health::session_id> = notes_of<&session::session_id>;
template <>
inline constexpr field_notes notes_of<&session_health::is_healthy>{.doc =
                                                                       "Active and not past its deadline."};
template <>
inline constexpr field_notes notes_of<&session_health::status> = notes_of<&session::status>;
template <>
inline constexpr field_notes notes_of<&session_health::last_heartbeat> = notes_of<&session::last_heartbeat>;
template <>
inline constexpr field_notes notes_of<&session_health::time_since_heartbeat_ms>{
    .doc = "How long it has been silent.", .min = 0, .example = "4200"};
template <>
inline constexpr field_notes notes_of<&session_health::is_stalled>{
    .doc = "Marked stalled, or active and past its deadline."};
template <>
inline constexpr field_notes notes_of<&session_health::stall_threshold_ms>{
    .doc = "The silence that it may keep: its own, or the tracker's default.", .min = 0, .example = "180000"};
template <>
inline constexpr field_notes notes_of<&session_health::deadline>{
    .doc = "Silence beyond it is a stall; null while the session cannot stall."};
template <>
inline constexpr field_notes notes_of<&session_health::alive_not_progressing>{
    .doc = "It beats, but its progress has stood still for longer than progress_threshold_ms."};
template <>
inline constexpr field_notes notes_of<&session_health::phase> = notes_of<&session::phase>;
template <>
inline constexpr field_notes notes_of<&session_health::last_progress_at> =
    notes_of<&session::last_progress_at>;

struct sweep_report {
    std::int64_t scanned = 0;                     // sessions looked at
    std::vector<uuid> stalled{};                  // marked (observe: only noted) in this pass
    std::vector<std::int64_t> stall_delays_ms{};  // of each of them: marking time - deadline
    std::vector<uuid> expired{};
    std::vector<uuid> not_progressing{};  // whose episode began in this pass
    std::vector<std::string> offline{};   // machines
    std::int64_t deleted_sessions = 0;
    std::int64_t duration_ms = 0;
    std::int64_t next_in_ms = 1'000;
    std::vector<error> errors{};  // of jobs that could not be done; they run again
};

struct cleanup_report {
    std::int64_t deleted_sessions = 0;
    std::int64_t deleted_tasks = 0;
};

// A background job's last run.
struct job_record {
    std::string name{};  // stall_detection, machine_offline, expiry, retention
    std::optional<timestamp> last_run{};
    std::int64_t duration_ms = 0;
    std::int64_t affected = 0;
    std::int64_t runs_succeeded = 0;
    std::int64_t runs_failed = 0;
    std::optional<std::string> last_error{};
    std::int64_t interval_ms = 0;
};

struct detector_status {
    bool store_available = true;
    std::optional<std::string> hold{};  // why no verdict is passed now: mass_silence
    std::int64_t live_sessions = 0;
};

// Since the tracker was opened.
struct tracker_counters {
    std::map<std::string, std::int64_t> stalls{};        // by reason
    std::map<std::string, std::int64_t> false_stalls{};  // came back by a beat of their epoch, by reason
    std::int64_t recoveries = 0;
    std::int64_t stall_delay_ms_max = 0;  // marking time - deadline
};

}  // namespace statetrack
