// Sessions: create, read, change, heartbeat, end.
#include "api/etag.hpp"
#include "api/handlers.hpp"
#include "api/listing.hpp"
#include "api/session_log.hpp"
#include "api/writing.hpp"
#include "statetrack/recycled.hpp"

namespace statetrackd {
namespace {

using namespace statetrack;

std::string location_of(const session& s) { return "/api/sessions/" + to_string(s.session_id); }

response show_created(const context&, const call& asked, const session_created& made) {
    auto answer = show(asked, made.session, made.created ? 201 : 200);
    if (made.created) answer.set("Location", location_of(made.session.row));
    return answer;
}

void tell_created(const context& in, const call& asked, const session_created& made) {
    if (!made.created) return;
    log_session(in, asked, made.taken_over_from ? "session took over" : "session created", made.session.row);
}

response show_changed(const context& in, const call& asked, const session_view& s) {
    if (s.row.status == session_status::failed)
        log_session(in, asked, "session failed", s.row, log_level::warn);
    if (s.row.status == session_status::stalled) log_stalled(in, asked, s.row);
    return show(asked, s);
}

response show_beat(const call& asked, const heartbeat_answer& beat) {
    const auto tag = etag_of(beat.session);
    if (!prefers_minimal(asked)) return tagged(asked, tag, to_body(beat));
    std::string body;
    append_minimal(body, beat);
    auto answer = tagged(asked, tag, std::move(body));
    answer.set("Preference-Applied", "return=minimal");
    return answer;
}

// Its answer is rendered while the disk works, where there is time for that.
class asked_beat final : public beat_waiter, public recycled<asked_beat> {
public:
    explicit asked_beat(const exchange& x) : in_(x.in), asked_(x.asked) {}

    void prepare(const heartbeat_answer& likely) override {
        prepared_ = show_beat(*asked_, likely);
        taken_ = asked_->prepare(prepared_);
    }
    void done(const heartbeat_answer& answer, bool as_prepared) override {
        auto made = shown(in_, *asked_, [&] {
            log_beat(in_, *asked_, answer);
            return as_prepared ? std::move(prepared_) : show_beat(*asked_, answer);
        });
        const bool broken = made.status >= 500;  // the log line could not be made
        if (as_prepared && taken_ && !broken) return asked_->answer_early();
        asked_->answer(std::move(made));
    }
    void failed(const error& why) override {
        asked_->answer(shown(in_, *asked_, [&] { return refused(in_, *asked_, why); }));
    }

private:
    const context& in_;
    std::shared_ptr<const call> asked_;
    response prepared_{};
    bool taken_ = false;  // who asked has it ready
};

response show_sessions(const context& in, const call& asked, bool archived_only) {
    query_reader query(asked);
    const auto wanted = read_list_request(query, asked);
    const session_filter filter{.project_id = query.text("project_id"),
                                .machine_id = query.text("machine_id"),
                                .status = query.enumeration<session_status>("status"),
                                .lineage_id = query.id("lineage_id"),
                                .archived_only = archived_only};
    if (auto wrong = wrong_query(in, asked, query)) return std::move(*wrong);
    const auto found = in.tracker->list_sessions(filter, wanted.which);
    if (!found) return refused(in, asked, found.error());
    return show_list("sessions", *found, wanted);
}

}  // namespace

void create_session(const asking<new_session>& what) { create(what, show_created, tell_created); }

response list_sessions(const context& in, const call& asked) { return show_sessions(in, asked, false); }
response list_archived(const context& in, const call& asked) { return show_sessions(in, asked, true); }

response show_session(const context& in, const call& asked) {
    return read_by_id(
        in, asked, [&](const uuid& id) { return in.tracker->find_session(id, asked.how); },
        [&](const session_view& s) { return show(asked, s); });
}

void patch_session(const asking<session_patch>& what) { write(what, show_changed); }

void delete_session(const asking<session_removal>& what) {
    write(what, [](const context& in, const call& asked, const session_removal::answer& gone) {
        in.log->info("session deleted", {{"request_id", asked.request_id},
                                         {"session_id", asked.parameters.at(0)},
                                         {"deleted_tasks", gone.deleted_tasks},
                                         {"endpoint", asked.matched->path}});
        return response{.status = 204};
    });
}

void beat_session(const asking<heartbeat>& what) {
    const auto& x = what.x;
    heartbeat request;
    envelope opened;
    if (const auto why = read_request(*x.asked, request, opened)) return refuse(x, *why);
    x.in.tracker->enqueue(std::move(request), std::move(opened.by), std::make_unique<asked_beat>(x));
}

void mark_session_failed(const asking<failure_mark>& what) { write(what, show_changed); }

void mark_session_stalled(const asking<stall_mark>& what) { write(what, show_changed); }

void archive_session(const asking<archiving>& what) {
    write(what, [](const context&, const call& asked, const session_view& s) { return show(asked, s); });
}

response session_events(const context& in, const call& asked) {
    query_reader query(asked);
    const auto limit = query.integer("limit");
    const auto after = query.integer("after");
    if (auto wrong = wrong_query(in, asked, query)) return std::move(*wrong);
    const auto id = parse_uuid(asked.parameters.at(0));
    if (!id) return refused(in, asked, no_such_entity());
    const auto found =
        in.tracker->session_events(*id, after.value_or(0), static_cast<std::size_t>(limit.value_or(1)));
    if (!found) return refused(in, asked, found.error());
    response answer;
    object_writer object(answer.body);
    append_array(object.member("events"), found->events,
                 [](std::string& out, const event& e) { append(out, e); });
    object.add("next_after", found->next_after);
    object.close();
    return answer;
}

}  // namespace statetrackd
