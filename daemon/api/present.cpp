#include "api/present.hpp"

namespace statetrackd {
namespace {

void append_session(object_writer& object, const statetrack::session_view& s) {
    object.add_members(s.row);
    object.add("alive_not_progressing", s.alive_not_progressing);
}

void add_tasks(object_writer& object, std::string_view name, const std::vector<statetrack::task>& tasks) {
    append_array(object.member(name), tasks, [](std::string& out, const auto& t) { append(out, t); });
}

}  // namespace

void object_writer::separate() {
    if (out_.back() != '{') out_ += ',';
}

std::string& object_writer::member(std::string_view name) {
    separate();
    out_ += '"';
    out_ += name;
    out_ += "\":";
    return out_;
}

void object_writer::add(std::string_view name, std::string_view text) {
    statetrack::append_json_string(member(name), text);
}
void object_writer::add(std::string_view name, std::int64_t number) {
    statetrack::append_json(member(name), number);
}
void object_writer::add(std::string_view name, bool truth) { member(name) += truth ? "true" : "false"; }
void object_writer::add(std::string_view name, statetrack::timestamp at) {
    statetrack::append_json(member(name), at);
}
void object_writer::add(std::string_view name, const statetrack::uuid& id) { append(member(name), id); }
void object_writer::add(std::string_view name, const statetrack::json_text& document) {
    member(name) += document.text();
}

void append(std::string& out, const statetrack::uuid& id) { statetrack::append_json(out, id); }

void append(std::string& out, const statetrack::session_view& s) {
    object_writer object(out);
    append_session(object, s);
    object.close();
}

void append(std::string& out, const statetrack::task& t) {
    object_writer object(out);
    object.add_members(t);
    object.close();
}

void append(std::string& out, const statetrack::event& e) {
    object_writer object(out);
    object.add_members(e);
    object.close();
}

void append(std::string& out, const statetrack::machine_view& m) {
    object_writer object(out);
    object.add_members(m.row);
    append_array(object.member("active_sessions"), m.active_sessions,
                 [](std::string& to, const statetrack::uuid& id) { append(to, id); });
    object.close();
}

void append(std::string& out, const statetrack::recovery_state& r) {
    object_writer object(out);
    object.add("session_id", r.row.session_id);
    object.add("project_id", r.row.project_id);
    object.add("status", statetrack::enum_name(r.row.status));
    auto& last = object.member("last_successful_task");
    if (r.last_successful_task)
        append(last, *r.last_successful_task);
    else
        last += "null";
    add_tasks(object, "failed_tasks", r.failed_tasks);
    add_tasks(object, "pending_tasks", r.pending_tasks);
    add_tasks(object, "in_progress_tasks", r.in_progress_tasks);
    add_tasks(object, "blocked_tasks", r.blocked_tasks);
    object.add("last_heartbeat", r.row.last_heartbeat);
    object.add("metadata", r.row.metadata);
    object.add("epoch", r.row.epoch);
    object.add("superseded_by", r.row.superseded_by);
    object.close();
}

void append(std::string& out, const statetrack::heartbeat_answer& beat) {
    object_writer object(out);
    append_session(object, beat.session);
    object.add("next_heartbeat_ms", beat.next_heartbeat_ms);
    object.add("deadline", beat.deadline);
    object.close();
}

void append_minimal(std::string& out, const statetrack::heartbeat_answer& beat) {
    object_writer object(out);
    object.add("session_id", beat.session.row.session_id);
    object.add("status", statetrack::enum_name(beat.session.row.status));
    object.add("epoch", beat.session.row.epoch);
    object.add("next_heartbeat_ms", beat.next_heartbeat_ms);
    object.add("deadline", beat.deadline);
    object.close();
}

}  // namespace statetrackd
