// Many units of work in one transaction, made durable by one commit, each with an outcome of its own.
#pragma once

#include <span>

#include "sqlite/connection.hpp"
#include "sqlite/row_memory.hpp"
#include "statetrack/storage.hpp"

namespace statetrack::sqlite {

// As store::execute.
void execute_group(connection& on, row_memory& memory, std::span<unit_of_work* const> group);

}  // namespace statetrack::sqlite
