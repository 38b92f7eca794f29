// Machines, and the heartbeat of a whole machine.
#include "api/handlers.hpp"
#include "api/listing.hpp"
#include "api/session_log.hpp"
#include "api/writing.hpp"

namespace statetrackd {
namespace {

using namespace statetrack;

// The sessions of one machine beat whose own budgets are used up, by their place in the request.
using throttled_places = std::vector<std::pair<std::size_t, uuid>>;

void append_result(std::string& out, const beat_result& r) {
    object_writer object(out);
    object.add("session_id", r.session_id);
    if (r.outcome) {
        object.add("status", std::int64_t{200});
    } else {
        const auto why = failure_of(r.outcome.error());
        object.add("status", std::int64_t{why.status});
        object.add("code", why.code);
    }
    object.close();
}

void append_throttled(std::string& out, const uuid& id) {
    object_writer object(out);
    object.add("session_id", id);
    object.add("status", std::int64_t{429});
    object.add("code", "rate_limited");
    object.close();
}

// Results stand in the order of the request, throttled ones among them.
void append_results(std::string& out, const std::vector<beat_result>& beaten,
                    const throttled_places& throttled) {
    out += '[';
    auto next = throttled.begin();
    auto done = beaten.begin();
    for (std::size_t place = 0; place < beaten.size() + throttled.size(); ++place) {
        if (place > 0) out += ',';
        if (next != throttled.end() && next->first == place)
            append_throttled(out, next++->second);
        else
            append_result(out, *done++);
    }
    out += ']';
}

response show_beaten(const call& asked, const machine_beat_answer& beat, const throttled_places& throttled) {
    std::string body;
    append(body, beat.machine);
    body.pop_back();
    body += ",\"results\":";
    append_results(body, beat.results, throttled);
    body += '}';
    return tagged(asked, etag_of(beat.machine), std::move(body));
}

// Takes the throttled ones out. They are refused, and alive.
void take_out_throttled(const context& in, std::vector<heartbeat>& beats, throttled_places& throttled) {
    std::size_t place = 0;
    const auto now = in.time->read();
    std::erase_if(beats, [&](const heartbeat& one) {
        const auto at = place++;
        if (!in.limits->use_session(one.session_id, now).exceeded) return false;
        in.tracker->note_alive(one.session_id, one.epoch);
        if (in.counted) in.counted->rate_limited();
        throttled.emplace_back(at, one.session_id);
        return true;
    });
}

}  // namespace

void register_machine(const asking<machine_registration>& what) {
    create(
        what,
        [](const context&, const call& asked, const machine_registered& made) {
            auto answer = show(asked, made.machine, made.created ? 201 : 200);
            if (made.created)
                answer.set("Location", "/api/machines/" + encode_segment(made.machine.row.machine_id));
            return answer;
        },
        [](const context& in, const call& asked, const machine_registered& made) {
            if (!made.created) return;
            in.log->info("machine registered",
                         {{"request_id", asked.request_id}, {"machine_id", made.machine.row.machine_id}});
        });
}

response list_machines(const context& in, const call& asked) {
    query_reader query(asked);
    const auto wanted = read_list_request(query, asked);
    const machine_filter filter{.status = query.enumeration<machine_status>("status")};
    if (auto wrong = wrong_query(in, asked, query)) return std::move(*wrong);
    const auto found = in.tracker->list_machines(filter, wanted.which);
    if (!found) return refused(in, asked, found.error());
    return show_list("machines", *found, wanted);
}

response show_machine(const context& in, const call& asked) {
    query_reader none(asked);
    if (auto wrong = wrong_query(in, asked, none)) return std::move(*wrong);
    const auto found = in.tracker->find_machine(asked.parameters.at(0));
    if (!found) return refused(in, asked, found.error());
    return show(asked, *found);
}

void patch_machine(const asking<machine_patch>& what) {
    write(what, [](const context&, const call& asked, const machine_view& m) { return show(asked, m); });
}

void delete_machine(const asking<machine_removal>& what) {
    write(what, [](const context& in, const call& asked, const machine_removal::answer&) {
        in.log->info("machine deleted",
                     {{"request_id", asked.request_id}, {"machine_id", asked.parameters.at(0)}});
        return response{.status = 204};
    });
}

void beat_machine(const asking<machine_heartbeat>& what) {
    auto throttled = std::make_shared<throttled_places>();
    write(
        what,
        [throttled](const context& in, const call& asked, const machine_beat_answer& beat) {
            for (const auto& one : beat.results)
                if (one.outcome) log_beat(in, asked, *one.outcome);
            return show_beaten(asked, beat, *throttled);
        },
        [&in = what.x.in, throttled](machine_heartbeat& beat) {
            if (in.limits && beat.sessions) take_out_throttled(in, *beat.sessions, *throttled);
        });
}

}  // namespace statetrackd
