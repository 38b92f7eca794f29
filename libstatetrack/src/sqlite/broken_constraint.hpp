// What SQLite's words about a broken constraint mean in terms of a table's description.
#pragma once

#include <string_view>

#include "statetrack/error.hpp"
#include "statetrack/table.hpp"

namespace statetrack::sqlite {

// `code` is SQLite's extended one, of a constraint but no foreign key; `message` its text.
error broken_constraint(const table& in, int code, std::string_view message);
error key_exists(const table& in);

}  // namespace statetrack::sqlite
