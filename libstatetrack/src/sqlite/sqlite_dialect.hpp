// SQLite's SQL: strict tables, an AUTOINCREMENT ordinal, ids in sixteen bytes, booleans and times as
// integers.
#pragma once

#include "sql/dialect.hpp"

namespace statetrack::sqlite {

const sql::dialect& sqlite_dialect();

}  // namespace statetrack::sqlite
