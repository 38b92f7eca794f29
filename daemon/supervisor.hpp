// The process manager's side of a start and a stop, by its plain protocol (sd_notify(3), sd_listen_fds(3),
// sd_watchdog_enabled(3)): a datagram to $NOTIFY_SOCKET, and three numbers in the environment.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace statetrackd {

using environment = std::function<std::optional<std::string>(std::string_view name)>;

// Safe to call from several threads.
class supervisor {
public:
    // Nothing of it is there where the environment does not say so, or speaks of another process.
    supervisor(const environment& of, std::int64_t own_pid);

    // `READY=1`, `STOPPING=1`, `WATCHDOG=1`, ... False where nobody listens; never blocks.
    bool tell(std::string_view state) const;
    // Within which it expects WATCHDOG=1 again and again; 0: it does not.
    std::int64_t watchdog_ms() const noexcept { return watchdog_ms_; }

private:
    std::string address_;
    std::int64_t watchdog_ms_ = 0;
};

// When the watchdog is fed: by the loop that asks, twice in its time at least, and only where the sweeper has
// moved since the last feeding. Of one thread.
class watchdog {
public:
    explicit watchdog(std::int64_t within_ms) : within_ms_(within_ms) {}

    // `sweeps` grows as the sweeper moves.
    bool is_to_be_fed(std::int64_t now_ms, std::int64_t sweeps);

private:
    const std::int64_t within_ms_;
    std::optional<std::int64_t> fed_at_ms_{};
    std::int64_t sweeps_then_ = -1;
};

// A socket that is listening already when the daemon starts, so that nobody is refused while it restarts.
struct inherited_socket {
    int descriptor = -1;    // -1: there is none
    std::string problem{};  // not empty: there are some, and not what can be served
};
// `first`: the descriptor that the protocol begins with. Is closed at exec from here on.
inherited_socket inherit_socket(const environment& of, std::int64_t own_pid, int first = 3);

}  // namespace statetrackd
