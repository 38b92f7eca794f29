// Counts and checks UTF-8 (RFC 3629): for text that came in through the library and not through the JSON
// parser.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace statetrack {

// The number of code points; nothing where the text is not valid UTF-8 (overlong forms and surrogates
// included).
std::optional<std::size_t> count_code_points(std::string_view text);

}  // namespace statetrack
