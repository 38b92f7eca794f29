// Runs a test of the tracker on every backend, durable ones in a folder of their own.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <string>

#include "harness.hpp"
#include "temp_dir.hpp"
#ifdef STATETRACK_HAVE_SQLITE
#include "statetrack/sqlite_store.hpp"
#endif

namespace statetrack::testing {

#ifdef STATETRACK_HAVE_SQLITE
inline std::unique_ptr<store> open_sqlite_in(const temp_dir& folder) {
    return value_of(open_sqlite_store({.path = (folder.path() / "test.db").string()}), "open_sqlite_store");
}
#endif

inline void for_each_backend(const std::function<void(harness&)>& body, const tracker_options& options = {}) {
    SUBCASE("memory") {
        harness h(options);
        body(h);
    }
#ifdef STATETRACK_HAVE_SQLITE
    SUBCASE("sqlite") {
        const temp_dir folder;
        harness h(options, open_sqlite_in(folder));
        body(h);
    }
#endif
}

}  // namespace statetrack::testing
