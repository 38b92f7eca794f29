// The daemon's own threads: one commits, one sweeps, one checkpoints, a few read. What may block the disk
// blocks here, never a connection. Between the loop and the threads that commit and read one word a group
// crosses each way, not one a request: waking a thread costs as much as a heartbeat.
#pragma once

#include <functional>
#include <memory>

#include "api/blocking_job.hpp"
#include "observe/log.hpp"
#include "observe/metrics.hpp"
#include "statetrack/clock.hpp"
#include "statetrack/storage.hpp"
#include "statetrack/tracker.hpp"

namespace statetrackd {

inline constexpr std::size_t readers = 2;
inline constexpr std::size_t reads_waiting_max = 1'024;
inline constexpr std::int64_t checkpoint_interval_ms = 1'000;

// Safe to call from several threads.
class background {
public:
    // `counted` may be null; else it is told how many sessions there are.
    explicit background(logger& log, metrics* counted = nullptr);
    // Stops, if that has not been done.
    ~background();
    background(const background&) = delete;
    background& operator=(const background&) = delete;

    // The loop that requests are enqueued on and answered from: `post` runs a job there, behind what is
    // ready. Once, before all else; without it commits begin at once and answers come from the commit thread.
    using poster = std::function<void(std::function<void()>)>;
    void join_loop(poster post);
    // For tracker_options::on_work: work waits for the commit thread, which is told when the loop has done
    // all that was ready, and takes one group then. May be called before start.
    void work_waits();
    // For tracker_options::on_commit: a commit is under way, and the loop may prepare its answers.
    void commit_begins();
    // For tracker_options::on_done: answers wait for the loop.
    void answers_wait();
    // The readers.
    void start();
    // Commits, sweeps, checkpoints. Both must outlive the threads. Once, before stop.
    void attend(statetrack::tracker& tracked, statetrack::store& keep);
    // Calls `attempt` on a thread of its own after connect_delay_ms, again and again until it says that it
    // has succeeded; it may call attend. The first attempt is taken to have failed already.
    void connect(std::function<bool(std::int64_t attempt)> attempt);
    // Grows with every pass of the sweeper, and every second while connect waits: whoever does not move
    // hangs.
    std::int64_t moves() const noexcept;
    // Runs the job on a reader; false where too many are waiting, or after stop.
    bool read(blocking_job job);
    // What waits is finished, then the threads end.
    void stop();

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

}  // namespace statetrackd
