// Group commit: many callers, one execute. The first blocking caller in line commits for all (the writers'
// queue of LevelDB); what was posted with a completion is called back by whoever calls drain or complete,
// never by such a leader.
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

#include "commit_job.hpp"
#include "preparation.hpp"

namespace statetrack {

inline constexpr std::size_t group_units_max = 1'024;

// Safe to call from several threads.
class commit_queue {
public:
    // Both are called under no lock. on_work: post, or a blocking leader, leaves something for drain.
    // on_done: something is left for complete; where it is empty drain completes too.
    // on_commit: a commit begins, and meanwhile there is something to prepare. Called within the store.
    commit_queue(store& keep, std::function<void()> on_work, std::function<void()> on_done = {},
                 std::function<void()> on_commit = {});
    ~commit_queue();
    commit_queue(const commit_queue&) = delete;
    commit_queue& operator=(const commit_queue&) = delete;

    // Returns when all are settled.
    void run(std::span<commit_job* const> jobs);
    void post(std::unique_ptr<commit_job> job);
    // Commits what has gathered until nothing is left, not in another thread's group either. How many
    // completions it called.
    std::size_t drain();
    // Commits one group of what waits, without completions: where on_done is given. Whether more waits.
    bool commit_group();
    // Calls the completions that are due. How many.
    std::size_t complete();
    // Prepares those whose commit is under way until all are, or it is over, and destroys those of the last
    // complete that wanted to be prepared: while the disk works there is time for both. How many it prepared.
    std::size_t prepare() { return preparation_.run(); }
    // How many jobs ever were.
    std::uint64_t settled_ever() const;

private:
    // Takes a group, executes and settles it. Called with the lock held and no leader; returns with it held.
    void lead(std::unique_lock<std::mutex>& lock);
    // Somebody is to be told: completions are due, and nobody has been told since there were none.
    bool owes_word();

    store& keep_;
    const std::function<void()> on_work_, on_done_;
    mutable std::mutex mutex_;
    std::condition_variable settled_;
    std::uint64_t settled_ever_ = 0;
    bool leading_ = false;
    bool leads_posted_ = false;  // the group being executed holds posted ones
    std::deque<commit_job*> waiting_;
    std::vector<std::unique_ptr<commit_job>> finished_;  // posted ones whose completion is due
    bool told_ = false;                                  // of what is in it
    // The leader's own, kept between groups.
    std::vector<commit_job*> group_;
    std::vector<unit_of_work*> units_;
    preparation preparation_;
};

}  // namespace statetrack
