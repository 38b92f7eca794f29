// A request and a response as plain structs: what handlers see. Knows no socket and no parser.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/header_fields.hpp"

namespace statetrackd {

enum class verb : std::uint8_t { get, head, post, patch, put, del, options, other };
inline constexpr std::size_t verbs = 8;

verb verb_of(std::string_view method_name);
std::string_view name_of(verb method);

// The header fields that decide anything, taken before the body is read. Trailers decide nothing: they are
// dropped.
struct request_fields {
    std::string api_key{};
    std::string authorization{};
    std::string request_id{};
    std::string if_match{};
    std::string if_none_match{};
    std::string prefer{};
    std::string accept{};
    std::string session_epoch{};
    std::optional<std::string> idempotency_key{};  // an empty one is wrong, not absent
    std::string origin{};
    std::string access_control_request_method{};
    std::string host{};
};

struct request {
    verb method = verb::get;
    std::string target{};
    request_fields fields{};
    std::string body{};
    std::string remote{};  // the peer's address
};

struct response {
    // No answer: memory did not do, and the call is to be asked again where it may wait.
    static constexpr int would_wait = 0;

    int status = 200;
    std::string body{};
    std::string_view content_type = "application/json";
    header_fields headers{};

    void set(std::string_view name, std::string_view value) { headers.add(name, value); }
};

std::string_view reason_phrase(int status);

// The statuses that have a phrase, numbered; the place of any other is statuses_known, whose status is 0.
inline constexpr std::size_t statuses_known = 25;
std::size_t place_of_status(int status);
int status_at(std::size_t place);

}  // namespace statetrackd
