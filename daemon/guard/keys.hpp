// API keys: who may call. Keeps digests, never the keys themselves.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/http_message.hpp"

namespace statetrackd {

struct api_key {
    std::string name{};    // what events and logs call its holder
    std::string masked{};  // its first four characters
    std::array<std::uint8_t, 32> digest{};
};

// Overwrites the text in a way that the optimizer does not remove, and empties it.
void wipe(std::string& secret);
// For logs: the first four characters, the rest as stars.
std::string mask(std::string_view secret);

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

struct authentication {
    const api_key* holder = nullptr;
    std::string_view refusal{};  // why not, where there is no holder
    std::string masked{};        // what was presented, for the log
};

// X-API-Key counts before `Authorization: Bearer`.
authentication authenticate(const key_ring& keys, const request_fields& fields);

}  // namespace statetrackd
