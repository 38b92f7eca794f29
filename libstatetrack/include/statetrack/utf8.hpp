// Counts, checks and cuts UTF-8 (RFC 3629): for text that came in through the library and not through the
// JSON parser.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace statetrack {

// The number of code points; nothing where the text is not valid UTF-8 (overlong forms and surrogates
// included).
std::optional<std::size_t> count_code_points(std::string_view text);

// How many bytes the longest beginning of the text has that is valid UTF-8: where a text is to be cut, or
// what of it is sound.
std::size_t valid_utf8_bytes(std::string_view text);

}  // namespace statetrack
