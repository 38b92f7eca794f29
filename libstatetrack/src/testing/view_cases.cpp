#include <atomic>
#include <stdexcept>
#include <thread>

#include "testing/cases.hpp"
#include "testing/trial.hpp"

namespace statetrack::testing {
namespace {

void a_read_sees_what_is_durable(trial& t) {
    for (int i = 0; i < 20; ++i) {
        const auto s = t.some_session();
        t.must_insert(s);
        t.expect_equal(t.entity<session>(key_of(s)), std::optional<session>(s), "right after the insert");
        t.expect_success(t.patch(sessions(), key_of(s), 1, {set<&session::version>(2)}), "patch");
        t.expect_equal(t.entity<session>(key_of(s)).value_or(session{}).version, std::int64_t{2},
                       "after the patch");
        t.expect_success(t.beat({{s.session_id, {77}, {}, 0, {}}}), "beat");
        t.expect_equal(t.entity<session>(key_of(s)).value_or(session{}).last_heartbeat.ms, std::int64_t{77},
                       "after the beat");
        t.expect_success(t.erase(sessions(), key_of(s)), "erase");
        t.expect(!t.find(sessions(), key_of(s)), "nothing right after the erasure");
    }
}

void a_read_answers_for_its_body(trial& t) {
    t.must_insert(t.some_session());
    const auto refused =
        t.subject().read([](reader&) -> result<> { return error(errc::not_found, "detail"); });
    t.expect_error(refused, errc::not_found, "the read");
    t.expect(!refused && refused.error().detail == "detail", "the body's own error to arrive");
    t.expect_success(t.subject().read([](reader&) -> result<> { return {}; }), "a read of nothing");
    try {
        (void)t.subject().read([](reader& in) -> result<> {
            (void)in.count(sessions(), {});
            throw std::runtime_error("thrown by a reading body");
        });
    } catch (const std::runtime_error&) {  // let through or answered: the store has to go on either way
    }
    t.expect_equal(t.count(sessions(), {}), std::int64_t{1}, "a read after one that threw");
    t.expect_success(t.insert(t.some_session()), "a write after it");
}

void housekeeping_changes_nothing(trial& t) {
    t.expect_success(t.subject().checkpoint(), "checkpoint of a new store");
    for (int i = 0; i < 50; ++i) {
        t.must_insert(t.some_session());
        if (i % 10 == 0) t.expect_success(t.subject().checkpoint(), "checkpoint");
    }
    const auto before = t.all(sessions());
    t.expect_success(t.subject().checkpoint(), "checkpoint");
    t.expect_success(t.subject().checkpoint(), "checkpoint with nothing to do");
    t.expect_equal(t.all(sessions()), before, "sessions after checkpoints");
    t.expect_success(t.insert(t.some_session()), "a write after a checkpoint");
    t.expect(!t.subject().name().empty(), "the store to have a name");
}

// What the parallel cases share: a writer that keeps two tables in step, readers that look for a moment when
// they are not.
struct in_step {
    trial& t;
    std::atomic<std::int64_t> durable{0};
    std::atomic<bool> done{false};

    // Session and task come and go together; every third unit is refused with both written.
    void write(int units) {
        for (int i = 0; i < units; ++i) {
            const auto s = t.some_session();
            const auto wrote = t.write([&](transaction& tx) -> result<> {
                if (auto first = tx.insert(sessions(), to_row(s)); !first) return first.error();
                if (auto second = tx.insert(table_of<task>(), to_row(t.some_task(s))); !second)
                    return second.error();
                if (i % 3 == 2) return error(errc::in_use);
                return {};
            });
            if (i % 3 == 2)
                t.expect_error(wrote, errc::in_use, "a refused unit");
            else if (t.expect_success(wrote, "a unit"))
                ++durable;
        }
        done = true;
    }

    void look(reader& in, std::int64_t at_least) {
        const auto before = in.count(sessions(), {});
        const auto tasks = in.count(table_of<task>(), {});
        const auto listed = in.select(sessions(), {.order = direction::descending, .limit = select_rows_max});
        const auto after = in.count(sessions(), {});
        if (!before || !tasks || !listed || !after) {
            t.fail("a reader beside the writer failed", place::current());
            return;
        }
        t.expect(*before >= at_least, "a reader to see what was durable before it came");
        t.expect_equal(*tasks, *before, "tasks and sessions in one view");
        t.expect_equal(*after, *before, "sessions at the end of a view");
        t.expect_equal(static_cast<std::int64_t>(listed->size()), *before, "sessions listed in one view");
    }
};

void readers_beside_a_writer(trial& t) {
    constexpr int units = 150;
    in_step shared{t};
    const auto keep_looking = [&] {
        do {
            const std::int64_t at_least = shared.durable;
            const auto read = t.subject().read([&](reader& in) -> result<> {
                shared.look(in, at_least);
                return {};
            });
            t.expect_success(read, "a read beside the writer");
        } while (!shared.done);
    };
    std::thread one(keep_looking), other(keep_looking);
    try {
        shared.write(units);
    } catch (...) {
        shared.done = true;
        one.join();
        other.join();
        throw;
    }
    one.join();
    other.join();
    t.expect_equal(t.count(sessions(), {}), std::int64_t{units - units / 3}, "sessions in the end");
}

void housekeeping_beside_a_writer(trial& t) {
    in_step shared{t};
    std::thread housekeeper([&] {
        do t.expect_success(t.subject().checkpoint(), "a checkpoint beside the writer");
        while (!shared.done);
    });
    try {
        shared.write(90);
    } catch (...) {
        shared.done = true;
        housekeeper.join();
        throw;
    }
    housekeeper.join();
    t.expect_equal(t.count(sessions(), {}), std::int64_t{60}, "sessions in the end");
}

}  // namespace

void add_view_cases(case_list& to) {
    to.insert(to.end(), {{"A read sees everything that was durable before it", a_read_sees_what_is_durable},
                         {"A read answers for its body and survives it", a_read_answers_for_its_body},
                         {"Housekeeping changes nothing that can be seen", housekeeping_changes_nothing},
                         {"Readers beside a writer see whole units of one moment", readers_beside_a_writer},
                         {"Housekeeping beside a writer disturbs nobody", housekeeping_beside_a_writer}});
}

}  // namespace statetrack::testing
