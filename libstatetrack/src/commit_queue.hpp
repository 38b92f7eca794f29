// Group commit: many callers, one execute. The first blocking caller in line commits for all (the writers'
// queue of LevelDB); what was posted with a completion is called back by whoever calls drain, never by such a
// leader.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "statetrack/storage.hpp"

namespace statetrack {

inline constexpr std::size_t group_units_max = 1'024;

// One operation on its way through the queue.
class commit_job {
public:
    commit_job() = default;
    commit_job(const commit_job&) = delete;
    commit_job& operator=(const commit_job&) = delete;
    virtual ~commit_job() = default;

    // The body of its unit.
    virtual result<> run(transaction& in) = 0;
    // Right after the commit, in its order: effects on memory.
    virtual void settle(const result<>&) {}
    // Of a posted one, by drain.
    virtual void complete(const result<>&) {}

    const result<>& outcome() const { return unit_.outcome; }

private:
    friend class commit_queue;
    unit_of_work unit_{.body = [this](transaction& in) { return run(in); }};
    bool posted_ = false;
    bool settled_ = false;
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
    void run(std::span<commit_job* const> jobs);
    void post(std::unique_ptr<commit_job> job);
    // Commits what has gathered, and calls completions until none is left. How many it called.
    std::size_t drain();
    // How many jobs ever were.
    std::uint64_t settled_ever() const;

private:
    // Takes a group, executes and settles it. Called with the lock held and no leader; returns with it held.
    void lead(std::unique_lock<std::mutex>& lock);

    store& keep_;
    std::function<void()> on_work_;
    mutable std::mutex mutex_;
    std::condition_variable settled_;
    std::uint64_t settled_ever_ = 0;
    bool leading_ = false;
    std::deque<commit_job*> waiting_;
    std::vector<std::unique_ptr<commit_job>> finished_;  // posted ones whose completion is due
    // The leader's own, kept between groups.
    std::vector<commit_job*> group_;
    std::vector<unit_of_work*> units_;
};

}  // namespace statetrack
