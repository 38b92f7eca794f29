// Group commit: many callers, one execute. The first blocking caller in line commits for all (the writers'
// queue of LevelDB); what was posted with a completion is called back by whoever calls drain, never by such a
// leader.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "statetrack/storage.hpp"

namespace statetrack {

inline constexpr std::size_t group_units_max = 1'024;

struct commit_job {
    unit_of_work unit{};
    std::function<void(const result<>&)> settle{};  // right after the commit, in its order; effects on memory
    std::function<void(const result<>&)> complete{};  // by drain only; empty for blocking callers
    bool settled = false;
};

// Safe to call from several threads.
class commit_queue {
public:
    // on_work: called, under no lock, when post or a blocking leader leaves something for drain.
    commit_queue(store& keep, std::function<void()> on_work);
    ~commit_queue();
    commit_queue(const commit_queue&) = delete;
    commit_queue& operator=(const commit_queue&) = delete;

    // Returns when all are settled.
    void run(std::span<commit_job> jobs);
    void post(std::unique_ptr<commit_job> job);
    // Commits what has gathered, and calls completions until none is left. How many it called.
    std::size_t drain();

private:
    // Takes a group, executes and settles it. Called with the lock held and no leader; returns with it held.
    void lead(std::unique_lock<std::mutex>& lock);

    store& keep_;
    std::function<void()> on_work_;
    std::mutex mutex_;
    std::condition_variable settled_;
    bool leading_ = false;
    std::deque<commit_job*> waiting_;
    std::deque<std::unique_ptr<commit_job>> finished_;  // posted ones whose completion is due
};

}  // namespace statetrack
