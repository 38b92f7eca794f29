// Stores that break one promise each, and the cases of the conformance suite that have to notice.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hooked_store.hpp"
#include "statetrack/entities.hpp"
#include "statetrack/memory_store.hpp"
#include "statetrack/testing/conformance.hpp"

namespace statetrack::testing {

struct broken_store {
    std::string name;  // what it does wrong
    store_factory factory;
    std::vector<std::string_view> caught_by;
};

void add_broken_tables(std::vector<broken_store>& to);  // a constraint, index or tally gone wrong
void add_broken_reads(std::vector<broken_store>& to);   // find, select, count
void add_broken_writes(std::vector<broken_store>& to);  // insert, patch, beat, erase
void add_broken_groups(std::vector<broken_store>& to);  // execute, read, checkpoint, reopening

using making = std::function<std::unique_ptr<store>()>;

// A memory store that outlives what is opened over it, so that it can be reopened.
store_factory kept(std::string name, hooks by = {}, making make = make_memory_store);
inline broken_store hooked(std::string name, hooks by, std::vector<std::string_view> caught_by) {
    return {name, kept(name, std::move(by)), std::move(caught_by)};
}

// Every row of every table, and a store of such rows: renumbered, as whoever copies them would.
using rows_by_table = std::vector<std::vector<stored_row>>;
rows_by_table rows_of(store& from);
void fill(store& with, const rows_by_table& rows);

}  // namespace statetrack::testing
