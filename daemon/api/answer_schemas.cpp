#include "api/answer_schemas.hpp"

#include "statetrack/requests.hpp"
#include "statetrack/tracker.hpp"
#include "statetrack/views.hpp"

namespace statetrackd {
namespace {

using boost::json::object;
using namespace statetrack;

object count_schema() { return integer_schema({.min = 0}); }
object whole_schema(std::string_view example) { return with_words(count_schema(), {.example = example}); }
object sentence_schema(std::string_view example) { return with_words(text_schema({}), {.example = example}); }

constexpr std::string_view not_progressing_doc =
    "It beats, but its progress has stood still for longer than progress_threshold_ms.";

void add_session(object_schema& to, schema_book& book) {
    add_shown_members<session>(to, book);
    to.add("alive_not_progressing", not_progressing_doc, boolean_schema());
}

void add_machine(object_schema& to, schema_book& book) {
    add_shown_members<machine>(to, book);
    to.add("active_sessions", "Its live sessions.", array_schema(uuid_schema()));
}

void add_beat(object_schema& to) {
    to.add("next_heartbeat_ms", "Beat again after this long.", whole_schema("60000"));
    to.add("deadline", "Silence beyond it is a stall; null while the session cannot stall.",
           nullable(time_schema()));
}

enum class cursors : std::uint8_t { none, given };

// The frame of listing.hpp.
object page_of(std::string_view rows, object row, cursors with) {
    object_schema page;
    page.add(rows, array_schema(std::move(row)));
    page.add("total", "Of the whole list, not of this page.", whole_schema("1"));
    page.add("limit", "The longest that this page may be.", whole_schema("50"));
    page.add("offset", "How many rows were left out before it.", count_schema());
    if (with == cursors::given)
        page.add("next_cursor", "The next page's `cursor`; null on the last.", nullable(text_schema({})));
    return page.done();
}

object event_schema(schema_book& book) {
    return book.refer("event", [](schema_book& in) {
        object_schema o("One change, written in the transaction of the change itself.");
        add_shown_members<event>(o, in);
        return o.done();
    });
}

object beat_result_schema(schema_book& book) {
    return book.refer("beat_result", [](schema_book&) {
        object_schema o("What became of one session's beat.");
        o.add("session_id", uuid_schema());
        o.add("status", "The HTTP status that the session's own heartbeat would have had.",
              whole_schema("200"));
        o.add("code", with_words(text_schema({}), {.doc = "Why it was refused; absent where it was not."}),
              false);
        return o.done();
    });
}

object minimal_heartbeat_schema(schema_book& book) {
    return book.refer("heartbeat_answer_minimal", [](schema_book& in) {
        object_schema o("What `Prefer: return=minimal` leaves of the answer.");
        o.add("session_id", shown_schema<&session::session_id>(in));
        o.add("status", shown_schema<&session::status>(in));
        o.add("epoch", shown_schema<&session::epoch>(in));
        add_beat(o);
        return o.done();
    });
}

object job_schema(schema_book& book) {
    return book.refer("background_job", [](schema_book&) {
        object_schema o("A background job's last run.");
        o.add("name", sentence_schema("stall_detection"));
        o.add("status", "degraded: late, or its last run failed.", enumeration_schema({"ok", "degraded"}));
        o.add("last_run", nullable(time_schema()));
        o.add("duration_ms", count_schema());
        o.add("affected", "What the last run changed.", count_schema());
        o.add("runs_succeeded", count_schema());
        o.add("runs_failed", count_schema());
        o.add("last_error", nullable(text_schema({})));
        o.add("interval_ms", whole_schema("60000"));
        return o.done();
    });
}

void add_standing(object_schema& to, const std::vector<std::string_view>& statuses) {
    to.add("status", enumeration_schema(statuses));
    to.add("timestamp", time_schema());
    to.add("uptime", "In seconds.", whole_schema("86400"));
}

}  // namespace

object session_schema(schema_book& book) {
    return book.refer("session", [](schema_book& in) {
        object_schema o("One run of an orchestrator on one project, on one machine.");
        add_session(o, in);
        return o.done();
    });
}

object task_schema(schema_book& book) {
    return book.refer("task", [](schema_book& in) {
        object_schema o("A piece of work inside a session.");
        add_shown_members<task>(o, in);
        return o.done();
    });
}

object machine_schema(schema_book& book) {
    return book.refer("machine", [](schema_book& in) {
        object_schema o("A laptop or server that sessions run on.");
        add_machine(o, in);
        return o.done();
    });
}

object session_list_schema(schema_book& book) {
    return book.refer("session_list", [](schema_book& in) {
        return page_of("sessions", session_schema(in), cursors::given);
    });
}

object task_list_schema(schema_book& book) {
    return book.refer("task_list",
                      [](schema_book& in) { return page_of("tasks", task_schema(in), cursors::given); });
}

object machine_list_schema(schema_book& book) {
    return book.refer("machine_list",
                      [](schema_book& in) { return page_of("machines", machine_schema(in), cursors::none); });
}

object event_list_schema(schema_book& book) {
    return book.refer("event_list", [](schema_book& in) {
        object_schema o;
        o.add("events", array_schema(event_schema(in)));
        o.add("next_after", "The next page's `after`.", whole_schema("1"));
        return o.done();
    });
}

object heartbeat_answer_schema(schema_book& book) {
    auto whole = book.refer("heartbeat_answer", [](schema_book& in) {
        object_schema o("The session, and when to beat again.");
        add_session(o, in);
        add_beat(o);
        return o.done();
    });
    return {{"anyOf", boost::json::array{std::move(whole), minimal_heartbeat_schema(book)}}};
}

object machine_heartbeat_answer_schema(schema_book& book) {
    return book.refer("machine_heartbeat_answer", [](schema_book& in) {
        object_schema o("The machine, and what became of each of its sessions' beats, in their order.");
        add_machine(o, in);
        o.add("results", array_schema(beat_result_schema(in)));
        return o.done();
    });
}

object fleet_health_schema(schema_book& book) {
    return book.refer("fleet_health", [](schema_book&) {
        object_schema o("Sessions by status; active ones past their deadline count as stalled.");
        o.add("total_sessions", count_schema());
        for (const auto name : enum_names<session_status>())
            o.add(std::string(name) + "_sessions", count_schema());
        o.add("alive_not_progressing", count_schema());
        o.add("last_updated", time_schema());
        return o.done();
    });
}

object stalled_list_schema(schema_book& book) {
    return book.refer("stalled_list", [](schema_book& in) {
        object_schema row;
        add_shown_members<stalled_session>(row, in);
        object_schema o;
        o.add("stalled_sessions", array_schema(row.done()));
        o.add("stall_threshold_ms", "The tracker's default.", whole_schema("180000"));
        return o.done();
    });
}

object session_health_schema(schema_book& book) {
    return book.refer("session_health", [](schema_book& in) {
        object_schema o;
        add_shown_members<statetrack::session_health>(o, in);
        return o.done();
    });
}

object explanation_schema(schema_book& book) {
    return book.refer("explanation", [](schema_book& in) {
        object_schema last("The last verdict that was recorded.");
        last.add("kind", sentence_schema("stalled"));
        last.add("at", time_schema());
        last.add("reason", nullable(text_schema({})));
        last.add("actor", sentence_schema("detector"));
        last.add("data", "Its inputs, and what it changed.", free_object_schema({}));
        object_schema o("What the detector thinks of a session now, and why.");
        o.add("session_id", uuid_schema());
        o.add("status", shown_schema<&session::status>(in));
        o.add("epoch", shown_schema<&session::epoch>(in));
        o.add("now", time_schema());
        o.add("verdict", "In words.", sentence_schema("alive"));
        o.add("deadline", nullable(time_schema()));
        o.add("inputs", "Everything that the verdict rests on; null for a session that has ended.",
              nullable(free_object_schema({})));
        o.add("alive_not_progressing", not_progressing_doc, boolean_schema());
        o.add("mode", "observe: verdicts are recorded, states are left alone.",
              enumeration_schema(enum_names<stall_mode>()));
        o.add("last_verdict", nullable(last.done()));
        return o.done();
    });
}

object recovery_state_schema(schema_book& book) {
    return book.refer("recovery_state", [](schema_book& in) {
        object_schema o("What a successor needs to know.");
        o.add("session_id", shown_schema<&session::session_id>(in));
        o.add("project_id", shown_schema<&session::project_id>(in));
        o.add("status", shown_schema<&session::status>(in));
        o.add("last_successful_task", nullable(task_schema(in)));
        for (const auto* name : {"failed_tasks", "pending_tasks", "in_progress_tasks", "blocked_tasks"})
            o.add(name, array_schema(task_schema(in)));
        o.add("last_heartbeat", shown_schema<&session::last_heartbeat>(in));
        o.add("metadata", shown_schema<&session::metadata>(in));
        o.add("epoch", shown_schema<&session::epoch>(in));
        o.add("superseded_by", shown_schema<&session::superseded_by>(in));
        return o.done();
    });
}

object detection_schema(schema_book& book) {
    return book.refer("detection", [](schema_book&) {
        object_schema o;
        o.add("scanned", "Sessions looked at.", count_schema());
        o.add("stalled", "Those marked in this pass.", array_schema(uuid_schema()));
        o.add("duration_ms", count_schema());
        return o.done();
    });
}

object cleanup_schema(schema_book& book) {
    return book.refer("cleanup", [](schema_book&) {
        object_schema o;
        o.add("deleted_sessions", count_schema());
        o.add("deleted_tasks", count_schema());
        return o.done();
    });
}

object standing_schema(schema_book& book) {
    return book.refer("standing", [](schema_book&) {
        object_schema o;
        add_standing(o, {"ok"});
        return o.done();
    });
}

object detailed_health_schema(schema_book& book) {
    return book.refer("detailed_health", [](schema_book& in) {
        object_schema database;
        database.add("status", enumeration_schema({"ok", "error"}));
        database.add("response_time_ms", count_schema());
        database.add("connected", boolean_schema());
        object_schema jobs;
        jobs.add("status", enumeration_schema({"ok", "degraded"}));
        jobs.add("last_run", nullable(time_schema()));
        jobs.add("jobs", array_schema(job_schema(in)));
        object_schema dependencies;
        dependencies.add("database", database.done());
        dependencies.add("background_jobs", jobs.done());
        object_schema o;
        add_standing(o, {"ok", "degraded", "error"});
        o.add("dependencies", dependencies.done());
        o.add("version", sentence_schema("0.1.0"));
        o.add("environment", sentence_schema("production"));
        return o.done();
    });
}

object api_document_schema(schema_book&) {
    return {{"type", "object"}, {"description", "This document."}, {"additionalProperties", true}};
}

object page_schema(schema_book&) { return {{"type", "string"}}; }

object problem_schema(schema_book& book) {
    return book.refer("problem", [](schema_book&) {
        object_schema detail;
        detail.add("field", sentence_schema("project_id"));
        detail.add("message", sentence_schema("is required"));
        object_schema o("The one shape of every error; a reader of RFC 9457 finds its members in it, too.");
        o.add("statusCode", "The HTTP status.", integer_schema({.min = 400, .max = 599}));
        o.add("error", "The status in words.", text_schema({}));
        o.add("message", "For people.", text_schema({}));
        o.add("timestamp", time_schema());
        o.add("path", "Without the query.", text_schema({}));
        o.add("request_id", "What the daemon's log calls this request.", text_schema({}));
        o.add("code", "For programs: it stays the same.", text_schema({}));
        o.add("details", "Every field that is wrong.", array_schema(detail.done()));
        o.add("facts",
              with_words(free_object_schema({}), {.doc = "What a program needs next: the holder of a place "
                                                         "and its deadline, the successor, the epoch."}),
              false);
        o.add("type", text_schema({}));
        o.add("title", text_schema({}));
        o.add("status", integer_schema({.min = 400, .max = 599}));
        o.add("detail", text_schema({}));
        o.add("instance", text_schema({}));
        return o.done();
    });
}

}  // namespace statetrackd
