// What RFC 9112 demands of a server about where requests begin and end, as bytes and what must become of
// them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace statetrackd::testing {

enum class then : bool {
    keeps,  // the next request on the connection is served
    closes  // it is never looked at
};

struct framing_case {
    std::string rule;
    std::string bytes;
    int status = 400;
    then after = then::closes;
    std::string body{};  // that the answer must have; empty: any
};

inline constexpr std::size_t framing_body_bytes_max = 1'024;

std::vector<framing_case> message_cases();
std::vector<framing_case> request_line_cases();
std::vector<framing_case> host_cases();
std::vector<framing_case> field_cases();
std::vector<framing_case> length_cases();
std::vector<framing_case> coding_cases();
std::vector<framing_case> chunk_cases();
std::vector<framing_case> connection_cases();

}  // namespace statetrackd::testing
