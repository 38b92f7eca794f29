// Holds every count that a store keeps against a recount of its rows.
#pragma once

#include "testing/trial.hpp"

namespace statetrack::testing {

void expect_counts_agree(trial& t, std::string_view when, place at = place::current());

}  // namespace statetrack::testing
