// Machines, and the heartbeat of a whole machine.
#include "api/handlers.hpp"
#include "api/listing.hpp"
#include "api/writing.hpp"

namespace statetrackd {
namespace {

using namespace statetrack;

constexpr list_limits machine_lists{.standard = 50, .max = 100, .cursors = false};
constexpr std::size_t machine_beat_values_max = 16'384;

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

response show_beaten(const context&, const call& asked, const machine_beat_answer& beat) {
    std::string body;
    append(body, beat.machine);
    body.pop_back();
    body += ",\"results\":";
    append_array(body, beat.results, append_result);
    body += '}';
    return tagged(asked, etag_of(beat.machine), std::move(body));
}

}  // namespace

void register_machine(const exchange& x) {
    write<machine_registration>(
        x, {}, [](const context& in, const call& asked, const machine_registered& made) {
            const auto& id = made.machine.row.machine_id;
            auto answer = show(asked, made.machine, made.created ? 201 : 200);
            if (!made.created) return answer;
            answer.set("Location", "/api/machines/" + encode_segment(id));
            in.log->info("machine registered", {{"request_id", asked.request_id}, {"machine_id", id}});
            return answer;
        });
}

response list_machines(const context& in, const call& asked) {
    query_reader query(asked);
    const auto wanted = read_list_request(query, asked, machine_lists);
    const machine_filter filter{.status = query.enumeration<machine_status>("status")};
    if (auto wrong = wrong_query(in, asked, query)) return std::move(*wrong);
    const auto found = in.tracker->list_machines(filter, wanted.which);
    if (!found) return refused(in, asked, found.error());
    return show_list("machines", *found, wanted, machine_lists);
}

response show_machine(const context& in, const call& asked) {
    query_reader none(asked);
    if (auto wrong = wrong_query(in, asked, none)) return std::move(*wrong);
    const auto found = in.tracker->find_machine(asked.parameters.at(0));
    if (!found) return refused(in, asked, found.error());
    return show(asked, *found);
}

void patch_machine(const exchange& x) {
    write<machine_patch>(
        x, {}, [](const context&, const call& asked, const machine_view& m) { return show(asked, m); });
}

void delete_machine(const exchange& x) {
    write<machine_removal>(
        x, {.may_be_empty = true}, [](const context& in, const call& asked, const machine_removal::answer&) {
            in.log->info("machine deleted",
                         {{"request_id", asked.request_id}, {"machine_id", asked.parameters.at(0)}});
            return response{.status = 204};
        });
}

void beat_machine(const exchange& x) {
    write<machine_heartbeat>(x, {.may_be_empty = true, .limits = {.values_max = machine_beat_values_max}},
                             show_beaten);
}

}  // namespace statetrackd
