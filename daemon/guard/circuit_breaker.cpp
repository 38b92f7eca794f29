#include "guard/circuit_breaker.hpp"

#include <algorithm>

namespace statetrackd {

circuit_breaker::permission circuit_breaker::ask(statetrack::instant now) {
    if (!is_open()) return permission::usual;
    const std::lock_guard lock(mutex_);
    if (state_ == state::closed) return permission::usual;
    if (state_ == state::trying || now - opened_at_ < open_for_ms) return permission::refused;
    state_ = state::trying;
    return permission::trial;
}

circuit_breaker::change circuit_breaker::report(permission was, bool worked, statetrack::instant now) {
    if (was == permission::refused || (was == permission::usual && worked)) return change::none;
    const std::lock_guard lock(mutex_);
    if (was == permission::trial) {
        failed_ = 0;
        opened_at_ = now;
        state_ = worked ? state::closed : state::open;
        return worked ? change::closed : change::none;
    }
    if (state_ != state::closed) return change::none;
    failures_[failed_++ % failures_to_open] = now;
    // The place that comes next holds the oldest of the last five.
    if (failed_ < failures_to_open || now - failures_[failed_ % failures_to_open] > failures_within_ms)
        return change::none;
    opened_at_ = now;
    state_ = state::open;
    return change::opened;
}

std::int64_t circuit_breaker::retry_after_s(statetrack::instant now) const {
    const std::lock_guard lock(mutex_);
    const auto left_ms = opened_at_ + open_for_ms - now;
    return std::max<std::int64_t>(1, (left_ms + 999) / 1'000);
}

}  // namespace statetrackd
