#include <string>

#include "testing/cases.hpp"
#include "testing/trial.hpp"

namespace statetrack::testing {
namespace {

using enum session_status;

session at_place_of(trial& t, const session& other) {
    auto s = t.some_session();
    s.project_id = other.project_id;
    s.machine_id = other.machine_id;
    s.docker_slot = other.docker_slot;
    return s;
}

session with_status(session s, session_status status) {
    s.status = status;
    const bool ended = status == completed || status == failed || status == expired;
    s.completed_at = ended ? std::optional<timestamp>{{1}} : std::nullopt;
    return s;
}

std::vector<assignment> to_status(session_status status) {
    const auto as = with_status({}, status);
    return {set<&session::status>(status), set<&session::completed_at>(as.completed_at)};
}

result<> move_to(trial& t, const session& s, session_status status) {
    return t.patch(sessions(), key_of(s), {}, to_status(status));
}

void one_active_session_a_place(trial& t) {
    const auto s = t.some_session();
    t.must_insert(s);
    t.expect_error(t.insert(at_place_of(t, s)), errc::place_taken, "a second active one without a slot");
    auto in_slot = at_place_of(t, s);
    in_slot.docker_slot = 0;
    t.expect_success(t.insert(in_slot), "slot 0 is a place of its own");
    auto same_slot = at_place_of(t, in_slot);
    t.expect_error(t.insert(same_slot), errc::place_taken, "a second one in slot 0");
    same_slot.docker_slot = 1;
    t.expect_success(t.insert(same_slot), "slot 1 is another place");
    auto other_project = at_place_of(t, s);
    other_project.project_id += "+";
    t.expect_success(t.insert(other_project), "another project on the same machine, no slot");
    auto other_machine = at_place_of(t, s);
    *other_machine.machine_id += "+";
    t.expect_success(t.insert(other_machine), "the same project on another machine");
    t.expect_equal(t.count(sessions(), {}), std::int64_t{5}, "sessions");
}

void only_active_sessions_hold_a_place(trial& t) {
    const auto s = t.some_session();
    t.must_insert(s);
    for (const auto status : {pending, paused, stalled, completed, failed, expired})
        t.expect_success(t.insert(with_status(at_place_of(t, s), status)), enum_name(status));
}

void no_machine_no_place(trial& t) {
    auto s = t.some_session();
    s.machine_id.reset();
    t.must_insert(s);
    t.expect_success(t.insert(at_place_of(t, s)), "a second one without a machine");
    auto in_slot = at_place_of(t, s);
    in_slot.docker_slot = 1;
    t.expect_success(t.insert(in_slot), "without a machine, in a slot");
    auto again = at_place_of(t, in_slot);
    t.expect_success(t.insert(again), "without a machine, in the same slot");
    t.expect_success(t.patch(sessions(), key_of(s), {}, {set<&session::machine_id>(std::string("m"))}),
                     "the first one takes a place");
    t.expect_error(
        t.patch(sessions(), key_of(again), {},
                {set<&session::machine_id>(std::string("m")), set<&session::docker_slot>(std::nullopt),
                 set<&session::project_id>(s.project_id)}),
        errc::place_taken, "the other one wants the same");
}

void a_place_is_left_and_entered(trial& t) {
    const auto s = t.some_session();
    const auto waiting = with_status(at_place_of(t, s), pending);
    t.must_insert(s);
    t.must_insert(waiting);
    t.expect_error(move_to(t, waiting, active), errc::place_taken, "activating beside an active one");
    t.expect_equal(t.entity<session>(key_of(waiting)), std::optional<session>(waiting), "the refused one");
    t.expect_success(move_to(t, s, stalled), "the first one stalls");
    t.expect_success(move_to(t, waiting, active), "its place is free");
    t.expect_error(move_to(t, s, active), errc::place_taken, "the stalled one comes back");
    t.expect_success(t.erase(sessions(), key_of(waiting)), "the second one is erased");
    t.expect_success(move_to(t, s, active), "the place is free again");
    t.expect_success(move_to(t, s, active), "a row is not in its own way");
}

void a_place_is_handed_over_in_one_unit(trial& t) {
    const auto s = t.some_session();
    const auto next = at_place_of(t, s);
    t.must_insert(s);
    const auto handed = t.write([&](transaction& tx) -> result<> {
        if (auto left = tx.patch(sessions(), key_of(s), 1, to_status(failed)); !left) return left;
        if (auto entered = tx.insert(sessions(), to_row(next)); !entered) return entered.error();
        return {};
    });
    t.expect_success(handed, "the predecessor leaves, the successor enters");
    t.expect_equal(t.entity<session>(key_of(next)), std::optional<session>(next), "the successor");
    const auto too_early = at_place_of(t, next);
    const auto the_wrong_way_round = t.write([&](transaction& tx) -> result<> {
        if (auto entered = tx.insert(sessions(), to_row(too_early)); !entered) return entered.error();
        return tx.patch(sessions(), key_of(next), 1, to_status(failed));
    });
    t.expect_error(the_wrong_way_round, errc::place_taken,
                   "the successor enters before the predecessor leaves");
}

void one_session_a_slot(trial& t) {
    auto s = t.some_session();
    s.docker_slot = 2;
    t.must_insert(s);
    const auto in_slot = [&](session_status status) {
        auto other = with_status(at_place_of(t, s), status);
        other.project_id += "+" + std::to_string(static_cast<int>(status));
        return other;
    };
    for (const auto status : {pending, active, paused})
        t.expect_error(t.insert(in_slot(status)), errc::place_taken, enum_name(status));
    const auto silent = in_slot(stalled);
    for (const auto& other : {silent, in_slot(completed), in_slot(failed), in_slot(expired)})
        t.expect_success(t.insert(other), enum_name(other.status));
    t.expect_error(move_to(t, silent, paused), errc::place_taken, "into the taken slot by patch");
    t.expect_success(t.patch(sessions(), key_of(s), {}, {set<&session::docker_slot>(3)}), "moving to slot 3");
    t.expect_success(move_to(t, silent, paused), "slot 2 is free");
    t.expect_error(t.patch(sessions(), key_of(s), {}, {set<&session::docker_slot>(2)}), errc::place_taken,
                   "moving back");
    t.expect_success(t.patch(sessions(), key_of(s), {}, {set<&session::docker_slot>(std::nullopt)}),
                     "no slot is nobody's slot");
}

void one_session_an_epoch(trial& t) {
    const auto first = t.some_session();
    t.must_insert(first);
    auto fork = t.some_session();
    fork.lineage_id = first.lineage_id;
    t.expect_error(t.insert(fork), errc::superseded, "the same lineage and epoch");
    fork.epoch = 2;
    t.expect_success(t.insert(fork), "the next epoch");
    auto second = t.some_session();
    second.lineage_id = first.lineage_id;
    second.epoch = 2;
    t.expect_error(t.insert(second), errc::superseded, "the next epoch once more");
    second.epoch = 3;
    t.expect_success(t.insert(second), "the epoch after");
    t.expect_error(t.patch(sessions(), key_of(second), {}, {set<&session::epoch>(2)}), errc::superseded,
                   "back to another's epoch by patch");
    t.expect_error(t.patch(sessions(), key_of(fork), {}, {set<&session::epoch>(1)}), errc::superseded,
                   "back to the first epoch by patch");
    t.expect_equal(t.entity<session>(key_of(fork)), std::optional<session>(fork), "the refused one");
}

void one_successor(trial& t) {
    const auto first = t.some_session();
    t.must_insert(first);
    auto successor = t.some_session(), second = t.some_session();
    successor.recovered_from = second.recovered_from = first.session_id;
    t.must_insert(successor);
    t.expect_error(t.insert(second), errc::superseded, "a second successor");
    second.recovered_from.reset();
    t.expect_success(t.insert(second), "no successor of anybody");
    t.expect_success(t.insert(t.some_session()), "another that is nobody's successor");
    t.expect_error(t.patch(sessions(), key_of(second), {}, {set<&session::recovered_from>(first.session_id)}),
                   errc::superseded, "a second successor by patch");
    t.expect_success(t.erase(sessions(), key_of(first)), "the first one goes");
    t.expect_error(t.patch(sessions(), key_of(second), {}, {set<&session::recovered_from>(first.session_id)}),
                   errc::superseded, "a second successor after the first one was erased");
}

void one_retry_a_session(trial& t) {
    const auto s = t.some_session(), other = t.some_session();
    t.must_insert(s);
    t.must_insert(other);
    auto retry = t.some_task(s), again = t.some_task(s), elsewhere = t.some_task(other);
    retry.retry_of = again.retry_of = elsewhere.retry_of = t.some_id();
    t.must_insert(retry);
    t.expect_error(t.insert(again), errc::superseded, "the same retry in the same session");
    t.expect_success(t.insert(elsewhere), "the same retry in another session");
    again.retry_of.reset();
    t.expect_success(t.insert(again), "no retry");
    t.expect_success(t.insert(t.some_task(s)), "another that is no retry");
    t.expect_error(t.patch(table_of<task>(), key_of(again), {}, {set<&task::retry_of>(*retry.retry_of)}),
                   errc::superseded, "the same retry by patch");
}

void one_record_a_key(trial& t) {
    const auto& records = table_of<idempotency_record>();
    const auto first = t.some_record();
    const auto id = t.must_insert(first);
    auto twin = t.some_record();
    twin.caller = first.caller;
    t.must_insert(twin);
    twin.key = first.key;
    t.expect_error(t.insert(twin), errc::request_in_progress, "the same key of the same caller");
    auto anothers = twin;
    anothers.caller += " and no more";
    t.expect_success(t.insert(anothers), "the same key of another caller");
    t.expect_success(t.erase(records, id), "the first one goes");
    t.expect_success(t.insert(twin), "the key is free");
}

}  // namespace

void add_unique_cases(case_list& to) {
    to.insert(
        to.end(),
        {{"A place has one active session, no slot being a place too", one_active_session_a_place},
         {"Only active sessions hold a place", only_active_sessions_hold_a_place},
         {"A session without a machine has no place", no_machine_no_place},
         {"A row that leaves a unique index makes room, one that enters is refused",
          a_place_is_left_and_entered},
         {"A place is handed over within one unit, in this order only", a_place_is_handed_over_in_one_unit},
         {"A slot has one session that is pending, active or paused", one_session_a_slot},
         {"A lineage has one session an epoch", one_session_an_epoch},
         {"A session has one successor at most, even after it was erased", one_successor},
         {"A task is retried once in a session", one_retry_a_session},
         {"A caller has one idempotency record a key", one_record_a_key}});
}

}  // namespace statetrack::testing
