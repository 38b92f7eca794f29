// Tasks: the pieces of work inside sessions.
#include "api/handlers.hpp"
#include "api/listing.hpp"
#include "api/writing.hpp"

namespace statetrackd {
namespace {

using namespace statetrack;

}  // namespace

void create_task(const asking<new_task>& what) {
    create(
        what,
        [](const context&, const call& asked, const task& t) {
            auto answer = show(asked, t, 201);
            answer.set("Location", "/api/tasks/" + to_string(t.task_id));
            return answer;
        },
        [](const context&, const call&, const task&) {});
}

response list_tasks(const context& in, const call& asked) {
    query_reader query(asked);
    const auto wanted = read_list_request(query, asked);
    const task_filter filter{.session_id = query.id("session_id"),
                             .project_id = query.text("project_id"),
                             .status = query.enumeration<task_status>("status")};
    if (auto wrong = wrong_query(in, asked, query)) return std::move(*wrong);
    const auto found = in.tracker->list_tasks(filter, wanted.which);
    if (!found) return refused(in, asked, found.error());
    return show_list("tasks", *found, wanted);
}

response show_task(const context& in, const call& asked) {
    return read_by_id(
        in, asked, [&](const uuid& id) { return in.tracker->find_task(id); },
        [&](const task& t) { return show(asked, t); });
}

void patch_task(const asking<task_patch>& what) {
    write(what, [](const context&, const call& asked, const task& t) { return show(asked, t); });
}

void delete_task(const asking<task_removal>& what) {
    write(what,
          [](const context&, const call&, const task_removal::answer&) { return response{.status = 204}; });
}

}  // namespace statetrackd
