#include "testing/cases.hpp"
#include "testing/recount.hpp"
#include "testing/trial.hpp"

namespace statetrack::testing {
namespace {

void writes_the_given_columns_only(trial& t) {
    const auto other = t.some_session();
    auto s = t.some_session();
    s.agent_role = "before";
    s.phase = session_phase::tool;
    t.must_insert(other);
    t.must_insert(s);
    t.expect_success(
        t.patch(sessions(), key_of(s), 1,
                {set<&session::agent_role>(std::string("after")), set<&session::phase>(std::nullopt),
                 set<&session::docker_slot>(4), set<&session::version>(2),
                 set<&session::metadata>(json_text::trusted(R"({"k":"'v'"})"))}),
        "patch");
    s.agent_role = "after";
    s.phase.reset();
    s.docker_slot = 4;
    s.version = 2;
    s.metadata = json_text::trusted(R"({"k":"'v'"})");
    t.expect_equal(t.entity<session>(key_of(s)), std::optional<session>(s), "the patched session");
    t.expect_equal(t.entity<session>(key_of(other)), std::optional<session>(other), "the other one");
}

void every_column_can_be_patched(trial& t) {
    const auto s = t.some_session();
    const auto ordinal = t.must_insert(s);
    auto to = t.some_session();
    to.session_id = s.session_id;
    to.docker_slot = 1;
    to.agent_role = "r";
    to.status = session_status::expired;
    to.current_task_id = "c";
    to.stall_threshold_ms = 1'000;
    to.silence_until = to.last_progress_at = to.completed_at = timestamp{17};
    to.progress_threshold_ms = 2'000;
    to.progress_seq = 3;
    to.phase = session_phase::working;
    to.checkpoint = json_text::trusted(R"({"c":1})");
    to.started_at.reset();
    to.recovered_from = t.some_id();
    to.superseded_by = t.some_id();
    to.epoch = 7;
    to.version = 8;
    to.archived = true;
    std::vector<assignment> changes;
    const row wanted = to_row(to);
    for (std::size_t i = 0; i < wanted.size(); ++i)
        if (i != sessions().key) changes.push_back({i, wanted[i]});
    t.expect_success(t.patch(sessions(), key_of(s), 1, changes), "patch");
    const auto stored = t.find(sessions(), key_of(s));
    t.expect_equal(stored, std::optional<stored_row>({ordinal, wanted}), "the session");
}

void another_version_is_refused(trial& t) {
    auto s = t.some_session();
    s.version = 5;
    t.must_insert(s);
    const std::vector<assignment> change{set<&session::agent_role>(std::string("x")),
                                         set<&session::version>(6)};
    for (const std::int64_t wrong : {std::int64_t{4}, std::int64_t{6}, std::int64_t{0}, std::int64_t{-5}})
        t.expect_error(t.patch(sessions(), key_of(s), wrong, change), errc::version_mismatch,
                       "version " + shown(wrong));
    t.expect_equal(t.entity<session>(key_of(s)), std::optional<session>(s), "the session");
    t.expect_success(t.patch(sessions(), key_of(s), 5, change), "the version itself");
    t.expect_error(t.patch(sessions(), key_of(s), 5, change), errc::version_mismatch,
                   "the version of before");
    t.expect_success(t.patch(sessions(), key_of(s), {}, change), "no version asked for");

    const auto kept = t.some_memo();
    const auto work = t.some_task(s);
    const auto host = t.some_machine();
    t.must_insert(kept);
    t.must_insert(work);
    t.must_insert(host);
    t.expect_error(t.patch(table_of<memo>(), key_of(kept), 2, {set<&memo::version>(3)}),
                   errc::version_mismatch, "memo");
    t.expect_error(t.patch(table_of<task>(), key_of(work), 2, {set<&task::version>(3)}),
                   errc::version_mismatch, "task");
    t.expect_error(t.patch(table_of<machine>(), key_of(host), 2, {set<&machine::version>(3)}),
                   errc::version_mismatch, "machine");
}

void the_store_does_not_count_versions(trial& t) {
    const auto s = t.some_session();
    t.must_insert(s);
    t.expect_success(t.patch(sessions(), key_of(s), 1, {set<&session::agent_role>(std::string("x"))}),
                     "patch");
    t.expect_equal(t.entity<session>(key_of(s)).value_or(session{}).version, std::int64_t{1}, "version");
}

void of_two_with_one_version_the_second_is_refused(trial& t) {
    const auto s = t.some_session();
    t.must_insert(s);
    std::vector<unit_of_work> units;
    for (const char* name : {"first", "second"})
        units.push_back({.body = [&, name](transaction& tx) {
            return tx.patch(
                sessions(), key_of(s), 1,
                std::vector{set<&session::agent_role>(std::string(name)), set<&session::version>(2)});
        }});
    run_group(t.subject(), units);
    t.expect_success(units[0].outcome, "the first");
    t.expect_error(units[1].outcome, errc::version_mismatch, "the second");
    t.expect_equal(t.entity<session>(key_of(s)).value_or(session{}).agent_role,
                   std::optional<std::string>("first"), "role");
}

void unknown_rows_are_not_found(trial& t) {
    const auto s = t.some_session();
    t.must_insert(s);
    const std::vector<assignment> change{set<&session::agent_role>(std::string("x"))};
    t.expect_error(t.patch(sessions(), value{t.some_id()}, {}, change), errc::not_found, "no version");
    t.expect_error(t.patch(sessions(), value{t.some_id()}, 1, change), errc::not_found, "with a version");
    t.must([&](transaction& tx) { return tx.erase(sessions(), key_of(s)); });
    t.expect_error(t.patch(sessions(), key_of(s), 1, change), errc::not_found, "after its erasure");
    t.expect_equal(t.count(sessions(), {}), std::int64_t{0}, "sessions");
}

void a_patch_keeps_the_ordinal(trial& t) {
    const auto s = t.some_session();
    const auto ordinal = t.must_insert(s);
    t.must_insert(t.some_session());
    t.expect_success(
        t.patch(sessions(), key_of(s), {}, {set<&session::project_id>(std::string("elsewhere"))}), "patch");
    const auto found = t.find(sessions(), key_of(s));
    t.expect_equal(found ? found->ordinal : 0, ordinal, "ordinal");
    const auto first = t.select(sessions(), {.limit = 1});
    t.expect_equal(first.empty() ? 0 : first.front().ordinal, ordinal, "the first in order");
}

void patched_rows_are_found_by_what_they_are(trial& t) {
    const auto s = t.some_session();
    t.must_insert(s);
    t.expect_success(t.patch(sessions(), key_of(s), {}, {set<&session::project_id>(std::string("new"))}),
                     "patch");
    const auto found = [&](std::string project) {
        return t.select(sessions(), {.where = {is<&session::project_id>(std::move(project))}}).size();
    };
    t.expect_equal(found(s.project_id), std::size_t{0}, "under the old project");
    t.expect_equal(found("new"), std::size_t{1}, "under the new project");
    t.expect_equal(t.count(sessions(), {is<&session::project_id>(s.project_id)}), std::int64_t{0},
                   "counted as old");
    t.expect_equal(t.count(sessions(), {is<&session::project_id>(std::string("new"))}), std::int64_t{1},
                   "counted as new");
}

// Read, whole and in part, patched twice and patched out of its key: each time the unit finds what is there,
// and the counts follow what was.
void a_unit_finds_what_it_has_patched(trial& t) {
    const auto s = t.some_session();
    auto one = t.some_task(s);
    t.must_insert(s);
    t.must_insert(one);
    const auto key = key_of(one);
    auto moved = one;
    moved.task_id = t.some_id();
    const auto& tasks = table_of<task>();
    std::optional<stored_row> read_in_part, patched, left, found_moved;
    t.must([&](transaction& tx) -> result<> {
        const auto find = [&](const value& by, std::optional<stored_row>& into) -> result<> {
            auto found = tx.find(tasks, by);
            if (!found) return found.error();
            into = std::move(*found);
            return {};
        };
        const query in_part{.where = {is<&task::session_id>(s.session_id)},
                            .columns = {tasks.key, column_of<&task::status>()}};
        if (auto some = tx.select(tasks, in_part); !some) return some.error();
        if (auto done = find(key, read_in_part); !done) return done;
        for (const auto to : {task_status::in_progress, task_status::blocked})
            if (auto done = tx.patch(tasks, key, {}, std::vector{set<&task::status>(to)}); !done) return done;
        if (auto done = find(key, patched); !done) return done;
        if (auto done = tx.patch(tasks, key, {}, std::vector{set<&task::task_id>(moved.task_id)}); !done)
            return done;
        if (auto done = find(key, left); !done) return done;
        return find(key_of(moved), found_moved);
    });
    const auto values_of = [](const std::optional<stored_row>& found) {
        return found ? found->values : row{};
    };
    t.expect_equal(values_of(read_in_part), to_row(one), "read in part before");
    one.status = moved.status = task_status::blocked;
    t.expect_equal(values_of(patched), to_row(one), "patched twice");
    t.expect(!left, "nothing under the old key");
    t.expect_equal(values_of(found_moved), to_row(moved), "under the new key");
    expect_counts_agree(t, "afterwards");
}

// Looked at under both keys before, so that what is kept in memory of the row is there.
void a_patched_key_is_the_rows(trial& t) {
    const auto s = t.some_session();
    const auto ordinal = t.must_insert(s);
    auto moved = s;
    moved.session_id = moved.lineage_id = t.some_id();  // of a first one they are the same
    t.expect_equal(t.entity<session>(key_of(s)), std::optional<session>(s), "before");
    t.expect(!t.find(sessions(), key_of(moved)), "nothing under the new key before");
    t.expect_success(
        t.patch(sessions(), key_of(s), {},
                {set<&session::session_id>(moved.session_id), set<&session::lineage_id>(moved.lineage_id)}),
        "patch of the key");
    t.expect(!t.find(sessions(), key_of(s)), "nothing under the old key");
    t.expect_equal(t.entity<session>(key_of(moved)), std::optional<session>(moved), "under the new key");
    const auto found = t.find(sessions(), key_of(moved));
    t.expect_equal(found ? found->ordinal : 0, ordinal, "ordinal");
    t.expect_success(t.erase(sessions(), key_of(moved)), "erase");
    t.must_insert(s);
    t.expect_equal(t.entity<session>(key_of(s)), std::optional<session>(s), "a new row under the old key");
}

}  // namespace

void add_patch_cases(case_list& to) {
    to.insert(to.end(),
              {{"A patch writes the given columns of the given row only", writes_the_given_columns_only},
               {"A patch can write every column", every_column_can_be_patched},
               {"A patch of another version than the stored one is refused", another_version_is_refused},
               {"A patch leaves the version to its caller", the_store_does_not_count_versions},
               {"Of two patches of one version in a group the second is refused",
                of_two_with_one_version_the_second_is_refused},
               {"A patch of what is not there is not_found and makes nothing", unknown_rows_are_not_found},
               {"A patch keeps the row's ordinal", a_patch_keeps_the_ordinal},
               {"A patched row is found and counted by what it has become",
                patched_rows_are_found_by_what_they_are},
               {"A unit finds what it has read and patched as it is now", a_unit_finds_what_it_has_patched},
               {"A row whose key was patched is found under the new one only", a_patched_key_is_the_rows}});
}

}  // namespace statetrack::testing
