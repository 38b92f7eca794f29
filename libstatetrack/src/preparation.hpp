// What is done for a group's jobs while the disk has their commit: whoever calls run() prepares one after the
// other, and destroys those of groups that are past. A commit that is over waits for one job at most.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "commit_job.hpp"

namespace statetrack {

// run() from one thread at a time, expect() and end() from the one that executes the group.
class preparation {
public:
    // `on_begin`: there is something for run(). Called under no lock.
    explicit preparation(std::function<void()> on_begin);

    // Without it nobody is prepared.
    bool is_wanted() const noexcept { return static_cast<bool>(on_begin_); }

    // These are about to be executed: when the last body has run there is something to prepare. The group
    // stays where it is until the end.
    void expect(std::span<commit_job* const> group);
    // From here on none of them is being prepared, nor will be.
    void end();
    // Prepares them until all are, or it is over. How many it prepared.
    std::size_t run();
    // They have been called back, and wait for a run() that has time for them.
    void leave(std::vector<std::unique_ptr<commit_job>> past);

private:
    friend class commit_job;
    // The bodies have run.
    void begin();

    const std::function<void()> on_begin_;
    std::span<commit_job* const> group_{};
    std::atomic<bool> stops_ = false;
    std::mutex mutex_;  // held while one is being prepared
    std::vector<commit_job*> left_;
    std::vector<std::unique_ptr<commit_job>> past_;
};

}  // namespace statetrack
