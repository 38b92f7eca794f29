// Brings into memory, before anybody asks, the rows that may still be beaten: the newest first, a slice at a
// time, as many as there is room for.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>

#include "sqlite/connection.hpp"
#include "sqlite/row_memory.hpp"
#include "statetrack/sqlite_store.hpp"

namespace statetrack::sqlite {

// Reads on a connection of its own, which goes when all is done. fill_some from one thread at a time.
class row_filler {
public:
    row_filler(sqlite_options of, name_book& names) : options_(std::move(of)), names_(names) {}

    // Three quarters of a second of a processor at most; nothing once it has come to the end. Errors: those
    // of reading.
    result<> fill_some(row_memory& memory);

    // Holds back the next view of the file; nothing where there is one at the moment. From any thread.
    std::optional<std::unique_lock<std::mutex>> pause() {
        std::unique_lock held(reading_, std::try_to_lock);
        if (!held) return std::nullopt;
        return held;
    }

private:
    // Whether there may be more.
    result<bool> fill_slice(row_memory& memory);

    const sqlite_options options_;
    name_book& names_;
    std::mutex reading_;  // held while there is a view
    std::optional<connection> on_;
    std::optional<std::int64_t> behind_;  // the ordinal of the last that was read
    bool done_ = false;
};

}  // namespace statetrack::sqlite
