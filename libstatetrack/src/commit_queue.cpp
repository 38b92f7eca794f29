#include "commit_queue.hpp"

#include <algorithm>

namespace statetrack {

commit_queue::commit_queue(store& keep, std::function<void()> on_work)
    : keep_(keep), on_work_(std::move(on_work)) {}

commit_queue::~commit_queue() {
    // Posted and never drained: not done, and nobody left to be told.
    for (auto* job : waiting_) delete job;
}

void commit_queue::run(std::span<commit_job> jobs) {
    std::unique_lock lock(mutex_);
    for (auto& job : jobs) waiting_.push_back(&job);
    const auto done = [&] {
        return std::all_of(jobs.begin(), jobs.end(), [](const commit_job& job) { return job.settled; });
    };
    while (!done()) {
        if (leading_)
            settled_.wait(lock);
        else
            lead(lock);
    }
    const bool left_for_drain = !finished_.empty() || !waiting_.empty();
    lock.unlock();
    if (left_for_drain && on_work_) on_work_();
}

void commit_queue::post(std::unique_ptr<commit_job> job) {
    bool was_idle = false;
    {
        std::lock_guard lock(mutex_);
        was_idle = waiting_.empty();
        waiting_.push_back(job.release());  // owned by the queue: lead hands it on to finished_
    }
    if (was_idle && on_work_) on_work_();
}

std::size_t commit_queue::drain() {
    std::size_t called = 0;
    std::unique_lock lock(mutex_);
    while (!waiting_.empty() || !finished_.empty()) {
        if (finished_.empty()) {
            if (leading_)
                settled_.wait(lock);
            else
                lead(lock);
            continue;
        }
        auto ready = std::move(finished_);
        finished_.clear();
        lock.unlock();
        for (auto& job : ready) {
            job->complete(job->unit.outcome);
            ++called;
        }
        lock.lock();
    }
    return called;
}

void commit_queue::lead(std::unique_lock<std::mutex>& lock) {
    leading_ = true;
    std::vector<commit_job*> group;
    group.reserve(std::min(waiting_.size(), group_units_max));
    while (!waiting_.empty() && group.size() < group_units_max) {
        group.push_back(waiting_.front());
        waiting_.pop_front();
    }
    lock.unlock();

    std::vector<unit_of_work*> units;
    units.reserve(group.size());
    for (auto* job : group) units.push_back(&job->unit);
    keep_.execute(units);
    for (auto* job : group)
        if (job->settle) job->settle(job->unit.outcome);

    lock.lock();
    leading_ = false;
    for (auto* job : group) {
        job->settled = true;
        if (job->complete) finished_.emplace_back(job);
    }
    settled_.notify_all();
}

}  // namespace statetrack
