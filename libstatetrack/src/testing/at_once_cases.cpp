// What a store answers at once, from memory: where it does, what a read says.
#include <atomic>
#include <string>
#include <thread>

#include "testing/cases.hpp"
#include "testing/trial.hpp"

namespace statetrack::testing {
namespace {

constexpr session_status some_states[] = {session_status::pending, session_status::active,
                                          session_status::failed};

template <class T>
bool would_wait(const result<T>& found) {
    return !found && found.error().is(errc::would_wait);
}

// Nothing where memory does not do.
std::optional<session> found_at_once(trial& t, const value& key, bool& answered) {
    std::optional<session> row;
    const auto outcome = t.subject().read_at_once([&](reader& in) -> result<> {
        const auto found = in.find(sessions(), key);
        if (!found) return found.error();
        if (*found) row = from_row<session>((*found)->values);
        return {};
    });
    answered = !would_wait(outcome);
    if (answered) t.expect_success(outcome, "an answer from memory");
    return row;
}

void compare(trial& t, const value& key, std::string_view when) {
    bool answered = false;
    for (int asked = 0; asked < 2; ++asked) {  // a read may bring into memory what it has found
        const auto at_once = found_at_once(t, key, answered);
        const auto read = t.entity<session>(key);
        if (answered) t.expect(at_once == read, "a row from memory as it is read, " + std::string(when));
    }
    for (const auto state : some_states) {
        const condition in_state = is<&session::status>(state);
        std::int64_t counted = 0;
        const auto outcome = t.subject().read_at_once([&](reader& in) -> result<> {
            const auto n = in.count(sessions(), {&in_state, 1});
            if (!n) return n.error();
            counted = *n;
            return {};
        });
        if (would_wait(outcome)) continue;
        t.expect_success(outcome, "a count from memory");
        t.expect_equal(counted, t.count(sessions(), {in_state}), "a count from memory");
    }
}

void memory_says_what_a_read_says(trial& t) {
    std::vector<session> all;
    for (int i = 0; i < 12; ++i) {
        auto s = t.some_session();
        s.status = some_states[i % 2];
        t.must_insert(s);
        compare(t, key_of(s), "after an insert");
        all.push_back(s);
    }
    for (const auto& s : all) {
        t.expect_success(t.beat({{s.session_id, {77}, {}, 0, {}}}), "beat");
        compare(t, key_of(s), "after a beat");
        t.expect_success(t.patch(sessions(), key_of(s), 1,
                                 {set<&session::version>(2), set<&session::status>(session_status::paused)}),
                         "patch");
        compare(t, key_of(s), "after a patch");
        const auto refused = t.write([&](transaction& tx) -> result<> {
            const assignment change = set<&session::version>(3);
            if (auto done = tx.patch(sessions(), key_of(s), 2, {&change, 1}); !done) return done;
            if (auto read = tx.find(sessions(), key_of(s)); !read) return read.error();
            return error(errc::in_use);
        });
        t.expect_error(refused, errc::in_use, "a refused unit");
        compare(t, key_of(s), "after a refused unit");
        t.expect_success(t.subject().checkpoint(), "checkpoint");
        compare(t, key_of(s), "after a checkpoint");
    }
    for (const auto& s : all) {
        t.expect_success(t.erase(sessions(), key_of(s)), "erase");
        compare(t, key_of(s), "after the erasure");
    }
}

void memory_answers_for_its_body(trial& t) {
    const auto refused =
        t.subject().read_at_once([](reader&) -> result<> { return error(errc::not_found, "detail"); });
    t.expect(would_wait(refused) || (!refused && refused.error().is(errc::not_found)),
             "the body's own error, or none");
    t.expect_success(t.insert(t.some_session()), "a write after it");
}

// Two readers bring the row into memory again and again while it is changed: none may leave there what is
// older than what was durable before it asked.
void memory_beside_a_writer(trial& t) {
    constexpr std::int64_t changes = 120;
    const auto s = t.some_session();
    t.must_insert(s);
    std::atomic<std::int64_t> durable_version{1}, durable_beat{s.last_heartbeat.ms};
    std::atomic<bool> done{false};
    const auto look = [&](bool from_memory) {
        const auto version = durable_version.load();
        const auto beat = durable_beat.load();
        bool answered = true;
        const auto row = from_memory ? found_at_once(t, key_of(s), answered) : t.entity<session>(key_of(s));
        if (!answered) return;
        t.expect(row && row->version >= version, "a version that is no older than what was durable");
        t.expect(row && row->last_heartbeat.ms >= beat, "a beat that is no older than what was durable");
    };
    const auto keep_looking = [&] {
        do {
            look(true);
            look(false);
        } while (!done);
    };
    std::thread one(keep_looking), other(keep_looking);
    for (std::int64_t i = 1; i <= changes; ++i) {
        const auto beat_ms = s.last_heartbeat.ms + i;
        if (t.expect_success(t.beat({{s.session_id, {beat_ms}, {}, 0, {}}}), "beat")) durable_beat = beat_ms;
        if (i % 2 == 0) continue;
        if (t.expect_success(t.patch(sessions(), key_of(s), {}, {set<&session::version>(i + 1)}), "patch"))
            durable_version = i + 1;
        if (i % 50 == 1) t.expect_success(t.subject().checkpoint(), "checkpoint");
    }
    done = true;
    one.join();
    other.join();
    look(true);
    look(false);
    look(true);
}

}  // namespace

void add_at_once_cases(case_list& to) {
    to.insert(to.end(),
              {{"Memory says what a read says", memory_says_what_a_read_says},
               {"An answer from memory is its body's", memory_answers_for_its_body},
               {"Memory beside a writer is no older than what was durable", memory_beside_a_writer}});
}

}  // namespace statetrack::testing
