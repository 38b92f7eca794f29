// The id that a request goes by in its answer, in logs and in events.
#pragma once

#include <string>
#include <string_view>

#include "statetrack/ids.hpp"

namespace statetrackd {

inline constexpr std::size_t request_id_length_max = 128;

// The client's own where it is sane (1 to 128 letters, digits and `-_.:/+=@`), else a new UUID v4.
std::string request_id_for(std::string_view given, statetrack::id_source& ids);

}  // namespace statetrackd
