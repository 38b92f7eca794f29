// Health, verdicts, recovery and retention of sessions.
#include <boost/json/serialize.hpp>

#include "api/handlers.hpp"
#include "api/listing.hpp"
#include "api/session_log.hpp"
#include "api/writing.hpp"
#include "observe/verdict_log.hpp"

namespace statetrackd {
namespace {

using namespace statetrack;

response show_state(const context&, const call&, const statetrack::recovery_state& state) {
    return {.body = to_body(state)};
}

response show_recovered(const context&, const call& asked, const recovered& made) {
    auto answer = show(asked, made.session, made.created ? 201 : 200);
    answer.set("Location", "/api/sessions/" + to_string(made.session.row.session_id));
    return answer;
}

void tell_recovered(const context& in, const call& asked, const recovered& made) {
    if (made.created) log_recovered(in, asked, asked.parameters.at(0), made);
}

}  // namespace

response fleet_health(const context& in, const call& asked) {
    query_reader none(asked);
    if (auto wrong = wrong_query(in, asked, none)) return std::move(*wrong);
    const auto found = in.tracker->health(asked.how);
    if (!found) return refused(in, asked, found.error());
    response answer;
    object_writer object(answer.body);
    object.add("total_sessions", found->total);
    const auto& names = enum_names<session_status>();
    for (std::size_t i = 0; i < names.size(); ++i)
        object.add(std::string(names[i]) + "_sessions", found->by_status[i]);
    object.add("alive_not_progressing", found->alive_not_progressing);
    object.add("last_updated", found->last_updated);
    object.close();
    return answer;
}

response stalled_sessions(const context& in, const call& asked) {
    query_reader query(asked);
    const auto wanted = read_list_request(query, asked);
    if (auto wrong = wrong_query(in, asked, query)) return std::move(*wrong);
    const auto found = in.tracker->stalled_sessions(wanted.which, asked.how);
    if (!found) return refused(in, asked, found.error());
    response answer;
    object_writer object(answer.body);
    append_array(object.member("stalled_sessions"), found->rows,
                 [](std::string& out, const stalled_session& s) { out += to_json(s); });
    object.add("stall_threshold_ms", found->stall_threshold_ms);
    object.close();
    return answer;
}

response session_health(const context& in, const call& asked) {
    return read_by_id(
        in, asked, [&](const uuid& id) { return in.tracker->health_of(id, asked.how); },
        [](const statetrack::session_health& h) { return response{.body = to_json(h)}; });
}

response explain_session(const context& in, const call& asked) {
    return read_by_id(
        in, asked, [&](const uuid& id) { return in.tracker->explain(id); },
        [](const boost::json::object& why) { return response{.body = boost::json::serialize(why)}; });
}

response detect_failures(const context& in, const call& asked) {
    query_reader none(asked);
    if (auto wrong = wrong_query(in, asked, none)) return std::move(*wrong);
    const auto report = in.tracker->detect_failures();
    if (!report) return refused(in, asked, report.error());
    tell_verdicts(*report, *in.tracker, *in.log, in.counted);
    response answer;
    object_writer object(answer.body);
    object.add("scanned", report->scanned);
    append_array(object.member("stalled"), report->stalled,
                 [](std::string& out, const uuid& id) { append(out, id); });
    object.add("duration_ms", report->duration_ms);
    object.close();
    return answer;
}

response recovery_state(const context& in, const call& asked) {
    return read_by_id(
        in, asked, [&](const uuid& id) { return in.tracker->recovery_state_of(id); },
        [](const statetrack::recovery_state& state) { return response{.body = to_body(state)}; });
}

void prepare_recovery(const asking<recovery_preparation>& what) { write(what, show_state); }

void recover_session(const asking<recovery>& what) { create(what, show_recovered, tell_recovered); }

response clean_up(const context& in, const call& asked) {
    query_reader query(asked);
    const auto days = query.integer("older_than_days");
    if (auto wrong = wrong_query(in, asked, query)) return std::move(*wrong);
    const auto report =
        in.tracker->cleanup(days, {.actor = asked.actor, .request_id = asked.request_id}, in.give_way);
    if (!report) return refused(in, asked, report.error());
    in.log->info("sessions cleaned up", {{"request_id", asked.request_id},
                                         {"deleted_sessions", report->deleted_sessions},
                                         {"deleted_tasks", report->deleted_tasks}});
    response answer;
    object_writer object(answer.body);
    object.add("deleted_sessions", report->deleted_sessions);
    object.add("deleted_tasks", report->deleted_tasks);
    object.close();
    return answer;
}

}  // namespace statetrackd
