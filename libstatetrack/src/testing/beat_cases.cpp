#include "testing/cases.hpp"
#include "testing/trial.hpp"

namespace statetrack::testing {
namespace {

session beaten(session s, const struct beat& by) {
    s.last_heartbeat = by.last_heartbeat;
    s.last_progress_at = by.last_progress_at;
    s.progress_seq = by.progress_seq;
    s.silence_until = by.silence_until;
    return s;
}

struct beat full_beat(const session& of, std::int64_t n) {
    return {of.session_id,
            {1'768'816'900'000 + n},
            timestamp{1'768'816'800'000 + n},
            n,
            timestamp{1'768'817'000'000 + n}};
}

void writes_its_four_columns_only(trial& t) {
    auto s = t.some_session();
    s.agent_role = "builder";
    s.version = 12;
    const auto other = t.some_session();
    const auto ordinal = t.must_insert(s);
    t.must_insert(other);
    const auto once = full_beat(s, 7);
    t.expect_success(t.beat({once}), "beat");
    s = beaten(s, once);
    t.expect_equal(t.find(table_of<session>(), key_of(s)), std::optional<stored_row>({ordinal, to_row(s)}),
                   "session");
    const struct beat bare {
        s.session_id, {2}, {}, 0, {}
    };
    t.expect_success(t.beat({bare}), "a bare beat");
    s = beaten(s, bare);
    t.expect_equal(t.entity<session>(key_of(s)), std::optional<session>(s), "session after a bare beat");
    t.expect_equal(t.entity<session>(key_of(other)), std::optional<session>(other), "the other one");
}

void unknown_sessions_are_passed_over(trial& t) {
    const auto s = t.some_session(), gone = t.some_session(), never = t.some_session();
    t.must_insert(s);
    t.must_insert(gone);
    t.must([&](transaction& tx) { return tx.erase(table_of<session>(), key_of(gone)); });
    t.expect_success(t.beat({full_beat(never, 1), full_beat(s, 2), full_beat(gone, 3)}), "beats");
    t.expect_equal(t.entity<session>(key_of(s)), std::optional<session>(beaten(s, full_beat(s, 2))),
                   "session");
    t.expect_equal(t.count(table_of<session>(), {}), std::int64_t{1}, "sessions");
    t.expect_success(t.beat({full_beat(never, 4)}), "an unknown one alone");
    t.expect_success(t.beat({}), "no beat at all");
}

void many_at_once(trial& t) {
    constexpr std::int64_t many = 1'000;
    std::vector<session> all;
    std::vector<struct beat> beats;
    for (std::int64_t i = 0; i < many; ++i) {
        all.push_back(t.some_session());
        beats.push_back(full_beat(all.back(), many - i));
    }
    t.must([&](transaction& tx) -> result<> {
        for (const auto& s : all)
            if (auto inserted = tx.insert(table_of<session>(), to_row(s)); !inserted) return inserted.error();
        return {};
    });
    t.expect_success(t.beat(beats), "beats");
    for (std::size_t i = 0; i < all.size(); ++i)
        if (!t.expect_equal(t.entity<session>(key_of(all[i])),
                            std::optional<session>(beaten(all[i], beats[i])), "session"))
            return;
}

void the_last_of_one_session_counts(trial& t) {
    const auto s = t.some_session();
    t.must_insert(s);
    t.expect_success(t.beat({full_beat(s, 3), full_beat(s, 1), full_beat(s, 2)}),
                     "three beats of one session");
    t.expect_equal(t.entity<session>(key_of(s)), std::optional<session>(beaten(s, full_beat(s, 2))),
                   "session");
}

void beats_and_patches_see_each_other(trial& t) {
    const auto s = t.some_session();
    t.must_insert(s);
    const auto by_beat = full_beat(s, 5);
    const auto by_patch = timestamp{1'768'816'999'999};
    t.must([&](transaction& tx) -> result<> {
        if (auto done = tx.beat(std::vector{by_beat}); !done) return done;
        const auto seen = tx.find(table_of<session>(), key_of(s));
        if (!seen) return seen.error();
        if (!*seen || (*seen)->values != to_row(beaten(s, by_beat)))
            return error(errc::store_corrupt, "the beat is not seen within its unit");
        return tx.patch(table_of<session>(), key_of(s), 1,
                        std::vector{set<&session::last_heartbeat>(by_patch)});
    });
    auto patched = beaten(s, by_beat);
    patched.last_heartbeat = by_patch;
    t.expect_equal(t.entity<session>(key_of(s)), std::optional<session>(patched), "patched after the beat");
    t.expect_success(t.beat({by_beat}), "a beat after the patch");
    t.expect_equal(t.entity<session>(key_of(s)), std::optional<session>(beaten(s, by_beat)),
                   "beaten after the patch");
    const auto walked = t.select(table_of<session>(), {.where = {is<&session::project_id>(s.project_id)}});
    t.expect(walked.size() == 1 && walked.front().values == to_row(beaten(s, by_beat)),
             "a walk to see the beat");
}

void a_beat_finds_its_row_as_the_unit_has_left_it(trial& t) {
    auto s = t.some_session();
    t.must_insert(s);
    t.must_insert(t.some_session());
    const auto look = [&](transaction& tx) {
        return tx.look_at(table_of<session>(), key_of(s), [](row_view) {});
    };
    const std::string role(300, 'r');
    t.must([&](transaction& tx) -> result<> {
        if (auto there = look(tx); !there) return there.error();
        if (auto done = tx.patch(table_of<session>(), key_of(s), 1,
                                 std::vector{set<&session::agent_role>(std::optional(role))});
            !done)
            return done;
        return tx.beat(std::vector{full_beat(s, 1)});
    });
    s.agent_role = role;
    t.expect_equal(t.entity<session>(key_of(s)), std::optional<session>(beaten(s, full_beat(s, 1))),
                   "patched and beaten");
    s.agent_role.reset();
    t.must([&](transaction& tx) -> result<> {
        if (auto there = look(tx); !there) return there.error();
        if (auto done = tx.erase(table_of<session>(), key_of(s)); !done) return done;
        if (auto done = tx.beat(std::vector{full_beat(s, 2)}); !done) return done;
        if (auto made = tx.insert(table_of<session>(), to_row(s)); !made) return made.error();
        return tx.beat(std::vector{full_beat(s, 3)});
    });
    t.expect_equal(t.entity<session>(key_of(s)), std::optional<session>(beaten(s, full_beat(s, 3))),
                   "made anew and beaten");
}

void beats_of_a_refused_unit_are_undone(trial& t) {
    const auto s = t.some_session();
    t.must_insert(s);
    const auto refused = t.write([&](transaction& tx) -> result<> {
        if (auto done = tx.beat(std::vector{full_beat(s, 9)}); !done) return done;
        return error(errc::terminal);
    });
    t.expect_error(refused, errc::terminal, "the unit");
    t.expect_equal(t.entity<session>(key_of(s)), std::optional<session>(s), "session");
}

void a_new_row_under_an_old_key_has_its_own_beats(trial& t) {
    const auto s = t.some_session();
    t.must_insert(s);
    t.expect_success(t.beat({full_beat(s, 9)}), "beat");
    t.expect_success(t.erase(table_of<session>(), key_of(s)), "erase");
    t.must_insert(s);
    t.expect_equal(t.entity<session>(key_of(s)), std::optional<session>(s), "the new session");
}

}  // namespace

void add_beat_cases(case_list& to) {
    to.insert(to.end(),
              {{"A beat writes its four columns and leaves the version alone", writes_its_four_columns_only},
               {"A beat of a session that is not there is passed over", unknown_sessions_are_passed_over},
               {"A thousand beats go in one unit, each to its own session", many_at_once},
               {"Of several beats of one session the last one stays", the_last_of_one_session_counts},
               {"Beats and patches see each other at once", beats_and_patches_see_each_other},
               {"A beat finds its row as the unit has left it", a_beat_finds_its_row_as_the_unit_has_left_it},
               {"The beats of a refused unit are undone", beats_of_a_refused_unit_are_undone},
               {"A new row under an old key has none of the old one's beats",
                a_new_row_under_an_old_key_has_its_own_beats}});
}

}  // namespace statetrack::testing
