#include "net/background.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "statetrack/manual_clock.hpp"
#include "statetrack/memory_store.hpp"

using namespace statetrackd;
using namespace statetrack;

namespace {

// A store that tells when it is checkpointed.
class told_store final : public store {
public:
    void execute(std::span<unit_of_work* const> group) override { inner_->execute(group); }
    result<> read(const std::function<result<>(reader&)>& body) override { return inner_->read(body); }
    result<> checkpoint() override {
        if (!told_.exchange(true)) checkpointed.set_value();
        return {};
    }
    std::string_view name() const noexcept override { return "told"; }

    std::promise<void> checkpointed;

private:
    std::unique_ptr<store> inner_ = make_memory_store();
    std::atomic<bool> told_ = false;
};

// A loop of one thread, which runs what is posted in turn.
class small_loop {
public:
    ~small_loop() {
        post({});  // the end
        thread_.join();
    }
    void post(std::function<void()> job) {
        {
            const std::lock_guard lock(mutex_);
            jobs_.push_back(std::move(job));
        }
        changed_.notify_one();
    }
    // Until what is there, and what that posts, has run.
    void wait_two_turns() {
        std::promise<void> ran;
        post([&] { post([&] { ran.set_value(); }); });
        ran.get_future().wait();
    }

private:
    void run() {
        for (std::unique_lock lock(mutex_);;) {
            changed_.wait(lock, [&] { return !jobs_.empty(); });
            const auto job = std::move(jobs_.front());
            jobs_.pop_front();
            if (!job) return;
            lock.unlock();
            job();
            lock.lock();
        }
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> jobs_;
    std::thread thread_{[this] { run(); }};
};

struct running {
    explicit running(background::poster post = {}) {
        if (post) threads.join_loop(std::move(post));
        tracker_options options;
        options.on_work = [this] { threads.work_waits(); };
        options.on_done = [this] {
            threads.answers_wait();
            if (behind_a_group) behind_a_group();
        };
        auto opened = tracker::open(keep, clock, *ids, options);
        REQUIRE(opened.has_value());
        tracked = std::move(*opened);
        threads.start();
        threads.attend(*tracked, keep);
    }

    std::function<void()> behind_a_group;  // on the commit thread, which is not done with it yet
    manual_clock clock;
    std::unique_ptr<id_source> ids = make_seeded_ids(1);
    told_store keep;
    logger log{clock, {.level = log_level::error}, [](auto) {}};
    std::unique_ptr<tracker> tracked;
    background threads{log};
};

blocking_job job_of(std::function<void()> work) {
    return {.work = [work = std::move(work)]() -> std::function<void()> {
        work();
        return {};
    }};
}

}  // namespace

TEST_CASE("what is enqueued is committed without anybody asking") {
    running r;
    std::promise<bool> created;
    r.tracked->enqueue(new_session{.project_id = "p", .machine_id = "m"}, {},
                       [&](result<session_created> made) { created.set_value(made.has_value()); });
    CHECK(created.get_future().get());
}

TEST_CASE("what comes when the commit thread is about to be done with a group is committed all the same") {
    small_loop loop;
    running r([&loop](auto job) { loop.post(std::move(job)); });
    std::promise<void> first, second;
    const auto enqueue = [&](const std::string& machine, std::promise<void>& done) {
        r.tracked->enqueue(new_session{.project_id = "p", .machine_id = machine}, {},
                           [&done](const result<session_created>&) { done.set_value(); });
    };
    r.behind_a_group = [&, called = false]() mutable {
        if (std::exchange(called, true)) return;
        enqueue("m2", second);
        loop.wait_two_turns();  // by then the commit thread has been told, which is busy
    };
    while (r.threads.moves() == 0) std::this_thread::yield();  // or the sweeper might commit it
    enqueue("m1", first);
    CHECK(first.get_future().wait_for(std::chrono::seconds(30)) == std::future_status::ready);
    CHECK(second.get_future().wait_for(std::chrono::seconds(30)) == std::future_status::ready);
    r.threads.stop();
}

TEST_CASE("work told to a loop that has ended is still committed at the end") {
    running r([](auto) {});  // nothing that is posted runs any more
    for (int i = 0; i < 3; ++i)
        r.tracked->enqueue(new_session{.project_id = "p", .machine_id = "m" + std::to_string(i)}, {},
                           [](result<session_created>) { FAIL_CHECK("nobody is left to be answered"); });
    r.threads.stop();
    CHECK(r.tracked->list_sessions({}, {}).value().total == 3);
}

TEST_CASE("work that waits when the end comes is still done") {
    running r;
    std::atomic<int> done = 0;
    for (int i = 0; i < 100; ++i)
        r.tracked->enqueue(new_session{.project_id = "p", .machine_id = "m" + std::to_string(i)}, {},
                           [&](result<session_created>) { ++done; });
    for (int i = 0; i < 100; ++i) CHECK(r.threads.read(job_of([&] { ++done; })));
    r.threads.stop();
    CHECK(done == 200);
    CHECK_FALSE(r.threads.read(job_of([] {})));
}

TEST_CASE("a job that throws takes no thread with it") {
    running r;
    for (std::size_t i = 0; i < 2 * readers; ++i)
        r.threads.read(job_of([] { throw std::runtime_error("x"); }));
    std::promise<void> ran;
    r.threads.read(job_of([&] { ran.set_value(); }));
    ran.get_future().get();
}

TEST_CASE("what reads leave to the loop is done there, of brief ones several at a time") {
    small_loop loop;
    running r([&loop](auto job) { loop.post(std::move(job)); });
    std::promise<void> gate, all;
    std::atomic<int> answered = 0;
    std::thread::id loop_is;
    std::promise<void> known;
    loop.post([&] {
        loop_is = std::this_thread::get_id();
        known.set_value();
    });
    known.get_future().get();
    const auto answering = [&]() -> std::function<void()> {
        return [&] {
            CHECK(std::this_thread::get_id() == loop_is);
            if (++answered == 40) all.set_value();
        };
    };
    // One reader each, until all are there.
    const auto open = gate.get_future().share();
    for (std::size_t i = 0; i < readers; ++i)
        CHECK(r.threads.read({.work = [open, answering] {
            open.wait();
            return answering();
        }}));
    for (std::size_t i = readers; i < 40; ++i) CHECK(r.threads.read({.work = answering, .brief = true}));
    gate.set_value();
    all.get_future().get();
    r.threads.stop();
    CHECK(answered == 40);
}

TEST_CASE("brief reads do not wait for a long one") {
    small_loop loop;
    running r([&loop](auto job) { loop.post(std::move(job)); });
    std::promise<void> gate, done;
    const auto open = gate.get_future().share();
    loop.post([&] {  // in one turn, so that one word is all that the readers get
        CHECK(r.threads.read(job_of([open] { open.wait(); })));
        CHECK(r.threads.read(
            {.work = [&]() -> std::function<void()> { return [&] { done.set_value(); }; }, .brief = true}));
    });
    CHECK(done.get_future().wait_for(std::chrono::seconds(30)) == std::future_status::ready);
    gate.set_value();
    r.threads.stop();
}

TEST_CASE("reads that nobody can take any more are refused") {
    running r;
    std::promise<void> gate;
    const auto open = gate.get_future().share();
    std::size_t taken = 0;
    while (taken < 2 * reads_waiting_max && r.threads.read(job_of([open] { open.wait(); }))) ++taken;
    CHECK(taken >= reads_waiting_max);
    CHECK(taken <= reads_waiting_max + readers);
    gate.set_value();
}

TEST_CASE("the store is checkpointed and the detector sweeps") {
    running r;
    r.keep.checkpointed.get_future().wait();
    r.threads.stop();
    for (const auto& job : r.tracked->jobs()) CHECK(job.last_run.has_value());
    CHECK_FALSE(r.tracked->jobs().empty());
}
