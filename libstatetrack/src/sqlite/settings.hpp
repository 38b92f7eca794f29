// What a connection is set to, each setting read again: SQLite passes over what it cannot do.
#pragma once

#include <cstdint>
#include <string>

#include "sqlite/handle.hpp"
#include "statetrack/sqlite_store.hpp"

namespace statetrack::sqlite {

// What durability, references and sharing rest on. Errors: those of verify_pragma.
result<> set_up(const database& on, const sqlite_options& options);

// Whether the pragma has this value on the connection. Errors: store_unavailable, naming it.
result<> verify_pragma(const database& on, const std::string& name, const std::string& expected);
// Sets it, and holds what it then is against `expected`.
result<> set_pragma(const database& on, const std::string& name, const std::string& to,
                    const std::string& expected);

// Gives the connection as large a cache as its database has use for, up to so many kibibytes. A transaction
// may take all of these: one whose pages do not fit writes many of them more than once.
result<> fit_cache(const database& on, std::int64_t cache_kib_max);

}  // namespace statetrack::sqlite
