// Judges a request's header before its body is read: what Beast lets through and must not be.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace statetrackd {

inline constexpr std::size_t header_fields_max = 64;
inline constexpr std::size_t header_bytes_max = 8'192;

// Views into the parser's header.
struct header_view {
    unsigned version = 11;
    std::string_view method{};
    std::string_view target{};
    std::vector<std::pair<std::string_view, std::string_view>> fields{};
};

struct header_refusal {
    int status = 400;
    std::string_view code{};
    std::string message{};
};

// Nothing where the header is fine. After a refusal the connection must be closed: where the next request
// would begin is not certain.
std::optional<header_refusal> judge_header(const header_view& header);

bool same_field_name(std::string_view a, std::string_view b);

}  // namespace statetrackd
