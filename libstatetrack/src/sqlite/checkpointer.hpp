// Moves the write-ahead log into the database beside a busy writer.
#pragma once

#include <atomic>
#include <functional>

#include "sqlite/connection.hpp"
#include "sqlite/turns.hpp"

namespace statetrack::sqlite {

// Not safe to share between threads without a lock of the owner's; run_passes takes the writer's turn by
// itself.
class checkpointer {
public:
    // `writer` outlives it.
    checkpointer(database on, const database& writer);
    checkpointer(const checkpointer&) = delete;
    checkpointer& operator=(const checkpointer&) = delete;

    // `let_go` is called before each pass, and again in the writer's turn before the last one: a view that is
    // still open keeps a pass from what came after it, which the writer would be left with, and the log from
    // beginning anew. Afterwards the next commit begins the log anew where it had grown large, unless more
    // came meanwhile than could be copied.
    result<> run_passes(turns& writers_turn, const std::function<void()>& let_go);
    // In the writer's turn, after a commit: copies by itself where the log has grown so large that nobody
    // else seems to.
    void run_own_pass(const std::function<void()>& let_go);

private:
    database on_;
    const database& writer_;
    std::atomic<bool> took_over_ = false;
    std::atomic<int> log_pages_ = 0;  // as the last commit left it
    int copied_ = 0;                  // pages of the log, by the passes beside the writer
    int next_pass_at_ = 0;  // pages: the next pass of its own, where the last one could not copy all
};

}  // namespace statetrack::sqlite
