// The daemon's own threads: one commits, one sweeps, one checkpoints, a few read. What may block the disk
// blocks here, never a connection.
#pragma once

#include <functional>
#include <memory>

#include "observe/log.hpp"
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
    explicit background(logger& log);
    // Stops, if that has not been done.
    ~background();
    background(const background&) = delete;
    background& operator=(const background&) = delete;

    // For tracker_options::on_work: work waits for the commit thread. May be called before start.
    void work_waits();
    // Both must outlive the threads.
    void start(statetrack::tracker& tracked, statetrack::store& keep);
    // Runs the job on a reader; false where too many are waiting, or after stop.
    bool read(std::function<void()> job);
    // What waits is finished, then the threads end.
    void stop();

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

}  // namespace statetrackd
