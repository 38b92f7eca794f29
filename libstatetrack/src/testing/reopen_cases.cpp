#include <string>

#include "testing/cases.hpp"
#include "testing/recount.hpp"

namespace statetrack::testing {
namespace {

std::vector<std::vector<stored_row>> dump(trial& t) {
    std::vector<std::vector<stored_row>> tables;
    for (const auto* in : schema()) tables.push_back(t.all(*in));
    return tables;
}

void expect_same(trial& t, const std::vector<std::vector<stored_row>>& before, place at = place::current()) {
    const auto after = dump(t);
    for (std::size_t i = 0; i < before.size(); ++i)
        t.expect_equal(after[i], before[i], std::string(schema()[i]->name) + " after reopening", at);
}

std::vector<session> a_little_of_everything(trial& t) {
    std::vector<session> some;
    for (int i = 0; i < 12; ++i) {
        some.push_back(t.some_session());
        if (i % 3 == 0) some.back().docker_slot = i;
        if (i % 4 == 0) some.back().agent_role = "🧪 'x'";
        t.must_insert(some.back());
        t.must_insert(t.some_task(some.back()));
        t.must_insert(t.some_event(some.back()));
        t.must_insert(t.some_machine());
        t.must_insert(t.some_memo());
    }
    return some;
}

void everything_is_there_again(trial& t) {
    const auto some = a_little_of_everything(t);
    t.expect_success(t.patch(sessions(), key_of(some[1]), 1,
                             {set<&session::status>(session_status::stalled), set<&session::version>(2)}),
                     "patch");
    t.expect_success(t.erase(sessions(), key_of(some[2])), "erase");
    const auto before = dump(t);
    t.reopen();
    expect_same(t, before);
    expect_counts_agree(t, "after reopening");
    t.reopen();
    expect_same(t, before);
}

void a_new_store_reopens_empty(trial& t) {
    t.reopen();
    for (const auto* in : schema()) t.expect_equal(t.count(*in, {}), std::int64_t{0}, std::string(in->name));
    t.expect_success(t.insert(t.some_session()), "the first row");
}

void ordinals_go_on(trial& t) {
    const auto some = a_little_of_everything(t);
    const auto newest = t.must_insert(t.some_session());
    const auto doomed = t.some_session();
    const auto erased = t.must_insert(doomed);
    const auto sequence = t.must_insert(t.some_event(doomed));
    t.must([&](transaction& tx) { return tx.erase(sessions(), key_of(doomed)); });
    t.must([&](transaction& tx) { return tx.erase(table_of<event>(), value{sequence}); });
    t.reopen();
    const auto next = t.must_insert(t.some_session());
    t.expect(next > newest, "ordinals to go on");
    t.expect(next > erased, "the ordinal erased before reopening never to be used again");
    t.expect(t.must_insert(t.some_event(some[0])) > sequence,
             "the sequence erased before reopening never to be used again");
}

void beats_outlive_the_store(trial& t) {
    auto some = a_little_of_everything(t);
    const auto beat_all = [&](std::int64_t round, std::size_t from) {
        std::vector<struct beat> beats;
        for (std::size_t i = from; i < some.size(); ++i) {
            some[i].last_heartbeat.ms += round;
            some[i].last_progress_at = timestamp{round};
            some[i].progress_seq = round;
            some[i].silence_until = round % 2 ? std::optional<timestamp>{{round}} : std::nullopt;
            beats.push_back({some[i].session_id, some[i].last_heartbeat, some[i].last_progress_at,
                             some[i].progress_seq, some[i].silence_until});
        }
        t.expect_success(t.beat(beats), "beats");
    };
    const auto expect_all = [&](std::string_view when, place at = place::current()) {
        for (const auto& s : some)
            t.expect_equal(t.entity<session>(key_of(s), at), std::optional<session>(s), when, at);
    };
    for (std::int64_t round = 1; round < 20; ++round) beat_all(round, static_cast<std::size_t>(round) % 5);
    t.reopen();
    expect_all("after reopening");
    beat_all(21, 3);
    t.expect_success(t.subject().checkpoint(), "checkpoint");
    beat_all(22, 6);
    t.expect_success(t.patch(sessions(), key_of(some[7]), {}, {set<&session::last_heartbeat>(timestamp{5})}),
                     "patch");
    some[7].last_heartbeat = {5};
    t.expect_success(t.erase(sessions(), key_of(some[8])), "erase");
    t.must_insert(some[8] = t.some_session());
    t.reopen();
    expect_all("after beats, a patch and an erasure");
}

void what_was_refused_stays_away(trial& t) {
    const auto kept = t.some_session(), refused = t.some_session();
    std::vector<unit_of_work> units(2);
    units[0].body = [&](transaction& tx) -> result<> {
        if (auto inserted = tx.insert(sessions(), to_row(refused)); !inserted) return inserted.error();
        return error(errc::in_use);
    };
    units[1].body = [&](transaction& tx) -> result<> {
        if (auto inserted = tx.insert(sessions(), to_row(kept)); !inserted) return inserted.error();
        return {};
    };
    run_group(t.subject(), units);
    t.reopen();
    t.expect(!t.find(sessions(), key_of(refused)), "no trace of the refused unit");
    t.expect_equal(t.entity<session>(key_of(kept)), std::optional<session>(kept), "its neighbour");
    expect_counts_agree(t, "after reopening");
}

void constraints_hold_again(trial& t) {
    auto s = t.some_session();
    s.docker_slot = 1;
    t.must_insert(s);
    t.must_insert(t.some_task(s));
    t.reopen();
    auto twin = t.some_session();
    t.expect_error(t.insert(s), errc::already_exists, "the same key");
    twin.project_id = s.project_id;
    twin.machine_id = s.machine_id;
    twin.docker_slot = s.docker_slot;
    t.expect_error(t.insert(twin), errc::place_taken, "the same place");
    twin = t.some_session();
    twin.lineage_id = s.lineage_id;
    t.expect_error(t.insert(twin), errc::superseded, "the same epoch");
    t.expect_error(t.insert(t.some_task(twin)), errc::not_found, "an orphan");
    twin = t.some_session();
    twin.epoch = 0;
    t.expect_error(t.insert(twin), errc::conflict, "a check");
    t.expect_success(t.erase(sessions(), key_of(s)), "erase");
    t.expect_equal(t.count(table_of<task>(), {}), std::int64_t{0}, "its tasks");
}

}  // namespace

void add_reopen_cases(case_list& to) {
    to.insert(to.end(),
              {{"Everything is there again after reopening", everything_is_there_again, true},
               {"A new store reopens empty", a_new_store_reopens_empty, true},
               {"Ordinals go on after reopening, past erased ones", ordinals_go_on, true},
               {"Beats outlive the store, mixed with patches and erasures", beats_outlive_the_store, true},
               {"What was refused stays away after reopening", what_was_refused_stays_away, true},
               {"Constraints hold after reopening", constraints_hold_again, true}});
}

}  // namespace statetrack::testing
