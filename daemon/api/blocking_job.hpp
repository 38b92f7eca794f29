// What a call leaves to a thread that may block.
#pragma once

#include <functional>

namespace statetrackd {

struct blocking_job {
    // On that thread; what it returns is run on the loop that answers.
    std::function<std::function<void()>()> work{};
    // The next ones may be done before what it returns is handed over: waking the loop takes as long as a
    // brief job does.
    bool brief = false;

    // Both on the calling thread.
    void run() const {
        if (const auto rest = work()) rest();
    }
};

}  // namespace statetrackd
