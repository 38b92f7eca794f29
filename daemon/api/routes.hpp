// The one table of routes.
#pragma once

#include <vector>

#include "api/call.hpp"

namespace statetrackd {

const std::vector<route>& all_routes();

// What the metrics count by.
std::vector<endpoint> endpoints_of(const std::vector<route>& routes);

}  // namespace statetrackd
