// The memory store over tables other than schema(): how tests get a store that lacks one constraint.
#pragma once

#include <memory>
#include <vector>

#include "statetrack/storage.hpp"

namespace statetrack {

// Tables are found by their id, which is their place in the list, so callers go on naming those of schema().
std::unique_ptr<store> make_memory_store_of(std::vector<table> tables);

}  // namespace statetrack
