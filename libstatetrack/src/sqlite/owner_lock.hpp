// One store a database: a lock file beside it, held as long as the store is open.
#pragma once

#include <sys/types.h>

#include <string>

#include "statetrack/error.hpp"

namespace statetrack::sqlite {

// The mode of every file that is made beside a database: what it holds is nobody else's.
inline constexpr mode_t owner_only = 0600;

// Locks `<database>-owner` (flock, so it ends with the process however that ends). The file stays: removing
// it would let two owners lock two files of one name. It also lends the database file its permissions, 0600.
class owner_lock {
public:
    owner_lock() = default;
    owner_lock(owner_lock&& other) noexcept;
    owner_lock& operator=(owner_lock&& other) noexcept;
    ~owner_lock();

    // Errors: store_in_use, another store has it, in this process or another; store_unavailable.
    static result<owner_lock> take(const std::string& database_path);

    const std::string& path() const noexcept { return path_; }

private:
    int descriptor_ = -1;
    std::string path_;
};

}  // namespace statetrack::sqlite
