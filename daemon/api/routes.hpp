// The one table of routes.
#pragma once

#include <vector>

#include "api/call.hpp"

namespace statetrackd {

const std::vector<route>& all_routes();

}  // namespace statetrackd
