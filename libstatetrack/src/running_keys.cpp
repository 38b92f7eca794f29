#include "running_keys.hpp"

namespace statetrack {

error key_reused_error() {
    return error(errc::idempotency_key_reused,
                 "this idempotency key was used for another request; choose a new one");
}

result<running_keys::claim> running_keys::take(const idempotency_key& under) {
    std::pair place(under.caller, under.key);
    const std::lock_guard lock(mutex_);
    const auto [there, taken] = running_.try_emplace(place, under.fingerprint);
    if (taken) return claim(*this, std::move(place));
    if (there->second != under.fingerprint) return key_reused_error();
    return error(errc::request_in_progress,
                 "the same request is still running under this idempotency key; ask again shortly");
}

void running_keys::release(const std::pair<std::string, std::string>& place) {
    const std::lock_guard lock(mutex_);
    running_.erase(place);
}

}  // namespace statetrack
