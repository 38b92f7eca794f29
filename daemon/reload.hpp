// SIGHUP: the configuration is read again, and what a running daemon can exchange is exchanged.
#pragma once

#include <mutex>

#include "config.hpp"
#include "guard/keys.hpp"
#include "guard/limits.hpp"
#include "observe/log.hpp"

namespace statetrackd {

// Safe to call from several threads. What is exchanged must outlive it.
class reloader {
public:
    struct parts {
        keys_in_use& keys;
        limiter& limits;
        logger& log;
    };
    reloader(command_line first, surroundings world, parts in_use);

    // Keys, limits and log level, all of them or, where anything in the whole configuration is wrong, none.
    // Other settings that differ are logged: they need a restart. Reads files, so it may block.
    bool reload();

private:
    std::mutex mutex_;
    const command_line first_;
    const surroundings world_;
    const parts in_use_;
};

}  // namespace statetrackd
