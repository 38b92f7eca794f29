// A SQLite store's file as it is at one moment, for whoever does not own it: read, checked and copied while
// its owner goes on working. Writes nothing to it, and migrates nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "statetrack/storage.hpp"

namespace statetrack {

struct snapshot_options {
    std::string path;                     // of the database
    int busy_timeout_ms = 5'000;          // for whoever writes just then
    bool nobody_writes = false;           // promised by the caller: no lock is taken, no file made beside it
    std::function<bool()> interrupted{};  // asked often, from within every call; true ends the call
};

// Safe to use from several threads, one at a time gets through. The owner's write-ahead log cannot be emptied
// for as long as this is there, so it grows: whoever is done lets go.
class sqlite_snapshot : public store {
public:
    // Of the schema. Only where it is this release's can anything be read but the whole file.
    virtual std::int64_t version() const noexcept = 0;

    // What SQLite finds wrong with its pages, indexes and references: a sentence each, at most
    // problems_shown_max. Errors: store_unavailable (interrupted, too).
    virtual result<std::vector<std::string>> check_file() = 0;

    // Copies it to a new file with the same permissions, and checks the copy: by check_file and, where the
    // version is this release's, by verify. Only then it gets its name. `progress`, which may be empty, is
    // called with the pages done. Errors: already_exists (the file, or somebody is writing it just now),
    // store_corrupt (what was copied is broken), store_full, store_unavailable (interrupted, too).
    using progress = std::function<void(std::int64_t done, std::int64_t all)>;
    virtual result<> copy(const std::string& to, const progress& told) = 0;
};

// What is durable now, an owner's journalled heartbeats included. A database of an older version can be
// opened too. Errors: validation_failed (the path is empty or ":memory:"), schema_too_new, store_corrupt (no
// database, one of another program, or one that lacks parts), store_unavailable.
result<std::unique_ptr<sqlite_snapshot>> open_sqlite_snapshot(const snapshot_options& options);

}  // namespace statetrack
