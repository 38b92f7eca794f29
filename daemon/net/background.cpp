#include "net/background.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "database.hpp"
#include "observe/verdict_log.hpp"

namespace statetrackd {
namespace {

// Counting the sessions looks at every live one with the tracker locked: at most this part of the time.
constexpr std::int64_t counting_part = 1'000;
constexpr std::int64_t counting_interval_us_min = 1'000'000;
// Of brief reads, before the loop is told.
constexpr std::size_t reads_at_a_time_max = 64;
// Of the loop, before a group is committed. Measured with 64 connections on one processor: fewer make groups
// half as large, more gather hardly more.
constexpr int gathering_turns = 6;

}  // namespace

struct background::impl {
    impl(logger& l, metrics* c) : log(l), counted(c) {}

    // When the loop has done what is ready, then what came in meanwhile, and so on: each sync of the disk
    // that is saved so is worth a few heartbeats.
    void commit_after(int turns) {
        post([this, turns] { turns > 1 ? commit_after(turns - 1) : wake_committer(); });
    }

    void wake_committer() {
        {
            const std::lock_guard lock(mutex);
            work = true;
            if (committing) return;  // seen at its end
        }
        changed.notify_one();
    }

    void prepare() {
        guarded("answers", [&] { tracked->prepare_pending(); });
    }

    void complete() {
        guarded("answers", [&] { tracked->complete_pending(); });
    }

    // A group at a time: while its answers are sent the next one gathers. More and smaller ones would cost a
    // sync of the disk each.
    void commit_loop() {
        std::unique_lock lock(mutex);
        for (;;) {
            changed.wait(lock, [&] { return work || ending; });
            if (ending) break;
            work = false;
            committing = true;
            lock.unlock();
            bool more = false;
            guarded("commit", [&] {
                more = tracked->commit_group();
                if (!post) tracked->complete_pending();
            });
            lock.lock();
            committing = false;
            if (!more && !work) continue;
            work = !post;
            lock.unlock();
            if (post) commit_after(gathering_turns);
            lock.lock();
        }
        lock.unlock();
        guarded("commit", [&] { tracked->commit_pending(); });
    }

    void sweep_loop() {
        std::int64_t next_in_ms = 0;
        job_log jobs(log);
        while (pause(next_in_ms)) {
            next_in_ms = checkpoint_interval_ms;  // where the sweep throws
            guarded("sweep", [&] {
                const auto report = tracked->sweep();
                next_in_ms = report.next_in_ms;
                tell_verdicts(report, *tracked, log, counted);
                jobs.tell(tracked->jobs());
                count_sessions();
            });
            ++sweeps;
        }
    }

    void count_sessions() {
        if (!counted) return;
        const auto began_us = counted->now_us();
        if (began_us < count_again_us) return;
        const auto found = tracked->health();
        counted->sessions_are(found ? std::optional(found->by_status) : std::nullopt);
        const auto now_us = counted->now_us();
        count_again_us = now_us + std::max(counting_interval_us_min, counting_part * (now_us - began_us));
    }

    void checkpoint_loop() {
        job_log jobs(log);
        while (pause(checkpoint_interval_ms)) {
            guarded("checkpoint", [&] {
                if (const auto done = keep->checkpoint(); !done)
                    jobs.tell_failure("checkpoint", done.error().code.message(), done.error().detail);
                else
                    jobs.tell_success("checkpoint");
            });
        }
    }

    void connect_loop(const std::function<bool(std::int64_t attempt)>& attempt) {
        bool done = false;
        for (std::int64_t failed = 1; !done && wait_moving(connect_delay_ms(failed)); ++failed)
            guarded("connect", [&] { done = attempt(failed + 1); });
    }

    // Waits, and yet is seen to move.
    bool wait_moving(std::int64_t ms) {
        for (; ms > 0; ms -= checkpoint_interval_ms) {
            if (!pause(std::min(ms, checkpoint_interval_ms))) return false;
            ++sweeps;
        }
        return true;
    }

    void read_loop() {
        std::vector<std::function<void()>> done;  // the loop has not been told yet
        for (std::unique_lock lock(mutex);;) {
            const bool goes_on = !reads.empty() && reads.front().brief && done.size() < reads_at_a_time_max;
            if (!done.empty() && !goes_on) {
                lock.unlock();
                tell_loop(std::exchange(done, {}));
                lock.lock();
                continue;
            }
            ++readers_waiting;
            reads_changed.wait(lock, [&] { return !reads.empty() || stopping; });
            --readers_waiting;
            if (reads.empty()) return;
            auto job = std::move(reads.front());
            reads.pop_front();
            // Others do not wait for a long one.
            if (!job.brief && !reads.empty()) reads_changed.notify_one();
            lock.unlock();
            guarded("read", [&] {
                if (auto rest = job.work()) done.push_back(std::move(rest));
            });
            job = {};  // what it holds is let go before the next wait
            lock.lock();
        }
    }

    void tell_loop(std::vector<std::function<void()>> done) {
        auto all = [this, done = std::move(done)] {
            for (const auto& one : done) guarded("answer", one);
        };
        if (post)
            post(std::move(all));
        else
            all();
    }

    // After this turn of the loop: by then all that it reads has come.
    void wake_reader() {
        if (post)
            post([this] { reads_changed.notify_one(); });
        else
            reads_changed.notify_one();
    }

    // False: the end has come.
    bool pause(std::int64_t ms) {
        std::unique_lock lock(mutex);
        paused.wait_for(lock, std::chrono::milliseconds(ms), [&] { return stopping; });
        return !stopping;
    }

    template <class F>
    void guarded(std::string_view what, F&& f) {
        try {
            f();
        } catch (const std::exception& e) {
            log.error("background job failed", {{"name", what}, {"error", e.what()}});
        }
    }

    logger& log;
    metrics* const counted;
    poster post;  // set before any thread runs
    statetrack::tracker* tracked = nullptr;
    statetrack::store* keep = nullptr;

    std::mutex mutex;
    std::condition_variable changed, reads_changed, paused;
    bool work = false;
    bool committing = false;  // the commit thread has a group
    bool stopping = false;    // no new reads; sweeps and checkpoints end
    bool ending = false;      // the commit thread ends too
    std::deque<blocking_job> reads;
    std::size_t readers_waiting = 0;
    std::vector<std::thread> threads;
    std::thread committer;
    std::thread connector;
    std::atomic<std::int64_t> sweeps{0};
    std::int64_t count_again_us = 0;  // the sweeper's own
};

background::background(logger& log, metrics* counted) : impl_(std::make_unique<impl>(log, counted)) {}
background::~background() { stop(); }

void background::join_loop(poster post) { impl_->post = std::move(post); }

void background::work_waits() {
    auto& i = *impl_;
    if (i.post)
        i.commit_after(gathering_turns);
    else
        i.wake_committer();
}

void background::commit_begins() {
    auto& i = *impl_;
    if (i.post) i.post([&i] { i.prepare(); });
}

void background::answers_wait() {
    auto& i = *impl_;
    if (i.post)
        i.post([&i] { i.complete(); });
    else
        i.complete();
}

void background::start() {
    auto& i = *impl_;
    for (std::size_t n = 0; n < readers; ++n) i.threads.emplace_back([&i] { i.read_loop(); });
}

void background::attend(statetrack::tracker& tracked, statetrack::store& keep) {
    auto& i = *impl_;
    i.tracked = &tracked;
    i.keep = &keep;
    i.committer = std::thread([&i] { i.commit_loop(); });
    i.threads.emplace_back([&i] { i.sweep_loop(); });
    i.threads.emplace_back([&i] { i.checkpoint_loop(); });
}

void background::connect(std::function<bool(std::int64_t attempt)> attempt) {
    auto& i = *impl_;
    i.connector = std::thread([&i, attempt = std::move(attempt)] { i.connect_loop(attempt); });
}

std::int64_t background::moves() const noexcept { return impl_->sweeps; }

bool background::read(blocking_job job) {
    auto& i = *impl_;
    bool wakes = false;
    {
        const std::lock_guard lock(i.mutex);
        if (i.stopping || i.reads.size() >= reads_waiting_max) return false;
        // A reader that has been told takes brief ones until there is none left.
        wakes = i.readers_waiting > 0 && (i.reads.empty() || !job.brief);
        i.reads.push_back(std::move(job));
    }
    if (wakes) i.wake_reader();
    return true;
}

void background::stop() {
    auto& i = *impl_;
    {
        const std::lock_guard lock(i.mutex);
        i.stopping = true;
    }
    i.paused.notify_all();
    i.reads_changed.notify_all();
    // First: it may still start others.
    if (i.connector.joinable()) i.connector.join();
    for (auto& t : i.threads) t.join();
    i.threads.clear();
    // Last: a sweep or a cleanup under way may still wait for a commit of its own.
    {
        const std::lock_guard lock(i.mutex);
        i.work = true;  // perhaps told to a loop that has ended
        i.ending = true;
    }
    i.changed.notify_all();
    if (i.committer.joinable()) i.committer.join();
}

}  // namespace statetrackd
