// Moves the write-ahead log into the database beside a busy writer.
#pragma once

#include <functional>

#include "sqlite/connection.hpp"
#include "sqlite/turns.hpp"

namespace statetrack::sqlite {

// Not safe to share between threads without a lock of the owner's; takes the writer's turn by itself.
class checkpointer {
public:
    explicit checkpointer(database on) : on_(std::move(on)) {}

    // `let_go` is called before each pass, and again in the writer's turn before the last one: a view that is
    // still open keeps a pass from what came after it, which the writer would be left with, and the log from
    // beginning anew.
    result<> run_passes(turns& writers_turn, const database& writer, const std::function<void()>& let_go);

private:
    database on_;
    bool took_over_ = false;
};

}  // namespace statetrack::sqlite
