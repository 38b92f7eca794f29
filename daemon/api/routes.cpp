#include "api/routes.hpp"

#include <limits>

#include "api/answer_schemas.hpp"
#include "api/handlers.hpp"

namespace statetrackd {
namespace {

using statetrack::errc;

constexpr std::int64_t offset_max = 1'000'000'000;
constexpr std::int64_t retention_days_max = 36'500;
constexpr std::int64_t counter_max = std::numeric_limits<std::int64_t>::max();

using reading = response (*)(const context&, const call&);

route reads(std::string_view path, reading handler, std::string_view summary, route_notes notes) {
    return {.method = verb::get,
            .path = path,
            .where = lane::reader,
            .handler = handler,
            .summary = summary,
            .needs = role::read,
            .notes = std::move(notes)};
}

// What memory mostly has.
route reads_at_once(std::string_view path, reading handler, std::string_view summary, route_notes notes) {
    auto r = reads(path, handler, summary, std::move(notes));
    r.at_once = true;
    return r;
}

template <class Request>
route writes(verb method, std::string_view path, void (*handler)(const asking<Request>&),
             std::string_view summary, route_notes notes) {
    notes.takes = request_schema<Request>;
    return {.method = method,
            .path = path,
            .where = lane::queue,
            .handler = queueing([handler](const exchange& x) { handler(asking<Request>{x}); }),
            .summary = summary,
            .needs = method == verb::del ? role::admin : role::client,
            .notes = std::move(notes)};
}

// May be sent again under its Idempotency-Key.
template <class Request>
route creates(std::string_view path, void (*handler)(const asking<Request>&), std::string_view summary,
              route_notes notes) {
    notes.once = true;
    return writes(verb::post, path, handler, summary, std::move(notes));
}

// Operators' work: reads and writes for as long as it takes.
route works(verb method, std::string_view path, reading handler, std::string_view summary,
            route_notes notes) {
    return {.method = method,
            .path = path,
            .where = lane::alone,
            .handler = handler,
            .summary = summary,
            .needs = role::admin,
            .notes = std::move(notes)};
}

// Answered from memory, without a key.
route shows(std::string_view path, reading handler, std::string_view summary, route_notes notes) {
    return {.method = verb::get,
            .path = path,
            .where = lane::memory,
            .handler = handler,
            .summary = summary,
            .open = true,
            .uses_store = false,
            .notes = std::move(notes)};
}

// Asked every few seconds by whatever watches the daemon: logged at debug.
route probes(std::string_view path, reading handler, std::string_view summary, route_notes notes) {
    auto r = shows(path, handler, summary, std::move(notes));
    r.level = log_level::debug;
    return r;
}

// For whoever runs the daemon, also while the store is away.
route watches(std::string_view path, lane where, reading handler, std::string_view summary,
              route_notes notes) {
    auto r = reads(path, handler, summary, std::move(notes));
    r.where = where;
    r.level = log_level::debug;
    r.uses_store = false;
    return r;
}

// Nearly all the traffic, in budgets of their own: a limit that ate heartbeats would make healthy sessions
// look dead.
template <class Request>
route beats(std::string_view path, budget counted, void (*handler)(const asking<Request>&),
            std::string_view summary, route_notes notes) {
    auto r = writes(verb::post, path, handler, summary, std::move(notes));
    r.counted = counted;
    r.level = log_level::debug;
    return r;
}

answer_note ok(answer_schema body, std::string_view doc = "Done.") { return {.doc = doc, .body = body}; }
answer_note ok_tagged(answer_schema body, std::string_view doc = "As it is now.") {
    return {.doc = doc, .body = body, .tagged = true};
}
answer_note made(answer_schema body, std::string_view doc) {
    return {.status = 201, .doc = doc, .body = body, .tagged = true, .located = true};
}
answer_note gone() { return {.status = 204, .doc = "It is gone."}; }

enum class paging : std::uint8_t { by_offset, by_cursor };

std::vector<query_parameter> filtered_page(std::vector<query_parameter> filters, std::int64_t limit_max,
                                           paging with) {
    filters.push_back({.name = "limit",
                       .doc = "The longest that the page may be.",
                       .kind = parameter_kind::integer,
                       .min = 1,
                       .max = limit_max,
                       .standard = 50});
    filters.push_back({.name = "offset",
                       .doc = "How many rows to leave out; none where absent, and not beside a cursor.",
                       .kind = parameter_kind::integer,
                       .max = offset_max});
    if (with == paging::by_cursor)
        filters.push_back(
            {.name = "cursor", .doc = "The `next_cursor` of the page before, under the same filter."});
    return filters;
}

template <class Status>
query_parameter by_status() {
    return {.name = "status",
            .doc = "Only those in this status.",
            .kind = parameter_kind::enumeration,
            .values = statetrack::enum_names<Status>()};
}

std::vector<query_parameter> session_page() {
    return filtered_page({{.name = "project_id", .doc = "Only those of this project."},
                          {.name = "machine_id", .doc = "Only those on this machine."},
                          by_status<statetrack::session_status>(),
                          {.name = "lineage_id",
                           .doc = "Only this session and those that continue it.",
                           .kind = parameter_kind::id}},
                         100, paging::by_cursor);
}

std::vector<query_parameter> task_page() {
    return filtered_page(
        {{.name = "session_id", .doc = "Only those of this session.", .kind = parameter_kind::id},
         {.name = "project_id", .doc = "Only those of this project."},
         by_status<statetrack::task_status>()},
        200, paging::by_cursor);
}

std::vector<query_parameter> event_page() {
    return {{.name = "limit",
             .doc = "The longest that the page may be.",
             .kind = parameter_kind::integer,
             .min = 1,
             .max = 200,
             .standard = 50},
            {.name = "after",
             .doc = "Only events behind this sequence: the `next_after` of the page before.",
             .kind = parameter_kind::integer,
             .max = counter_max,
             .standard = 0}};
}

route_notes clean_up_notes() {
    return {.answers = {ok(cleanup_schema)},
            .query = {{.name = "older_than_days",
                       .doc = "Those that ended longer ago; absent: the configured retention.",
                       .kind = parameter_kind::integer,
                       .max = retention_days_max}},
            .doc = "Archived sessions and those without an end are spared."};
}

void add_sessions(std::vector<route>& table) {
    using enum verb;
    const body_rules plain{.takes_epoch = true};
    const body_rules optional{.may_be_empty = true, .takes_epoch = true};
    const auto add = [&](route r) { table.push_back(std::move(r)); };
    add(creates("/api/sessions", create_session, "Create a session",
                {.answers = {made(session_schema, "It was made."),
                             ok_tagged(session_schema,
                                       "The client's own session_id is there already, with "
                                       "the same project, machine and slot.")},
                 .refusals = {errc::already_exists, errc::place_taken, errc::superseded}}));
    add(reads("/api/sessions", list_sessions, "List sessions, newest first",
              {.answers = {ok(session_list_schema, "A page.")}, .query = session_page()}));
    add(reads_at_once("/api/sessions/health", fleet_health, "Count sessions by status",
                      {.answers = {ok(fleet_health_schema, "The counts.")}}));
    add(reads_at_once("/api/sessions/stalled", stalled_sessions,
                      "List sessions marked stalled or past their deadline",
                      {.answers = {ok(stalled_list_schema, "A page.")},
                       .query = filtered_page({}, 100, paging::by_offset)}));
    add(reads("/api/sessions/archived", list_archived, "List archived sessions",
              {.answers = {ok(session_list_schema, "A page.")}, .query = session_page()}));
    add(works(post, "/api/sessions/detect-failures", detect_failures, "Look at every active session now",
              {.answers = {ok(detection_schema)}}));
    add(works(post, "/api/sessions/cleanup", clean_up, "Delete ended sessions past retention",
              clean_up_notes()));
    add(works(del, "/api/sessions/cleanup", clean_up, "Delete ended sessions past retention",
              clean_up_notes()));
    add(reads_at_once("/api/sessions/{id}", show_session, "Show a session",
                      {.answers = {ok_tagged(session_schema)}}));
    add(writes(patch, "/api/sessions/{id}", patch_session, "Change a session",
               {.answers = {ok_tagged(session_schema)},
                .refusals = {errc::illegal_transition, errc::terminal, errc::superseded, errc::place_taken},
                .body = plain,
                .doc = "null clears a field that may be null; metadata is merged (RFC 7396)."}));
    add(writes(del, "/api/sessions/{id}", delete_session, "Delete a session with its tasks",
               {.answers = {gone()}, .refusals = {errc::superseded}, .body = optional}));
    add(beats("/api/sessions/{id}/heartbeat", budget::session, beat_session, "Say that a session is alive",
              {.answers = {ok_tagged(heartbeat_answer_schema, "Heard.")},
               .refusals = {errc::terminal, errc::superseded, errc::place_taken, errc::illegal_transition},
               .fields = {"Prefer", "X-Session-Epoch"},
               .body = {.may_be_empty = true},
               .doc = "Counted in the session's own budget, never in the key's. A beat that is refused with "
                      "429 still proves that the session lives."}));
}

// The ways of one session: judged, marked, recovered, archived, told.
void add_session_ways(std::vector<route>& table) {
    using enum verb;
    const body_rules plain{.takes_epoch = true};
    const body_rules optional{.may_be_empty = true, .takes_epoch = true};
    const auto add = [&](route r) { table.push_back(std::move(r)); };
    add(reads_at_once("/api/sessions/{id}/health", session_health, "Judge one session's health now",
                      {.answers = {ok(session_health_schema, "The judgement.")}}));
    add(reads("/api/sessions/{id}/explain", explain_session, "Explain the detector's verdict with its inputs",
              {.answers = {ok(explanation_schema, "The verdict now, and the last one recorded.")}}));
    add(writes(post, "/api/sessions/{id}/mark-failed", mark_session_failed,
               "Mark a session failed, with its running tasks",
               {.answers = {ok_tagged(session_schema)},
                .refusals = {errc::terminal, errc::superseded},
                .body = plain}));
    add(writes(post, "/api/sessions/{id}/mark-stalled", mark_session_stalled, "Mark a session stalled",
               {.answers = {ok_tagged(session_schema)},
                .refusals = {errc::terminal, errc::superseded, errc::illegal_transition},
                .body = optional}));
    add(reads("/api/sessions/{id}/recovery-state", recovery_state, "Show what a successor needs to know",
              {.answers = {ok(recovery_state_schema, "The session's tasks by status.")}}));
    add(writes(post, "/api/sessions/{id}/prepare-recovery", prepare_recovery,
               "Prepare a session for recovery",
               {.answers = {ok(recovery_state_schema, "What a successor needs to know.")},
                .refusals = {errc::wrong_state, errc::superseded},
                .body = optional}));
    add(creates("/api/sessions/{id}/recover", recover_session,
                "Continue a session in a successor, exactly once",
                {.answers = {made(session_schema, "The successor."),
                             {.doc = "The successor had been made before.",
                              .body = session_schema,
                              .tagged = true,
                              .located = true}},
                 .refusals = {errc::wrong_state, errc::successor_gone, errc::place_taken, errc::superseded},
                 .body = plain}));
    add(writes(post, "/api/sessions/{id}/archive", archive_session, "Spare an ended session from retention",
               {.answers = {ok_tagged(session_schema)},
                .refusals = {errc::wrong_state, errc::superseded},
                .body = optional}));
    add(reads("/api/sessions/{id}/events", session_events, "List the history of a session and its tasks",
              {.answers = {ok(event_list_schema, "A page, oldest first.")}, .query = event_page()}));
}

void add_tasks(std::vector<route>& table) {
    using enum verb;
    const body_rules plain{.takes_epoch = true};
    const auto add = [&](route r) { table.push_back(std::move(r)); };
    add(creates("/api/tasks", create_task, "Create a task in a session",
                {.answers = {made(task_schema, "It was made.")},
                 .refusals = {errc::terminal, errc::superseded},
                 .body = plain,
                 .doc = "An unknown session is a wrong field."}));
    add(reads("/api/tasks", list_tasks, "List tasks, newest first",
              {.answers = {ok(task_list_schema, "A page.")}, .query = task_page()}));
    add(reads("/api/tasks/{id}", show_task, "Show a task", {.answers = {ok_tagged(task_schema)}}));
    add(writes(patch, "/api/tasks/{id}", patch_task, "Change a task",
               {.answers = {ok_tagged(task_schema)},
                .refusals = {errc::illegal_transition, errc::terminal, errc::superseded},
                .body = plain,
                .doc = "null clears a field that may be null; metadata is merged (RFC 7396)."}));
    add(writes(del, "/api/tasks/{id}", delete_task, "Delete a task",
               {.answers = {gone()},
                .refusals = {errc::superseded},
                .body = {.may_be_empty = true, .takes_epoch = true}}));
}

void add_machines(std::vector<route>& table) {
    using enum verb;
    const auto add = [&](route r) { table.push_back(std::move(r)); };
    add(creates("/api/machines", register_machine, "Register a machine, or register it again",
                {.answers = {made(machine_schema, "It is new."),
                             ok_tagged(machine_schema, "It was known, and is online again.")},
                 .refusals = {errc::machine_mismatch, errc::in_use}}));
    add(reads("/api/machines", list_machines, "List machines, newest first",
              {.answers = {ok(machine_list_schema, "A page.")},
               .query = filtered_page({by_status<statetrack::machine_status>()}, 100, paging::by_offset)}));
    add(reads("/api/machines/{id}", show_machine, "Show a machine with its live sessions",
              {.answers = {ok_tagged(machine_schema)}}));
    add(writes(patch, "/api/machines/{id}", patch_machine, "Change a machine",
               {.answers = {ok_tagged(machine_schema)},
                .refusals = {errc::in_use},
                .doc = "metadata is merged (RFC 7396)."}));
    add(writes(del, "/api/machines/{id}", delete_machine, "Delete a machine without live sessions",
               {.answers = {gone()}, .refusals = {errc::in_use}, .body = {.may_be_empty = true}}));
    add(beats(
        "/api/machines/{id}/heartbeat", budget::machine, beat_machine,
        "Say that a machine and its sessions are alive",
        {.answers = {ok_tagged(machine_heartbeat_answer_schema, "Heard; each session has its own result.")},
         .body = {.may_be_empty = true, .limits = {.values_max = machine_beat_values_max}},
         .doc = "Counted in the machine's own budget, its elements in their sessions'. One malformed "
                "element refuses all; one that its session's state refuses is refused alone."}));
}

void add_service(std::vector<route>& table) {
    const auto add = [&](route r) { table.push_back(std::move(r)); };
    const route_notes alive{.answers = {ok(standing_schema, "It is.")}};
    add(probes("/health", health, "Is the process alive?", alive));
    add(probes("/livez", health, "Is the process alive?", alive));
    add(probes("/readyz", readiness, "Can it serve?",
               {.answers = {ok(standing_schema, "It can.")},
                .refusals = {errc::store_unavailable, {503, "draining", "the daemon is shutting down"}}}));
    add(watches(
        "/health/detailed", lane::reader, detailed_health, "Show the standing of every dependency",
        {.answers = {ok(detailed_health_schema, "It serves."),
                     {.status = 503, .doc = "The store is unavailable.", .body = detailed_health_schema}}}));
    add(watches(
        "/metrics", lane::memory, show_metrics, "Show the metrics as Prometheus reads them",
        {.answers = {
             {.doc = "Prometheus' text format.", .body = page_schema, .content_type = "text/plain"}}}));
}

void add_docs(std::vector<route>& table) {
    const auto add = [&](route r) { table.push_back(std::move(r)); };
    const answer_note document{.doc = "The document.", .body = api_document_schema, .tagged = true};
    add(shows("/api/docs", api_docs, "The API as a page to read and try, or as a document",
              {.answers = {document,
                           {.doc = "The page, for `Accept: text/html`.",
                            .body = page_schema,
                            .tagged = true,
                            .content_type = "text/html"}}}));
    add(shows("/api/docs/openapi.json", api_document, "The API as an OpenAPI 3.1 document",
              {.answers = {document}}));
    add(shows(
        "/api/docs/page.css", page_style, "The page's style",
        {.answers = {
             {.doc = "The style sheet.", .body = page_schema, .tagged = true, .content_type = "text/css"}}}));
    add(shows("/api/docs/page.js", page_script, "The page's script",
              {.answers = {{.doc = "The script.",
                            .body = page_schema,
                            .tagged = true,
                            .content_type = "text/javascript"}}}));
}

}  // namespace

const std::vector<route>& all_routes() {
    static const std::vector<route> table = [] {
        std::vector<route> all;
        add_sessions(all);
        add_session_ways(all);
        add_tasks(all);
        add_machines(all);
        add_service(all);
        add_docs(all);
        return all;
    }();
    return table;
}

std::vector<endpoint> endpoints_of(const std::vector<route>& routes) {
    std::vector<endpoint> all;
    all.reserve(routes.size());
    for (const auto& r : routes) all.push_back({.path = r.path, .beats = r.counted != budget::key});
    return all;
}

}  // namespace statetrackd
