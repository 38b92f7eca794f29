// From a path to a connection that can be trusted: whose database it is, of which version, with every setting
// verified and every part of the schema there.
#pragma once

#include <cstdint>
#include <string>

#include "sql/migrations.hpp"
#include "sqlite/handle.hpp"
#include "statetrack/sqlite_snapshot.hpp"
#include "statetrack/sqlite_store.hpp"

namespace statetrack::sqlite {

// In the file's header, so that `file` and other programs know whose it is: "sttr".
inline constexpr std::int64_t application_id = 0x73747472;

// What this release brings a database to.
const sql::schema_target& released_schema();

// A step of it, in a file of its own.
sql::migration to_version_4();

// The connection that writes: creates or migrates what is not of the target's version. `lock_path` is the
// owner's lock file. Errors: those of open_sqlite_store.
result<database> open_writer(const sqlite_options& options, const std::string& lock_path,
                             const sql::schema_target& target);

enum class use : std::uint8_t { reading, checkpoints };
// A further connection to a database that a writer has opened.
result<database> open_beside(const sqlite_options& options, use what_for);

struct looking {
    database on;
    std::int64_t version = 0;
};
// A connection that only reads, within a transaction that is already open: it sees the file as it was then.
// Errors: those of open_sqlite_snapshot.
result<looking> open_to_look(const snapshot_options& options);

// The whole store over another target than the released one: for tests of migrations.
result<std::unique_ptr<sqlite_store>> open_sqlite_store_at(const sqlite_options& options,
                                                           const sql::schema_target& target);

}  // namespace statetrack::sqlite
