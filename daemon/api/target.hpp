// A request target in origin form, taken apart: `/api/sessions?limit=5`.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace statetrackd {

struct target {
    std::vector<std::string> segments{};  // percent-decoded one by one: `%2F` separates nothing
    std::vector<std::pair<std::string, std::string>> query{};
};

// Nothing where it is no origin form, or decodes to a NUL or to invalid UTF-8.
std::optional<target> parse_target(std::string_view text);

// The target without its query, as it was sent.
std::string_view path_of(std::string_view text);

// For a path segment: everything but the unreserved characters of RFC 3986 is percent-encoded.
std::string encode_segment(std::string_view text);

}  // namespace statetrackd
