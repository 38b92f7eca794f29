// Every store that this build has, each as the conformance suite wants it.
#pragma once

#include <vector>

#include "statetrack/testing/conformance.hpp"

namespace statetrack::testing {

const std::vector<store_factory>& backends();

}  // namespace statetrack::testing
