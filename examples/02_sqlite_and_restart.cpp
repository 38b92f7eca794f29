// SQLite and a restart: the tracker's host is off for two hours, as after a crash or an update. Nothing is
// lost, nobody is called stalled for a silence that was the tracker's own, and who really died is still
// found.
#include <stdlib.h>

#include <filesystem>

#include "expect.hpp"
#include "let_pass.hpp"
#include "statetrack/sqlite_store.hpp"
#include "statetrack/verify.hpp"

using namespace statetrack;

namespace {

constexpr std::int64_t minute_ms = 60'000;

class temporary_folder {
public:
    temporary_folder() {
        std::string name = (std::filesystem::temp_directory_path() / "statetrack-XXXXXX").string();
        if (!::mkdtemp(name.data())) throw std::runtime_error("cannot make a temporary folder");
        path_ = name;
    }
    ~temporary_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;

    std::string file(const char* name) const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

// What a host holds while it runs: the store, and the tracker over it. Both are gone with it.
struct host {
    host(const std::string& file, const manual_clock& time, id_source& ids)
        : store(open_sqlite_store({.path = file}).value()), fleet(tracker::open(*store, time, ids).value()) {}

    std::unique_ptr<sqlite_store> store;
    std::unique_ptr<tracker> fleet;
};

struct agents {
    uuid website, shop, archive;
};

uuid start_agent(tracker& fleet, const std::string& project) {
    const auto made = fleet.apply(new_session{.project_id = project, .machine_id = "laptop"}).value();
    const uuid id = made.session.row.session_id;
    for (const char* name : {"read the issue", "write the code", "run the tests"})
        fleet.apply(new_task{.session_id = id, .project_id = project, .task_name = name}).value();
    const auto first = fleet.list_tasks({.session_id = id}, {}).value().rows.back();  // newest first
    fleet.apply(task_patch{.task_id = first.task_id, .status = task_status::in_progress}).value();
    return id;
}

void beat(tracker& fleet, std::initializer_list<uuid> those) {
    for (const uuid& id : those) fleet.apply(heartbeat{.session_id = id, .epoch = 1}).value();
}

std::int64_t active_sessions(const tracker& fleet) {
    return fleet.health().value().by_status[static_cast<std::size_t>(session_status::active)];
}

agents before_the_outage(const std::string& file, manual_clock& clock, id_source& ids) {
    std::cout << "Three agents work, each with three tasks, into one SQLite file.\n";
    host running(file, clock, ids);
    tracker& fleet = *running.fleet;
    const agents all{start_agent(fleet, "website"), start_agent(fleet, "shop"),
                     start_agent(fleet, "archive")};
    let_pass(fleet, clock, minute_ms);
    beat(fleet, {all.website, all.shop, all.archive});
    expect(active_sessions(fleet) == 3, "three active sessions");
    expect(open_sqlite_store({.path = file}).error().is(errc::store_in_use),
           "a second process on the same file would be refused, not let in to share it");
    return all;
}

void after_the_outage(const std::string& file, manual_clock& clock, id_source& ids, const agents& all) {
    host running(file, clock, ids);
    tracker& fleet = *running.fleet;
    expect(active_sessions(fleet) == 3, "the three sessions are there, and active");
    expect(fleet.list_tasks({}, {}).value().total == 9, "all nine tasks are there");
    expect(fleet.list_tasks({.status = task_status::in_progress}, {}).value().total == 3,
           "three of them in progress, as they were");
    expect(fleet.health_of(all.website).value().time_since_heartbeat_ms >= 120 * minute_ms,
           "the last heartbeats are two hours old");
    expect(fleet.detect_failures().value().stalled.empty(),
           "and nobody is stalled: nobody could have been heard");

    std::cout << "\nTwo agents beat again. The third, `archive`, did not survive.\n";
    beat(fleet, {all.website, all.shop});
    expect(let_pass(fleet, clock, minute_ms).empty(), "a minute later it may still be on its way");
    beat(fleet, {all.website, all.shop});
    const auto stalled = let_pass(fleet, clock, minute_ms);
    expect(stalled == std::vector{all.archive}, "when the grace of 70 s is over it is stalled, and it alone");

    const auto made = fleet.apply(recovery{.session_id = all.archive, .new_machine_id = "server"}).value();
    expect(made.tasks_reset == 1 && made.tasks_carried == 2, "its tasks go on elsewhere");
    expect(verify(*running.store).value().broken_count == 0, "the file keeps every invariant of the model");
}

}  // namespace

int main() try {
    const temporary_folder folder;
    const std::string file = folder.file("statetrack.db");
    const auto ids = make_random_ids();
    manual_clock clock;
    const agents all = before_the_outage(file, clock, *ids);
    std::cout << "\nTracker and store go down with their host. Two hours later it is up again.\n";
    clock.reboot(120 * minute_ms);
    after_the_outage(file, clock, *ids, all);
} catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
}
