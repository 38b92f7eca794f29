// A store in one SQLite file: durable, for one process at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "statetrack/storage.hpp"

namespace statetrack {

struct sqlite_options {
    std::string path;             // of the database; made if it is not there, with permissions 0600
    int busy_timeout_ms = 5'000;  // for other programs that look at the file
    // Pages in memory of a transaction of the writer's. Between two it keeps a 16th of the file, and 1 MiB at
    // least: rows that heartbeats need are kept beside it, and what is not here the system mostly has. A
    // larger one made creations dearer, at 10 000 sessions and at a million.
    std::int64_t cache_kib = 8 * 1024;
    // Sessions kept in memory, packed (some 130 bytes each), so that neither a heartbeat nor a GET need read
    // its row: those that were asked for lately, and from the first checkpoints on all that are alive.
    std::size_t row_memory_kib = 256 * 1024;
    std::int64_t pages_max =
        0;  // the file grows no further, writes answer store_full; 0: no bound but the disk's
};

// Safe to use from several threads: reads run one after another beside the writer, on a connection of their
// own, and so does most of checkpoint. A read keeps its view, and with it the write-ahead log, until its body
// returns: bodies are short. A body that calls its own store waits for itself for ever.
//
// Plain heartbeats are journalled, one row for all of a commit's, and folded into their sessions' rows later:
// another program that looks at the file finds last_heartbeat, progress and announced silence older there
// than they are.
//
// Until checkpoint is called for the first time the writer moves the log into the database by itself, behind
// a commit now and then; from then on the host is trusted to go on calling it, and only a log of 200 MB makes
// the writer do it.
class sqlite_store : public store {
public:
    // Copies the database as it is at the end of the call to a new file with permissions 0600, while the
    // store goes on working. The file appears under its name only when it is whole. May be called from any
    // thread. Errors: already_exists (the file), store_full, store_unavailable, store_corrupt.
    virtual result<> backup(const std::string& path) = 0;
};

// Beside the database lie its log (`-wal`, `-shm`) while it is open, and `-owner`, whose lock says that it
// is. A database of an older version is copied to `<path>-version-<n>` and migrated. Errors:
// validation_failed (the path is empty or ":memory:"), store_in_use (another store has it open, in this
// process or another), schema_too_new, store_corrupt (no database, one of another program, or one that lacks
// parts), store_full, store_unavailable (everything else, a setting that SQLite refused included).
result<std::unique_ptr<sqlite_store>> open_sqlite_store(const sqlite_options& options);

// SQLite counts every allocation of the process under one lock, for figures (sqlite3_memory_used) that
// statetrack never reads. This ends that, for a program in which nothing else reads them: before its first
// use of SQLite. False: that has been already, and everything is as it was.
bool stop_counting_sqlite_memory();

}  // namespace statetrack
