// What the text of a query depends on.
#pragma once

#include <span>
#include <string>

#include "statetrack/storage.hpp"

namespace statetrack::sql {

// Queries of one shape have one text, whatever their values: they differ in what goes into its placeholders
// only. No text itself; making it takes a fraction of the time.
std::string shape_of(const table& from, const query& what);
std::string shape_of(const table& from, std::span<const condition> where);

}  // namespace statetrack::sql
