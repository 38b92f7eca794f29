// A row's values for one look: they point to where the row lies.
#pragma once

#include <boost/container/small_vector.hpp>

#include "statetrack/table.hpp"

namespace statetrack {

// On the stack for every table of the library.
using shown_values = boost::container::small_vector<value_view, 32>;

inline void show(const row& values, shown_values& into) {
    into.clear();
    for (const auto& one : values) into.push_back(view_of(one));
}

}  // namespace statetrack
