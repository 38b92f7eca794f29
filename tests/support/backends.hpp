// Every store that this build has: as the conformance suite wants it, and under a tracker.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "statetrack/testing/conformance.hpp"
#include "temp_dir.hpp"

namespace statetrack::testing {

const std::vector<store_factory>& backends();

#ifdef STATETRACK_HAVE_SQLITE
// The folder's test.db. Throws where it does not open.
std::unique_ptr<store> open_sqlite_in(const temp_dir& folder);
#endif

}  // namespace statetrack::testing
