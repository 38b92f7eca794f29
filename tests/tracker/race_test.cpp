// Real threads on one tracker: what must happen exactly once happens exactly once, on every backend.
#include <doctest/doctest.h>

#include <barrier>
#include <thread>

#include "every_backend.hpp"
#include "harness.hpp"

using namespace statetrack;
using namespace statetrack::testing;

namespace {

// Runs body(i) on n threads that start together.
template <class Body>
void together(int n, Body body) {
    std::barrier start(n);
    std::vector<std::jthread> threads;
    for (int i = 0; i < n; ++i)
        threads.emplace_back([&, i] {
            start.arrive_and_wait();
            body(i);
        });
}

int count(const std::vector<std::string>& codes, std::string_view wanted) {
    return static_cast<int>(std::count(codes.begin(), codes.end(), wanted));
}

}  // namespace

TEST_CASE("of 64 parallel creates of one place exactly one succeeds") {
    for_each_backend([](harness& h) {
        for (int round = 0; round < 5; ++round) {
            const new_session request{.project_id = "p" + std::to_string(round), .machine_id = "m"};
            std::vector<std::string> codes(64);
            together(64, [&](int i) { codes[static_cast<std::size_t>(i)] = code_of(h->apply(request)); });
            CHECK(count(codes, "ok") == 1);
            CHECK(count(codes, "place_taken") == 63);
        }
    });
}

TEST_CASE("of 64 parallel recovers of one session exactly one makes a successor, with its tasks once") {
    for_each_backend([](harness& h) {
        for (int round = 0; round < 5; ++round) {
            const session s = h.create("p" + std::to_string(round));
            for (int t = 0; t < 10; ++t)
                value_of(h->apply(new_task{.session_id = s.session_id, .project_id = "p", .task_name = "t"}));
            value_of(h->apply(stall_mark{.session_id = s.session_id}));
            std::vector<std::optional<recovered>> answers(64);
            together(64, [&](int i) {
                const std::string machine = "machine-" + std::to_string(i % 3);
                auto answer = h->apply(recovery{.session_id = s.session_id, .new_machine_id = machine});
                if (answer) answers[static_cast<std::size_t>(i)] = *answer;
            });
            int made = 0;
            for (const auto& answer : answers) {
                REQUIRE(answer.has_value());
                made += answer->created;
                CHECK(answer->session.row.session_id == answers[0]->session.row.session_id);
            }
            CHECK(made == 1);
            const uuid successor = answers[0]->session.row.session_id;
            CHECK(value_of(h->list_tasks({.session_id = successor}, {})).total == 10);
            CHECK(value_of(h->list_sessions({.lineage_id = s.session_id}, {})).total == 2);
        }
    });
}

TEST_CASE("heartbeat against sweep at the deadline leaves no stalled session with a newer beat") {
    for_each_backend([](harness& h) {
        std::vector<uuid> ids;
        for (int i = 0; i < 200; ++i) ids.push_back(h.create("p" + std::to_string(i)).session_id);
        for (int round = 0; round < 5; ++round) {
            h.run_for(180'000);
            h.clock.advance(1);
            const timestamp now = h->now();
            std::vector<char> beaten(ids.size(), 0);
            together(4, [&](int who) {
                if (who == 0) {
                    h->sweep();
                    return;
                }
                for (std::size_t i = static_cast<std::size_t>(who) - 1; i < ids.size(); i += 3)
                    beaten[i] = h->apply(heartbeat{.session_id = ids[i]}).has_value();
            });
            for (std::size_t i = 0; i < ids.size(); ++i) {
                REQUIRE(beaten[i]);
                const session row = h.row(ids[i]);
                CHECK(row.status == session_status::active);
                CHECK(row.last_heartbeat == now);
            }
        }
    });
}

TEST_CASE("takeover against recover makes one chain, each session with one successor at most") {
    for_each_backend([](harness& h) {
        for (int round = 0; round < 10; ++round) {
            const std::string project = "p" + std::to_string(round);
            const session s = h.create(project);
            value_of(h->apply(stall_mark{.session_id = s.session_id}));
            std::vector<std::string> codes(16);
            together(16, [&](int i) {
                auto& code = codes[static_cast<std::size_t>(i)];
                if (i % 2 == 0)
                    code = code_of(h->apply(recovery{.session_id = s.session_id, .new_machine_id = "other"}));
                else
                    code = code_of(h->apply(new_session{
                        .project_id = project, .machine_id = "m", .on_conflict = conflict_policy::takeover}));
            });
            CHECK(count(codes, "ok") == 16);
            const auto chain = value_of(h->list_sessions({.lineage_id = s.session_id}, {.limit = 100}));
            std::map<std::int64_t, int> epochs;
            for (const auto& one : chain.rows) ++epochs[one.row.epoch];
            for (const auto& [epoch, sessions] : epochs) CHECK(sessions == 1);
        }
    });
}

TEST_CASE("blocking callers, enqueued work, sweeps and readers go on beside each other") {
    for_each_backend([](harness& h) {
        std::atomic<bool> over = false;
        std::atomic<int> answered = 0;
        std::atomic<int> beats = 0;
        std::vector<uuid> ids;
        for (int i = 0; i < 20; ++i) ids.push_back(h.create("p" + std::to_string(i)).session_id);
        {
            std::jthread committer([&] {
                while (!over) h->commit_pending();
                h->commit_pending();
            });
            std::jthread sweeper([&] {
                while (!over) {
                    h.clock.advance(100);
                    h->sweep();
                }
            });
            std::jthread reader([&] {
                while (!over) {
                    value_of(h->list_sessions({}, {}));
                    value_of(h->health());
                    value_of(h->stalled_sessions({}));
                    value_of(h->explain(ids[3]));
                }
            });
            {
                std::vector<std::jthread> callers;
                for (int c = 0; c < 4; ++c)
                    callers.emplace_back([&, c] {
                        for (int i = 0; i < 100; ++i) {
                            const uuid id = ids[static_cast<std::size_t>(i + c) % ids.size()];
                            if (c % 2 == 0) {
                                if (h->apply(heartbeat{.session_id = id})) ++beats;
                            } else {
                                h->enqueue(heartbeat{.session_id = id}, {},
                                           [&](result<heartbeat_answer>) { ++answered; });
                            }
                        }
                    });
            }
            over = true;
        }
        CHECK(answered == 200);
        CHECK(beats == 200);
    });
}
