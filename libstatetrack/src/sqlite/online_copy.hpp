// A copy of a database that is in use, a few pages at a time.
#pragma once

#include <string>

#include "sqlite/handle.hpp"

namespace statetrack::sqlite {

// Written beside its name and given it by finish(); removed where that is never called. Calls that use the
// source go under the lock that guards its connection.
class online_copy {
public:
    // `mode_of`: the file whose permissions the copy gets. Errors: already_exists, store_unavailable,
    // store_full.
    static result<online_copy> begin(const database& source, const std::string& to,
                                     const std::string& mode_of);
    online_copy(online_copy&& other) noexcept;
    online_copy& operator=(online_copy&&) = delete;
    ~online_copy();

    // Copies so many pages; true when all are there. What was written to the source in between through its
    // own connection is in the copy. Uses the source.
    result<bool> step(int pages);
    // Lets go of the source. Uses it.
    result<> release();
    // The copy gets its name, durably.
    result<> finish();

private:
    online_copy(database to, std::string path) : to_(std::move(to)), path_(std::move(path)) {}

    database to_;
    sqlite3_backup* backup_ = nullptr;
    std::string path_;  // empty once finished
};

// The whole of it, where nobody else uses the source.
result<> copy_database(const database& source, const std::string& to, const std::string& mode_of);

}  // namespace statetrack::sqlite
