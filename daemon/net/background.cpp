#include "net/background.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace statetrackd {
namespace {

// How many of a pass are logged one by one; the rest stands in the events.
constexpr std::size_t logged_one_by_one_max = 100;

}  // namespace

struct background::impl {
    explicit impl(logger& l) : log(l) {}

    void commit_loop() {
        for (std::unique_lock lock(mutex);;) {
            changed.wait(lock, [&] { return work || ending; });
            if (!work && ending) return;
            work = false;
            lock.unlock();
            guarded("commit", [&] { tracked->commit_pending(); });
            lock.lock();
        }
    }

    void sweep_loop() {
        std::int64_t next_in_ms = 0;
        while (pause(next_in_ms)) {
            next_in_ms = checkpoint_interval_ms;  // where the sweep throws
            guarded("sweep", [&] {
                const auto report = tracked->sweep();
                next_in_ms = report.next_in_ms;
                tell(report);
            });
        }
    }

    void checkpoint_loop() {
        while (pause(checkpoint_interval_ms)) {
            guarded("checkpoint", [&] {
                if (const auto done = keep->checkpoint(); !done) tell_failure("checkpoint", done.error());
            });
        }
    }

    void read_loop() {
        for (std::unique_lock lock(mutex);;) {
            reads_changed.wait(lock, [&] { return !reads.empty() || stopping; });
            if (reads.empty()) return;
            auto job = std::move(reads.front());
            reads.pop_front();
            lock.unlock();
            guarded("read", job);
            job = nullptr;  // what it holds is let go before the next wait
            lock.lock();
        }
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
            log.error("background job failed", {{"job", what}, {"error", e.what()}});
        }
    }

    void tell_failure(std::string_view job, const statetrack::error& e) {
        log.error("background job failed", {{"job", job}, {"error", e.code.message()}, {"detail", e.detail}});
    }

    void tell(const statetrack::sweep_report& report) {
        for (const auto& e : report.errors) tell_failure("sweep", e);
        tell_sessions("session stalled", report.stalled);
        tell_sessions("session expired", report.expired);
        tell_sessions("session alive but not progressing", report.not_progressing);
        for (const auto& id : report.offline) log.warn("machine offline", {{"machine_id", id}});
        const auto affected =
            static_cast<std::int64_t>(report.stalled.size() + report.expired.size() +
                                      report.not_progressing.size() + report.offline.size()) +
            report.deleted_sessions;
        log.write(affected > 0 ? log_level::info : log_level::debug, "background job run",
                  {{"name", "sweep"},
                   {"affected", affected},
                   {"deleted_sessions", report.deleted_sessions},
                   {"duration_ms", report.duration_ms}});
    }

    void tell_sessions(std::string_view what, const std::vector<statetrack::uuid>& ids) {
        for (std::size_t i = 0; i < ids.size() && i < logged_one_by_one_max; ++i) {
            const auto found = tracked->find_session(ids[i]);
            if (!found) continue;
            const auto& s = found->row;
            log.warn(what,
                     {{"session_id", to_string(s.session_id)},
                      {"project_id", s.project_id},
                      {"machine_id", s.machine_id ? std::string_view(*s.machine_id) : std::string_view{}},
                      {"time_since_heartbeat_ms", tracked->now().ms - s.last_heartbeat.ms}});
        }
        if (ids.size() > logged_one_by_one_max)
            log.warn(what, {{"others", static_cast<std::int64_t>(ids.size() - logged_one_by_one_max)}});
    }

    logger& log;
    statetrack::tracker* tracked = nullptr;
    statetrack::store* keep = nullptr;

    std::mutex mutex;
    std::condition_variable changed, reads_changed, paused;
    bool work = false;
    bool stopping = false;  // no new reads; sweeps and checkpoints end
    bool ending = false;    // the commit thread ends too
    std::deque<std::function<void()>> reads;
    std::vector<std::thread> threads;
    std::thread committer;
};

background::background(logger& log) : impl_(std::make_unique<impl>(log)) {}
background::~background() { stop(); }

void background::work_waits() {
    {
        const std::lock_guard lock(impl_->mutex);
        impl_->work = true;
    }
    impl_->changed.notify_one();
}

void background::start(statetrack::tracker& tracked, statetrack::store& keep) {
    auto& i = *impl_;
    i.tracked = &tracked;
    i.keep = &keep;
    i.committer = std::thread([&i] { i.commit_loop(); });
    i.threads.emplace_back([&i] { i.sweep_loop(); });
    i.threads.emplace_back([&i] { i.checkpoint_loop(); });
    for (std::size_t n = 0; n < readers; ++n) i.threads.emplace_back([&i] { i.read_loop(); });
}

bool background::read(std::function<void()> job) {
    {
        const std::lock_guard lock(impl_->mutex);
        if (impl_->stopping || impl_->reads.size() >= reads_waiting_max) return false;
        impl_->reads.push_back(std::move(job));
    }
    impl_->reads_changed.notify_one();
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
    for (auto& t : i.threads) t.join();
    i.threads.clear();
    // Last: a sweep or a cleanup under way may still wait for a commit of its own.
    {
        const std::lock_guard lock(i.mutex);
        i.ending = true;
    }
    i.changed.notify_all();
    if (i.committer.joinable()) i.committer.join();
}

}  // namespace statetrackd
