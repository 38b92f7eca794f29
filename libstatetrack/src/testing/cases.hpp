// The chapters of the conformance suite; each appends its cases.
#pragma once

#include <vector>

#include "statetrack/testing/conformance.hpp"

namespace statetrack::testing {

using case_list = std::vector<conformance_case>;

void add_row_cases(case_list& to);        // what is written comes back; keys and ordinals
void add_check_cases(case_list& to);      // what a column or a row cannot hold
void add_unique_cases(case_list& to);     // unique indexes, partial ones and those where nulls are equal
void add_reference_cases(case_list& to);  // tasks and their sessions
void add_patch_cases(case_list& to);      // versioned patches
void add_beat_cases(case_list& to);       // plain heartbeats
void add_select_cases(case_list& to);     // every part of a query
void add_count_cases(case_list& to);      // tallies against a recount
void add_group_cases(case_list& to);      // units and their neighbours
void add_view_cases(case_list& to);       // what readers see, beside a writer too
void add_at_once_cases(case_list& to);    // what is answered from memory
void add_reopen_cases(case_list& to);     // what outlives the store
void add_random_cases(case_list& to);     // long mixed histories against a naive model

}  // namespace statetrack::testing
