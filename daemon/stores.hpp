// DATABASE_URL into a store: the one place of the daemon that knows which there are.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "statetrack/error.hpp"
#include "statetrack/sqlite_snapshot.hpp"
#include "statetrack/storage.hpp"

namespace statetrackd {

// `sqlite:PATH` or `memory:`. Errors: validation_failed (no such store in this build), store_in_use (another
// process has it open), schema_too_new, store_corrupt, store_unavailable.
statetrack::result<std::unique_ptr<statetrack::store>> open_store(const std::string& database_url);

// The same as it is now, may a daemon have it open or not. Errors: validation_failed (there is no file to be
// looked at), those of open_sqlite_snapshot.
statetrack::result<std::unique_ptr<statetrack::sqlite_snapshot>> open_snapshot(
    const std::string& database_url, std::function<bool()> interrupted);

}  // namespace statetrackd
