// Runs a test of the tracker on every backend.
#pragma once

#include <doctest/doctest.h>

#include <functional>

#include "backends.hpp"
#include "harness.hpp"

namespace statetrack::testing {

inline void for_each_backend(const std::function<void(harness&)>& body, const tracker_options& options = {}) {
    for (const auto& backend : backends()) {
        SUBCASE(backend.name.c_str()) {
            backend.reset();
            harness h(options, value_of(backend.open(), "open"));
            body(h);
        }
    }
}

}  // namespace statetrack::testing
