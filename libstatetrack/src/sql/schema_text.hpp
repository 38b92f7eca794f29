// The statements that create a table, made from its description.
#pragma once

#include <string>
#include <vector>

#include "sql/dialect.hpp"
#include "statetrack/table.hpp"

namespace statetrack::sql {

// CREATE TABLE, then the unique index of its key, then the described indexes. A referenced table must have
// been created before.
std::vector<std::string> create_statements(const dialect& in, const table& described);

// The unique index over a table's key: `sessions_key`.
std::string key_index_name(const table& described);

}  // namespace statetrack::sql
