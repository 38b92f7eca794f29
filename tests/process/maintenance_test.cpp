// What --verify and --backup say and answer.
#include "maintenance.hpp"

#include <doctest/doctest.h>

#include <filesystem>

#include "../daemon/pretended_world.hpp"
#include "statetrack/entities.hpp"
#include "statetrack/sqlite_store.hpp"
#include "temp_dir.hpp"

using namespace statetrackd;
using namespace statetrackd::testing;
using statetrack::testing::temp_dir;

namespace {

struct heard_console {
    operator_console console() {
        return {.answer = [this](std::string_view line) { answers.emplace_back(line); },
                .complain = [this](std::string_view line) { complaints.emplace_back(line); },
                .progress = [this](std::string_view, int percent) { percents.push_back(percent); },
                .interrupted = [this] { return interrupted; }};
    }

    std::vector<std::string> answers, complaints;
    std::vector<int> percents;
    bool interrupted = false;
};

// One session without a history.
std::string broken_store(const temp_dir& in) {
    const auto path = in.file("broken.db");
    const auto keep = statetrack::open_sqlite_store({.path = path}).value();
    statetrack::session s;
    s.session_id.bytes[0] = s.lineage_id.bytes[0] = 1;
    s.project_id = "p";
    s.machine_id = "m";
    statetrack::unit_of_work unit{.body = [&](statetrack::transaction& tx) -> statetrack::result<> {
        const auto added = tx.insert(statetrack::table_of<statetrack::session>(), to_row(s));
        return added ? statetrack::result<>{} : statetrack::result<>{added.error()};
    }};
    statetrack::unit_of_work* const group[] = {&unit};
    keep->execute(group);
    REQUIRE(unit.outcome.has_value());
    return "sqlite:" + path;
}

std::string sound_store(const temp_dir& in) {
    const auto path = in.file("sound.db");
    REQUIRE(statetrack::open_sqlite_store({.path = path}).has_value());
    return "sqlite:" + path;
}

}  // namespace

TEST_CASE("verify names what breaks and answers 1, or counts what it has seen and answers 0") {
    const temp_dir dir;
    heard_console broken;
    CHECK(verify_database(broken_store(dir), broken.console()) == exit_broken);
    REQUIRE(broken.answers.size() == 2);
    CHECK(broken.answers[0].ends_with("has no history"));
    CHECK(broken.answers[1] == "1 session, 0 tasks, 0 machines, 0 events: 1 invariant broken");
    heard_console sound;
    CHECK(verify_database(sound_store(dir), sound.console()) == 0);
    CHECK(sound.answers ==
          std::vector<std::string>{"0 sessions, 0 tasks, 0 machines, 0 events: every invariant holds"});
}

TEST_CASE("a broken database is not backed up, a sound one is and says so") {
    const temp_dir dir;
    heard_console broken;
    CHECK(back_up_database(broken_store(dir), dir.file("copy"), broken.console()) == exit_broken);
    REQUIRE(broken.complaints.size() == 1);
    CHECK(broken.complaints[0].ends_with("has no history"));
    CHECK_FALSE(std::filesystem::exists(dir.file("copy")));
    heard_console sound;
    CHECK(back_up_database(sound_store(dir), dir.file("copy"), sound.console()) == 0);
    CHECK(sound.answers == std::vector<std::string>{dir.file("copy") + ": written and verified"});
    CHECK(sound.percents.back() == 100);
    CHECK(std::filesystem::exists(dir.file("copy")));
}

TEST_CASE("an operator who interrupts it is answered so, and finds nothing new") {
    const temp_dir dir;
    const auto url = sound_store(dir);
    heard_console impatient;
    impatient.interrupted = true;
    CHECK(back_up_database(url, dir.file("copy"), impatient.console()) == exit_interrupted);
    CHECK_FALSE(std::filesystem::exists(dir.file("copy")));
    CHECK_FALSE(std::filesystem::exists(dir.file("copy-partial")));
}

TEST_CASE("whoever looks after the database needs no key, not even one that he may read") {
    const auto verifying = pretended_world{}.read({"--verify"});
    CHECK(verifying.problems.empty());
    CHECK(verifying.what == action::verify);
    const auto copying = pretended_world{.variables = {{"API_KEYS_FILE", "gone"}}}.read({"--backup", "x.db"});
    CHECK(copying.problems.empty());
    CHECK(copying.what == action::back_up);
    CHECK(copying.backup_file == "x.db");
    CHECK(pretended_world{}.read({"--backup="}).problems.size() == 1);
    CHECK(pretended_world{.variables = {{"DATABASE_URL", "nonsense"}}}.read({"--verify"}).problems.size() ==
          1);
}
