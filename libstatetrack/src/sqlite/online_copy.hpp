// A copy of a database that is in use, a few pages at a time.
#pragma once

#include <string>

#include "sqlite/handle.hpp"

namespace statetrack::sqlite {

// Written beside its name and given it by finish(); removed where that is never called. Calls that use the
// source go under the lock that guards its connection.
class online_copy {
public:
    // `mode_of`: the file whose permissions the copy gets. Errors: already_exists (the file, or somebody,
    // in this process or another, is just writing it), store_unavailable, store_full.
    static result<online_copy> begin(const database& source, const std::string& to,
                                     const std::string& mode_of);
    online_copy(online_copy&& other) noexcept;
    online_copy& operator=(online_copy&&) = delete;
    ~online_copy();

    // Copies so many pages; true when all are there. What was written to the source in between through its
    // own connection is in the copy. Uses the source.
    result<bool> step(int pages);
    // As of the last step.
    std::int64_t pages_done() const noexcept { return pages_ - pages_left_; }
    std::int64_t pages() const noexcept { return pages_; }
    // Lets go of the source. Uses it.
    result<> release();
    // The copy gets its name, durably.
    result<> finish();

    // Where it is until then.
    std::string partial_path() const { return path_ + "-partial"; }

private:
    online_copy(int lock, std::string path) : lock_(lock), path_(std::move(path)) {}

    int lock_ = -1;  // on the partial file; not SQLite's
    database to_;
    sqlite3_backup* backup_ = nullptr;
    std::string path_;  // empty once finished
    int pages_ = 0;
    int pages_left_ = 0;
};

// The whole of it, where nobody else uses the source.
result<> copy_database(const database& source, const std::string& to, const std::string& mode_of);

}  // namespace statetrack::sqlite
