// The Idempotency-Key field (draft-ietf-httpapi-idempotency-key-header-07): its syntax, what makes two
// requests the same one, and an answer as the text that is kept. Asks nothing of the tracker.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "api/call.hpp"
#include "statetrack/idempotency.hpp"

namespace statetrackd {

inline constexpr std::string_view idempotency_key_problem =
    "must be a string of 1 to 255 visible ASCII characters, in double quotes; a key without any character "
    "that needs them may do without";

// The key that the field's value names: a Structured Fields string (RFC 8941, 3.3.3; draft 2.1), or, as most
// clients send it, the same without quotes. Nothing where it is neither, has parameters, or is too long.
std::optional<std::string> parse_idempotency_key(std::string_view value);

// Equal for two requests exactly where they ask for the same: method, route, what stands for the route's
// parameters, epoch, and the body's content whatever its white space and the order of its members (draft
// 2.4). The caller is told apart by the hash of the API key, which names do not always do.
statetrack::idempotency_key idempotency_key_of(const call& asked, std::string key,
                                               const boost::json::object& body,
                                               std::optional<std::int64_t> epoch);

// Status, ETag, Location and body, byte for byte, and back.
std::string to_kept(const response& answer);
response from_kept(std::string_view kept);

}  // namespace statetrackd
