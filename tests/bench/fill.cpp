// Makes a database of many sessions through the library, in large groups, and writes their ids to a file.
// Called again on the same database with another label it adds to it.
#include <cstdio>
#include <exception>
#include <fstream>
#include <memory>
#include <string>

#include "arguments.hpp"
#include "statetrack/sqlite_store.hpp"
#include "statetrack/tracker.hpp"

namespace {

using namespace statetrack;

constexpr std::size_t group_requests = 1'000;
constexpr std::int64_t cache_kib = 2 * 1024 * 1024;  // ids are random: every row may change any page
constexpr std::size_t checkpoint_groups = 50;
constexpr std::size_t machine_sessions = 100;
constexpr std::size_t project_sessions = 500;

struct plan {
    std::size_t sessions = 0;
    std::size_t tasks = 0;  // of each session
    std::string label;      // begins the names of machines and projects
    std::string end;        // completed, failed; empty: they go on living
};

class filler {
public:
    filler(store& on, tracker& into, id_source& ids, plan what)
        : on_(on), into_(into), ids_(ids), what_(std::move(what)) {}

    void make_machines() {
        std::vector<std::int64_t> slots;
        for (std::size_t s = 0; s < machine_sessions; ++s) slots.push_back(static_cast<std::int64_t>(s));
        for (std::size_t m = 0; m * machine_sessions < what_.sessions; ++m)
            put(machine_registration{
                .hostname = machine(m), .docker_slots = slots, .machine_id = machine(m)});
        flush();
    }

    void make_sessions(std::ofstream& ids_to) {
        const json_text metadata({{"vscode", "1.95.0"}, {"extension", "0.9.1"}, {"host", "dev-laptop"}});
        for (std::size_t i = 0; i < what_.sessions; ++i) {
            made_.push_back(ids_.next());
            ids_to << to_string(made_.back()) << '\n';
            put(new_session{.project_id = project(i),
                            .machine_id = machine(i / machine_sessions),
                            .session_id = made_.back(),
                            .docker_slot = static_cast<std::int64_t>(i % machine_sessions),
                            .metadata = metadata});
        }
        flush();
    }

    // A first heartbeat is a change like any other; those that the benchmarks send are plain.
    void beat() {
        for (const auto& id : made_) put(heartbeat{.session_id = id, .epoch = 1});
        flush();
    }

    void make_tasks(std::ofstream& ids_to) {
        for (std::size_t i = 0; i < made_.size(); ++i)
            for (std::size_t t = 0; t < what_.tasks; ++t)
                put(new_task{.session_id = made_[i],
                             .project_id = project(i),
                             .task_name = "task " + std::to_string(t)},
                    [&ids_to](const task& made) { ids_to << to_string(made.task_id) << '\n'; });
        flush();
    }

    void end_sessions() {
        for (const auto& id : made_) {
            if (what_.end == "failed")
                put(failure_mark{.session_id = id, .error_message = "the benchmark ends it"});
            else
                put(session_patch{.session_id = id, .status = session_status::completed});
        }
        flush();
    }

private:
    std::string machine(std::size_t number) const {
        return what_.label + "-machine-" + std::to_string(number);
    }
    std::string project(std::size_t session) const {
        const auto projects = std::max<std::size_t>(1, what_.sessions / project_sessions);
        return what_.label + "-project-" + std::to_string(session % projects);
    }

    template <class Request>
    void put(Request request) {
        put(std::move(request), [](const auto&) {});
    }
    template <class Request, class Then>
    void put(Request request, Then then) {
        into_.enqueue(std::move(request), {.actor = "bench"},
                      [then](const result<typename Request::answer>& outcome) { then(outcome.value()); });
        if (++waiting_ == group_requests) flush();
    }
    void flush() {
        into_.commit_pending();
        waiting_ = 0;
        if (++groups_ % checkpoint_groups == 0) on_.checkpoint().value();
    }

    store& on_;
    tracker& into_;
    id_source& ids_;
    plan what_;
    std::vector<uuid> made_;
    std::size_t waiting_ = 0;
    std::size_t groups_ = 0;
};

int fill(const bench::arguments& given) {
    const auto store =
        open_sqlite_store({.path = given.at(0, "the database"), .cache_kib = cache_kib}).value();
    const auto time = make_system_clock();
    const auto ids = make_random_ids();
    // It may take minutes, and nobody beats meanwhile.
    const auto into = tracker::open(*store, *time, *ids, {.stall_threshold_ms = 3'600'000}).value();
    std::ofstream session_ids(given.at(1, "the file for the ids"));
    std::ofstream task_ids(given.text("task-ids", "/dev/null"));

    filler work(*store, *into, *ids,
                {.sessions = given.number("sessions", 0),
                 .tasks = given.number("tasks", 0),
                 .label = given.text("label", "live"),
                 .end = given.text("end", "")});
    work.make_machines();
    work.make_sessions(session_ids);
    work.beat();
    work.make_tasks(task_ids);
    if (!given.text("end", "").empty()) work.end_sessions();
    // Leaves the mark that makes the time until the next opening an absence of ours, not silence of theirs.
    into->sweep();
    return session_ids.flush() && task_ids.flush() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return fill({argc, argv});
    } catch (const std::exception& e) {
        std::fprintf(stderr,
                     "bench_fill: %s\nusage: bench_fill DATABASE IDS --sessions N [--label TEXT] [--tasks K] "
                     "[--task-ids FILE] [--end completed|failed]\n",
                     e.what());
        return 1;
    }
}
