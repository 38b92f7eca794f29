// The idempotency keys whose requests are between being asked and being durable: of those asked at once, one
// runs. Knows nothing of the store.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "statetrack/error.hpp"
#include "statetrack/idempotency.hpp"

namespace statetrack {

// Safe to call from several threads. Must outlive its claims.
class running_keys {
public:
    // Holds a key until it is destroyed.
    class claim {
    public:
        claim(claim&& other) noexcept
            : keys_(std::exchange(other.keys_, nullptr)), place_(std::move(other.place_)) {}
        claim& operator=(claim&&) = delete;
        ~claim() {
            if (keys_) keys_->release(place_);
        }

    private:
        friend class running_keys;
        claim(running_keys& keys, std::pair<std::string, std::string> place)
            : keys_(&keys), place_(std::move(place)) {}

        running_keys* keys_;
        std::pair<std::string, std::string> place_;  // caller, key
    };

    // Errors: request_in_progress, idempotency_key_reused (it runs for another request).
    result<claim> take(const idempotency_key& under);

private:
    void release(const std::pair<std::string, std::string>& place);

    std::mutex mutex_;
    std::map<std::pair<std::string, std::string>, std::string> running_;  // with their fingerprints
};

error key_reused_error();

}  // namespace statetrack
