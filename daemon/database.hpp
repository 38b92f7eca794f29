// The store with all that stands before it (breaker, timing) and the tracker over it: opened at the start, or
// later where the store is not there yet.
#pragma once

#include <functional>
#include <memory>

#include "guard/circuit_breaker.hpp"
#include "observe/log.hpp"
#include "observe/metrics.hpp"
#include "statetrack/ids.hpp"
#include "statetrack/storage.hpp"
#include "statetrack/tracker.hpp"

namespace statetrackd {

inline constexpr std::int64_t connect_delay_ms_max = 30'000;

// Open from one thread at a time. All that it is given must outlive it.
class database {
public:
    using opener = std::function<statetrack::result<std::unique_ptr<statetrack::store>>()>;
    struct parts {
        const statetrack::clock& time;
        statetrack::id_source& ids;
        circuit_breaker& breaker;
        metrics& counted;
        logger& log;
    };
    database(opener open_store, statetrack::tracker_options options, parts with);
    ~database();
    database(const database&) = delete;
    database& operator=(const database&) = delete;

    // Errors: those of the opener and of tracker::open. After one it may be called again.
    statetrack::result<> open();

    // Once it is open; until then null.
    statetrack::tracker* tracked() const noexcept { return tracked_.get(); }
    statetrack::store* keep() const noexcept { return guarded_.get(); }

private:
    const opener open_store_;
    const statetrack::tracker_options options_;
    const parts with_;
    std::unique_ptr<statetrack::store> raw_, timed_, guarded_;
    std::unique_ptr<statetrack::tracker> tracked_;
};

// Whether waiting may help where a store could not be opened: not where it is somebody else's, newer than we
// are, or in use by another daemon.
bool may_pass(const statetrack::error& e);

// Before the next attempt, after so many in vain: 1 s, doubled up to connect_delay_ms_max.
std::int64_t connect_delay_ms(std::int64_t attempts);

}  // namespace statetrackd
