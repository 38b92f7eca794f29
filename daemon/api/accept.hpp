// The Accept field: which media types a client names.
#pragma once

#include <string_view>

namespace statetrackd {

// Does an Accept field name the type itself, with a weight other than 0 (RFC 9110, 12.4.2)? Ranges do not
// count: who says */* takes what this API usually sends.
bool accepts(std::string_view field, std::string_view type);

}  // namespace statetrackd
