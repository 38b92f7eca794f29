// Moves the write-ahead log into the database beside a busy writer.
#pragma once

#include "sqlite/connection.hpp"
#include "sqlite/turns.hpp"

namespace statetrack::sqlite {

// Not safe to share between threads without a lock of the owner's; takes the writer's turn by itself.
class checkpointer {
public:
    explicit checkpointer(database on) : on_(std::move(on)) {}

    result<> run_passes(turns& writers_turn, const database& writer);

private:
    database on_;
    bool took_over_ = false;
};

}  // namespace statetrack::sqlite
