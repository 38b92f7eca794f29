#include "commit_queue.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace statetrack {

commit_queue::commit_queue(store& keep, std::function<void()> on_work, std::function<void()> on_done,
                           std::function<void()> on_commit)
    : keep_(keep),
      on_work_(std::move(on_work)),
      on_done_(std::move(on_done)),
      preparation_(std::move(on_commit)) {}

commit_queue::~commit_queue() {
    // Posted and never drained: not done, and nobody left to be told.
    for (auto* job : waiting_) delete job;  // a blocking caller is gone before its tracker
}

void commit_queue::run(std::span<commit_job* const> jobs) {
    std::unique_lock lock(mutex_);
    for (auto* job : jobs) waiting_.push_back(job);  // a deque inserts a range into an empty one at the front
    const auto done = [&] {
        return std::all_of(jobs.begin(), jobs.end(), [](const commit_job* job) { return job->settled_; });
    };
    while (!done()) {
        if (leading_)
            settled_.wait(lock);
        else
            lead(lock);
    }
    const bool word = owes_word();
    const bool left_for_drain = !waiting_.empty() || (!on_done_ && !finished_.empty());
    lock.unlock();
    if (word) on_done_();
    if (left_for_drain && on_work_) on_work_();
}

void commit_queue::post(std::unique_ptr<commit_job> job) {
    bool was_idle = false;
    {
        std::lock_guard lock(mutex_);
        was_idle = waiting_.empty();
        job->posted_ = true;
        waiting_.push_back(job.release());  // owned by the queue: lead hands it on to finished_
    }
    if (was_idle && on_work_) on_work_();
}

std::size_t commit_queue::drain() {
    std::size_t called = 0;
    for (std::unique_lock lock(mutex_);;) {
        const bool completes = !on_done_ && !finished_.empty();
        if (!completes && waiting_.empty() && !leads_posted_) return called;
        if (!completes && leading_) {
            settled_.wait(lock);
            continue;
        }
        if (!completes) lead(lock);
        const bool word = owes_word();
        lock.unlock();
        if (word) on_done_();
        if (completes) called += complete();
        lock.lock();
    }
}

bool commit_queue::commit_group() {
    std::unique_lock lock(mutex_);
    settled_.wait(lock, [&] { return !leading_; });
    if (!waiting_.empty()) lead(lock);
    const bool word = owes_word();
    const bool more = !waiting_.empty();
    lock.unlock();
    if (word) on_done_();
    return more;
}

std::size_t commit_queue::complete() {
    std::vector<std::unique_ptr<commit_job>> ready;
    {
        std::lock_guard lock(mutex_);
        ready.swap(finished_);
        told_ = false;
    }
    // One that throws keeps none of the others from being called.
    std::exception_ptr thrown;
    for (auto& job : ready) {
        try {
            job->complete(job->outcome());
        } catch (...) {
            if (!thrown) thrown = std::current_exception();
        }
        if (!preparation_.is_wanted() || !job->wants_preparing_) job.reset();
    }
    const auto called = ready.size();
    preparation_.leave(std::move(ready));
    if (thrown) std::rethrow_exception(thrown);
    return called;
}

bool commit_queue::owes_word() { return on_done_ && !finished_.empty() && !std::exchange(told_, true); }

std::uint64_t commit_queue::settled_ever() const {
    std::lock_guard lock(mutex_);
    return settled_ever_;
}

void commit_queue::lead(std::unique_lock<std::mutex>& lock) {
    leading_ = true;
    group_.clear();
    while (!waiting_.empty() && group_.size() < group_units_max) {
        leads_posted_ = leads_posted_ || waiting_.front()->posted_;
        group_.push_back(waiting_.front());
        waiting_.pop_front();
    }
    lock.unlock();

    units_.clear();
    for (auto* job : group_) units_.push_back(&job->unit_);
    preparation_.expect(group_);
    keep_.execute(units_);
    preparation_.end();
    for (auto* job : group_) job->settle(job->outcome());

    lock.lock();
    leading_ = leads_posted_ = false;
    settled_ever_ += group_.size();
    for (auto* job : group_) {
        job->settled_ = true;
        if (job->posted_) finished_.emplace_back(job);
    }
    settled_.notify_all();
}

}  // namespace statetrack
