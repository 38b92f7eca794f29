// The face that does not wait: who commits, who calls back, and when.
#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "harness.hpp"
#include "hooked_store.hpp"

using namespace statetrack;
using namespace statetrack::testing;

TEST_CASE("the asynchronous face commits what has gathered and calls back from commit_pending") {
    int woken = 0;
    harness h({.on_work = [&woken] { ++woken; }});
    std::vector<std::string> answers;
    for (int i = 0; i < 3; ++i)
        h->enqueue(new_session{.project_id = "p", .machine_id = "m"}, {},
                   [&](result<session_created> r) { answers.push_back(code_of(r)); });
    h->enqueue(new_session{.project_id = ""}, {},
               [&](result<session_created> r) { answers.push_back(code_of(r)); });
    CHECK(woken == 1);
    CHECK(answers.empty());
    CHECK(h->commit_pending() == 4);
    CHECK(answers == std::vector<std::string>{"ok", "place_taken", "place_taken", "validation_failed"});
    CHECK(h->commit_pending() == 0);
}

TEST_CASE("a completion that throws keeps none of the others from being called") {
    harness h({.on_done = [] {}});
    int called = 0;
    for (int i = 0; i < 3; ++i)
        h->enqueue(new_session{.project_id = "p"}, {}, [&called, i](const result<session_created>&) {
            ++called;
            if (i == 0) throw std::runtime_error("no");
        });
    h->commit_pending();
    CHECK_THROWS_WITH_AS(h->complete_pending(), "no", std::runtime_error);
    CHECK(called == 3);
    CHECK(h->complete_pending() == 0);
}

TEST_CASE("with on_done completions wait for complete_pending, and one word is said for all that are due") {
    int words = 0;
    harness h({.on_done = [&words] { ++words; }});
    int answered = 0;
    const auto enqueue = [&] {
        h->enqueue(new_session{.project_id = "p", .machine_id = "m"}, {},
                   [&](result<session_created>) { ++answered; });
    };
    enqueue();
    enqueue();
    CHECK(h->commit_pending() == 0);
    enqueue();
    CHECK(h->commit_pending() == 0);
    CHECK(words == 1);
    CHECK(answered == 0);
    CHECK(h->complete_pending() == 3);
    CHECK(answered == 3);
    CHECK(h->complete_pending() == 0);
    enqueue();
    // A blocking caller commits it, and has no business with its answer.
    CHECK(code_of(h->apply(new_session{.project_id = "p", .machine_id = "m"})) == "place_taken");
    CHECK(words == 2);
    CHECK(answered == 3);
    CHECK(h->complete_pending() == 1);
}

TEST_CASE("commit_group takes one group, leaves its completions, and says whether more waits") {
    constexpr int group_max = 1'024;
    int words = 0, answered = 0;
    harness h({.on_done = [&words] { ++words; }});
    CHECK_FALSE(h->commit_group());
    CHECK(words == 0);
    for (int i = 0; i < group_max + 1; ++i)
        h->enqueue(new_session{.project_id = "p" + std::to_string(i), .machine_id = "m"}, {},
                   [&](const result<session_created>& r) { answered += r ? 1 : 0; });
    CHECK(h->commit_group());
    CHECK(words == 1);
    CHECK(answered == 0);
    CHECK(h->complete_pending() == group_max);
    CHECK(answered == group_max);
    CHECK_FALSE(h->commit_group());
    CHECK(h->complete_pending() == 1);
    CHECK(answered == group_max + 1);
}

TEST_CASE("a blocking call commits what was enqueued, and leaves its completion to commit_pending") {
    harness h;
    bool called = false;
    h->enqueue(new_session{.project_id = "p", .machine_id = "m"}, {},
               [&](result<session_created>) { called = true; });
    CHECK(code_of(h->apply(new_session{.project_id = "p", .machine_id = "m"})) == "place_taken");
    CHECK_FALSE(called);
    CHECK(h->commit_pending() == 1);
    CHECK(called);
}

TEST_CASE("commit_pending waits for what a blocking call has taken into its commit") {
    std::atomic<int> called = 0, called_on_return = -1;
    std::function<void()> meanwhile;
    hooks by{.execute = [&](store& inner, units group) {
        if (meanwhile) std::exchange(meanwhile, {})();
        inner.execute(group);
    }};
    harness h({}, std::make_unique<hooked_store>(make_memory_store(), std::move(by)));
    h->enqueue(new_session{.project_id = "p", .machine_id = "m"}, {},
               [&](const result<session_created>&) { ++called; });
    std::thread commits;
    meanwhile = [&] {
        commits = std::thread([&] {
            h->commit_pending();
            called_on_return = called.load();
        });
        // Time enough for one that does not wait.
        for (int i = 0; i < 10'000 && called_on_return < 0; ++i) std::this_thread::yield();
    };
    CHECK(code_of(h->apply(new_session{.project_id = "p", .machine_id = "m"})) == "place_taken");
    commits.join();
    CHECK(called_on_return == 1);
}
