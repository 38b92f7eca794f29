// DATABASE_URL into a store: the one place of the daemon that knows which there are.
#pragma once

#include <memory>
#include <string>

#include "statetrack/error.hpp"
#include "statetrack/storage.hpp"

namespace statetrackd {

// `sqlite:PATH` or `memory:`. Errors: validation_failed (no such store in this build), store_in_use (another
// process has it open), schema_too_new, store_corrupt, store_unavailable.
statetrack::result<std::unique_ptr<statetrack::store>> open_store(const std::string& database_url);

}  // namespace statetrackd
