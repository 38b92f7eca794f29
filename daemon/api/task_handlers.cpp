// Tasks: the pieces of work inside sessions.
#include "api/handlers.hpp"
#include "api/listing.hpp"
#include "api/writing.hpp"

namespace statetrackd {
namespace {

using namespace statetrack;

constexpr list_limits task_lists{.standard = 50, .max = 200};

}  // namespace

void create_task(const exchange& x) {
    write<new_task>(x, {.takes_epoch = true}, [](const context&, const call& asked, const task& t) {
        auto answer = show(asked, t, 201);
        answer.set("Location", "/api/tasks/" + to_string(t.task_id));
        return answer;
    });
}

response list_tasks(const context& in, const call& asked) {
    query_reader query(asked);
    const auto wanted = read_list_request(query, asked, task_lists);
    const task_filter filter{.session_id = query.id("session_id"),
                             .project_id = query.text("project_id"),
                             .status = query.enumeration<task_status>("status")};
    if (auto wrong = wrong_query(in, asked, query)) return std::move(*wrong);
    const auto found = in.tracker->list_tasks(filter, wanted.which);
    if (!found) return refused(in, asked, found.error());
    return show_list("tasks", *found, wanted, task_lists);
}

response show_task(const context& in, const call& asked) {
    return read_by_id(
        in, asked, [&](const uuid& id) { return in.tracker->find_task(id); },
        [&](const task& t) { return show(asked, t); });
}

void patch_task(const exchange& x) {
    write<task_patch>(x, {.takes_epoch = true},
                      [](const context&, const call& asked, const task& t) { return show(asked, t); });
}

void delete_task(const exchange& x) {
    write<task_removal>(
        x, {.may_be_empty = true, .takes_epoch = true},
        [](const context&, const call&, const task_removal::answer&) { return response{.status = 204}; });
}

}  // namespace statetrackd
