// The entities: what statetrack stores and shows. Each is described once; columns, JSON and schema come from
// it.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "statetrack/clock.hpp"
#include "statetrack/fields.hpp"
#include "statetrack/ids.hpp"
#include "statetrack/json_text.hpp"
#include "statetrack/table.hpp"

namespace statetrack {

inline constexpr std::size_t name_length_max = 256;
inline constexpr std::size_t task_name_length_max = 512;
inline constexpr std::size_t free_text_length_max = 4'096;
inline constexpr std::size_t document_bytes_max = 64 * 1024;
inline constexpr std::int64_t threshold_ms_min = 1'000;
inline constexpr std::int64_t threshold_ms_max = 86'400'000;
inline constexpr std::int64_t docker_slots_max = 1'024;

enum class session_status : std::uint8_t { pending, active, paused, stalled, completed, failed, expired };
BOOST_DESCRIBE_ENUM(session_status, pending, active, paused, stalled, completed, failed, expired)

enum class session_phase : std::uint8_t { starting, working, tool, waiting_input, waiting_permission };
BOOST_DESCRIBE_ENUM(session_phase, starting, working, tool, waiting_input, waiting_permission)

enum class task_status : std::uint8_t { pending, in_progress, completed, failed, blocked };
BOOST_DESCRIBE_ENUM(task_status, pending, in_progress, completed, failed, blocked)

enum class machine_status : std::uint8_t { online, offline, maintenance };
BOOST_DESCRIBE_ENUM(machine_status, online, offline, maintenance)

enum class entity_type : std::uint8_t { session, task, machine };
BOOST_DESCRIBE_ENUM(entity_type, session, task, machine)

// One run of an orchestrator on one project, on one machine (optionally in one docker slot).
struct session {
    uuid session_id{};
    std::string project_id{};
    std::optional<std::string> machine_id{};
    std::optional<std::int64_t> docker_slot{};
    std::optional<std::string> agent_role{};
    session_status status = session_status::active;
    timestamp last_heartbeat{};
    std::optional<std::string> current_task_id{};
    std::optional<std::int64_t> stall_threshold_ms{};
    std::optional<timestamp> silence_until{};
    std::optional<std::int64_t> progress_threshold_ms{};
    std::optional<timestamp> last_progress_at{};
    std::int64_t progress_seq = 0;
    std::optional<session_phase> phase{};
    std::optional<json_text> checkpoint{};
    std::optional<timestamp> started_at{};
    std::optional<timestamp> completed_at{};
    json_text metadata{};
    std::optional<uuid> recovered_from{};
    std::optional<uuid> superseded_by{};
    uuid lineage_id{};
    std::int64_t epoch = 1;
    std::int64_t version = 1;
    timestamp created_at{};
    timestamp updated_at{};
    bool archived = false;  // metadata.archived is true; kept beside it so that it can be indexed

    friend bool operator==(const session&, const session&) = default;
};
BOOST_DESCRIBE_STRUCT(session, (),
                      (session_id, project_id, machine_id, docker_slot, agent_role, status, last_heartbeat,
                       current_task_id, stall_threshold_ms, silence_until, progress_threshold_ms,
                       last_progress_at, progress_seq, phase, checkpoint, started_at, completed_at, metadata,
                       recovered_from, superseded_by, lineage_id, epoch, version, created_at, updated_at,
                       archived))
static_assert(fully_described<session>);

template <>
inline constexpr field_notes notes_of<&session::session_id>{.doc =
                                                                "Unique; made by the tracker unless given."};
template <>
inline constexpr field_notes notes_of<&session::project_id>{.doc = "The project worked on.",
                                                            .recurring = true,
                                                            .length_min = 1,
                                                            .length_max = name_length_max,
                                                            .example = "site"};
template <>
inline constexpr field_notes notes_of<&session::machine_id>{
    .doc = "The machine it runs on; null only while pending or after clear_machine.",
    .recurring = true,
    .length_min = 1,
    .length_max = name_length_max,
    .example = "laptop-1"};
template <>
inline constexpr field_notes notes_of<&session::docker_slot>{
    .doc = "The docker slot on the machine.", .min = 0, .example = "2"};
template <>
inline constexpr field_notes notes_of<&session::agent_role>{
    .doc = "What the agent is for.", .length_max = name_length_max, .example = "builder"};
template <>
inline constexpr field_notes notes_of<&session::status>{.doc = "Where the session stands in its lifecycle.",
                                                        .example = "active"};
template <>
inline constexpr field_notes notes_of<&session::last_heartbeat>{
    .doc = "Set at creation, by every heartbeat, and on entering active."};
template <>
inline constexpr field_notes notes_of<&session::current_task_id>{
    .doc = "What the agent works on; free text to the tracker.",
    .length_max = name_length_max,
    .example = "write the tests"};
template <>
inline constexpr field_notes notes_of<&session::stall_threshold_ms>{
    .doc = "Silence after which the session is stalled; null: the tracker's default.",
    .min = threshold_ms_min,
    .max = threshold_ms_max,
    .example = "180000"};
template <>
inline constexpr field_notes notes_of<&session::silence_until>{
    .doc = "The client announced silence until then."};
template <>
inline constexpr field_notes notes_of<&session::progress_threshold_ms>{
    .doc = "Time without progress after which the session is alive_not_progressing; null: not judged.",
    .min = threshold_ms_min,
    .max = threshold_ms_max};
template <>
inline constexpr field_notes notes_of<&session::last_progress_at>{.doc = "When progress_seq last grew."};
template <>
inline constexpr field_notes notes_of<&session::progress_seq>{.doc = "The highest progress mark.", .min = 0};
template <>
inline constexpr field_notes notes_of<&session::phase>{.doc = "What the agent says it is doing.",
                                                       .example = "working"};
template <>
inline constexpr field_notes notes_of<&session::checkpoint>{
    .doc = "Opaque: what a successor needs to resume.",
    .bytes_max = document_bytes_max,
    .example = R"({"branch":"fix-login"})"};
template <>
inline constexpr field_notes notes_of<&session::started_at>{.doc = "When it became active the first time."};
template <>
inline constexpr field_notes notes_of<&session::completed_at>{.doc = "When it ended; null while it lives."};
template <>
inline constexpr field_notes notes_of<&session::metadata>{.doc = "Free; patched as RFC 7396 merge patch.",
                                                          .bytes_max = document_bytes_max,
                                                          .example = R"({"team":"web"})"};
template <>
inline constexpr field_notes notes_of<&session::recovered_from>{.doc =
                                                                    "The session that this one continues."};
template <>
inline constexpr field_notes notes_of<&session::superseded_by>{.doc = "The session that continues this one."};
template <>
inline constexpr field_notes notes_of<&session::lineage_id>{.doc = "The first session's id along the chain."};
template <>
inline constexpr field_notes notes_of<&session::epoch>{
    .doc = "The fencing token: 1, and one more at every recovery.", .min = 1};
template <>
inline constexpr field_notes notes_of<&session::version>{
    .doc = "Grows by one at every change but a plain heartbeat.", .min = 1};
template <>
inline constexpr field_notes notes_of<&session::created_at>{.doc = "When it was created."};
template <>
inline constexpr field_notes notes_of<&session::updated_at>{.doc = "The last change but plain heartbeats."};
template <>
inline constexpr field_notes notes_of<&session::archived>{.hidden = true};

// A piece of work inside a session.
struct task {
    uuid task_id{};
    uuid session_id{};
    std::string project_id{};
    std::optional<std::string> github_issue_id{};
    std::string task_name{};
    task_status status = task_status::pending;
    std::optional<timestamp> started_at{};
    std::optional<timestamp> completed_at{};
    std::optional<std::string> error_message{};
    json_text metadata{};
    std::optional<uuid> retry_of{};
    std::int64_t attempt = 1;
    std::int64_t version = 1;
    timestamp created_at{};
    timestamp updated_at{};

    friend bool operator==(const task&, const task&) = default;
};
BOOST_DESCRIBE_STRUCT(task, (),
                      (task_id, session_id, project_id, github_issue_id, task_name, status, started_at,
                       completed_at, error_message, metadata, retry_of, attempt, version, created_at,
                       updated_at))
static_assert(fully_described<task>);

template <>
inline constexpr field_notes notes_of<&task::task_id>{.doc = "Unique; made by the tracker."};
template <>
inline constexpr field_notes notes_of<&task::session_id>{.doc = "The session it belongs to, for ever."};
template <>
inline constexpr field_notes notes_of<&task::project_id>{.doc = "The project worked on.",
                                                         .recurring = true,
                                                         .length_min = 1,
                                                         .length_max = name_length_max,
                                                         .example = "site"};
template <>
inline constexpr field_notes notes_of<&task::github_issue_id>{
    .doc = "The issue that it resolves.", .length_max = name_length_max, .example = "42"};
template <>
inline constexpr field_notes notes_of<&task::task_name>{.doc = "What is to be done.",
                                                        .length_min = 1,
                                                        .length_max = task_name_length_max,
                                                        .example = "Write the tests"};
template <>
inline constexpr field_notes notes_of<&task::status>{.doc = "Where the task stands in its lifecycle.",
                                                     .example = "in_progress"};
template <>
inline constexpr field_notes notes_of<&task::started_at>{.doc = "When it was started."};
template <>
inline constexpr field_notes notes_of<&task::completed_at>{.doc = "When it was completed or failed."};
template <>
inline constexpr field_notes notes_of<&task::error_message>{.doc = "Why it failed.",
                                                            .length_max = free_text_length_max};
template <>
inline constexpr field_notes notes_of<&task::metadata>{.doc = "Free; patched as RFC 7396 merge patch.",
                                                       .bytes_max = document_bytes_max,
                                                       .example = R"({"branch":"fix-login"})"};
template <>
inline constexpr field_notes notes_of<&task::retry_of>{.doc = "The task of the predecessor that it repeats."};
template <>
inline constexpr field_notes notes_of<&task::attempt>{.doc = "1, and one more along retry_of.", .min = 1};
template <>
inline constexpr field_notes notes_of<&task::version>{.doc = "Grows by one at every change.", .min = 1};
template <>
inline constexpr field_notes notes_of<&task::created_at>{.doc = "When it was created."};
template <>
inline constexpr field_notes notes_of<&task::updated_at>{.doc = "The last change."};

// A laptop or server that sessions run on.
struct machine {
    std::string machine_id{};
    std::string hostname{};
    std::vector<std::int64_t> docker_slots{};
    machine_status status = machine_status::online;
    timestamp last_heartbeat{};
    json_text metadata{};
    std::int64_t version = 1;
    timestamp created_at{};
    timestamp updated_at{};

    friend bool operator==(const machine&, const machine&) = default;
};
BOOST_DESCRIBE_STRUCT(machine, (),
                      (machine_id, hostname, docker_slots, status, last_heartbeat, metadata, version,
                       created_at, updated_at))
static_assert(fully_described<machine>);

template <>
inline constexpr field_notes notes_of<&machine::machine_id>{.doc = "Given by the client, or made.",
                                                            .length_min = 1,
                                                            .length_max = name_length_max,
                                                            .example = "laptop-1"};
template <>
inline constexpr field_notes notes_of<&machine::hostname>{.doc = "Its name on the network.",
                                                          .length_min = 1,
                                                          .length_max = name_length_max,
                                                          .example = "laptop-1.local"};
template <>
inline constexpr field_notes notes_of<&machine::docker_slots>{
    .doc = "The docker slots that it offers.", .min = 0, .length_max = docker_slots_max, .example = "[1,2]"};
template <>
inline constexpr field_notes notes_of<&machine::status>{.doc = "Where the machine stands in its lifecycle.",
                                                        .example = "online"};
template <>
inline constexpr field_notes notes_of<&machine::last_heartbeat>{.doc = "Its own newest heartbeat."};
template <>
inline constexpr field_notes notes_of<&machine::metadata>{.doc = "Free; patched as RFC 7396 merge patch.",
                                                          .bytes_max = document_bytes_max,
                                                          .example = R"({"os":"debian"})"};
template <>
inline constexpr field_notes notes_of<&machine::version>{
    .doc = "Grows by one at every change but a plain heartbeat.", .min = 1};
template <>
inline constexpr field_notes notes_of<&machine::created_at>{.doc = "When it was first registered."};
template <>
inline constexpr field_notes notes_of<&machine::updated_at>{.doc = "The last change but plain heartbeats."};

// One change, written in the transaction of the change itself. data.changes holds the columns that changed
// with their new values, less what the event says by itself: at creation what any new row begins with, then
// `to` as the status and `at` as updated_at. So the events replayed give the rows.
struct event {
    std::int64_t sequence = 0;
    entity_type entity = entity_type::session;
    std::string entity_id{};           // stored empty where it is session_id's
    std::optional<uuid> session_id{};  // whose history it belongs to; null for machines
    std::string kind{};
    std::optional<std::string> from{};
    std::optional<std::string> to{};
    timestamp at{};
    std::optional<std::string> reason{};
    std::string actor{};
    std::optional<std::string> request_id{};
    json_text data{};

    friend bool operator==(const event&, const event&) = default;
};
BOOST_DESCRIBE_STRUCT(event, (),
                      (sequence, entity, entity_id, session_id, kind, from, to, at, reason, actor, request_id,
                       data))
static_assert(fully_described<event>);
template <>
inline constexpr field_notes notes_of<&event::sequence>{
    .doc = "Its place in the order of all events; grows, with gaps."};
template <>
inline constexpr field_notes notes_of<&event::entity>{.doc = "What kind of entity changed."};
template <>
inline constexpr field_notes notes_of<&event::entity_id>{.doc = "Which one changed.", .example = "laptop-1"};
template <>
inline constexpr field_notes notes_of<&event::session_id>{.hidden = true};
template <>
inline constexpr field_notes notes_of<&event::kind>{
    .doc = "What happened.", .recurring = true, .example = "stalled"};
template <>
inline constexpr field_notes notes_of<&event::from>{
    .doc = "The status before; null at creation.", .recurring = true, .example = "active"};
template <>
inline constexpr field_notes notes_of<&event::to>{
    .doc = "The status after; null at deletion.", .recurring = true, .example = "stalled"};
template <>
inline constexpr field_notes notes_of<&event::at>{.doc = "When it was written."};
template <>
inline constexpr field_notes notes_of<&event::reason>{.doc = "Why, where there is more to say.",
                                                      .example = "silence"};
template <>
inline constexpr field_notes notes_of<&event::actor>{
    .doc = "Who did it: a key's name, or the part of statetrack that judged.",
    .recurring = true,
    .example = "detector"};
template <>
inline constexpr field_notes notes_of<&event::request_id>{.doc = "The request that did it."};
template <>
inline constexpr field_notes notes_of<&event::data>{
    .doc =
        "The inputs of a verdict, and in `changes` every field that changed, but for status and "
        "updated_at, and at creation for what a new row begins with."};

// What the tracker itself must remember across restarts: the alive mark and its absences.
struct memo {
    std::string name{};
    json_text content{};
    std::int64_t version = 1;
};
BOOST_DESCRIBE_STRUCT(memo, (), (name, content, version))
static_assert(fully_described<memo>);

// The table of an entity: its description, indexes and constraints.
template <class T>
const table& table_of();
template <>
const table& table_of<session>();
template <>
const table& table_of<task>();
template <>
const table& table_of<machine>();
template <>
const table& table_of<event>();
template <>
const table& table_of<memo>();

}  // namespace statetrack
