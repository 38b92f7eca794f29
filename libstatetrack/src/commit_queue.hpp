// Group commit: many callers, one execute. The first blocking caller in line commits for all (the writers'
// queue of LevelDB); what was posted with a completion is called back by whoever calls drain or complete,
// never by such a leader.
#pragma once

#include <atomic>
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

class commit_queue;

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
    // Of a posted one, by drain or complete.
    virtual void complete(const result<>&) {}
    // Of a posted one that wants it, by prepare: its body has run, its commit is under way. Not while it
    // runs; a body that is run again has the last word.
    virtual void prepare() {}

    const result<>& outcome() const { return unit_.outcome; }

protected:
    // For its constructor: which session it is about to find, see unit_of_work.
    void finds(const uuid& session_id) { unit_.finds = session_id; }
    // The same: that it wants to be prepared.
    void wants_preparing() { wants_preparing_ = true; }

private:
    friend class commit_queue;
    result<> run_in_group(transaction& in);

    unit_of_work unit_{.body = [this](transaction& in) { return run_in_group(in); }};
    commit_queue* ends_group_of_ = nullptr;  // the last one of a group, while that is executed
    commit_queue* prepared_by_ = nullptr;    // its body has run, and it may be being prepared
    bool wants_preparing_ = false;
    bool posted_ = false;
    bool settled_ = false;
};

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
    std::size_t prepare();
    // How many jobs ever were.
    std::uint64_t settled_ever() const;

private:
    friend class commit_job;
    // Takes a group, executes and settles it. Called with the lock held and no leader; returns with it held.
    void lead(std::unique_lock<std::mutex>& lock);
    // The bodies of the leader's group have run.
    void commit_begins();
    // From here on none of the group is being prepared, nor will be.
    void end_preparing();
    // Somebody is to be told: completions are due, and nobody has been told since there were none.
    bool owes_word();

    store& keep_;
    const std::function<void()> on_work_, on_done_, on_commit_;
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
    std::mutex preparing_mutex_;  // held while one is being prepared
    std::vector<commit_job*> to_prepare_;
    std::vector<std::unique_ptr<commit_job>> past_;  // called back, and destroyed by the next prepare
    std::atomic<bool> stops_preparing_ = false;
};

}  // namespace statetrack
