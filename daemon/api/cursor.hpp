// Opaque cursors of lists: where the next page begins, bound to the list's filter.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace statetrackd {

std::string make_cursor(std::int64_t after, std::string_view filter);
// Nothing where the text is no cursor, or one of another filter.
std::optional<std::int64_t> read_cursor(std::string_view text, std::string_view filter);

}  // namespace statetrackd
