// API keys: who may call, and as what. Keeps digests, never the keys themselves.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/http_message.hpp"

namespace statetrackd {

// What a key's holder may do. Each may do what those before it may.
enum class role : std::uint8_t {
    read,    // GET and HEAD
    client,  // what an agent does: all but DELETE, cleanup and detect-failures
    admin,
};
std::string_view name_of(role r);

using sha256_digest = std::array<std::uint8_t, 32>;
sha256_digest sha256_of(std::string_view bytes);

struct api_key {
    std::string name{};    // what events and logs call its holder
    std::string masked{};  // its first four characters
    role may = role::admin;
    sha256_digest digest{};
};

// Overwrites the text in a way that the optimizer does not remove, and empties it.
void wipe(std::string& secret);
// For logs: the first four characters, the rest as stars.
std::string mask(std::string_view secret);
// Everything in the text that has the form of a key, wherever somebody may have put it by mistake.
void mask_keys(std::string& text);

// Immutable once filled; then safe to share between threads.
class key_ring {
public:
    // Adds keys separated by commas or line ends, each `uuid`, `name=uuid` or `name:role=uuid`; blank ones
    // and lines that start with # are passed over. Answers what is wrong, keys masked; then nothing was
    // added.
    std::vector<std::string> add(std::string_view text);

    // Compares with every key in constant time; nothing where the text is no UUID v4 or unknown.
    const api_key* find(std::string_view plain) const;

    const std::vector<api_key>& keys() const noexcept { return keys_; }

private:
    std::vector<api_key> keys_;
};

// The ring in use, exchanged as a whole: a request is judged by the old keys or by the new ones, never by
// some of each. Safe to call from several threads.
class keys_in_use {
public:
    explicit keys_in_use(key_ring ring = {}) : ring_(std::make_shared<const key_ring>(std::move(ring))) {}

    std::shared_ptr<const key_ring> current() const {
        const std::lock_guard lock(mutex_);
        return ring_;
    }
    void replace(key_ring ring) {
        auto next = std::make_shared<const key_ring>(std::move(ring));
        const std::lock_guard lock(mutex_);
        ring_.swap(next);
    }

private:
    mutable std::mutex mutex_;
    std::shared_ptr<const key_ring> ring_;
};

// Why nobody is let in.
enum class auth_failure : std::uint8_t { missing, malformed, unknown };
inline constexpr std::array<std::string_view, 3> auth_failure_names = {"missing", "malformed", "unknown"};

struct authentication {
    const api_key* holder = nullptr;              // of the ring that was asked
    auth_failure failed = auth_failure::missing;  // where there is no holder
    std::string_view refusal{};                   // the same in words
    std::string masked{};                         // what was presented, for the log
};

// X-API-Key counts before `Authorization: Bearer`.
authentication authenticate(const key_ring& keys, const request_fields& fields);

}  // namespace statetrackd
