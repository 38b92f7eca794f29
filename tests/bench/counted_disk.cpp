#include "counted_disk.hpp"

#include <poll.h>

#include <stdexcept>

#include "sqlite/wrapped_file.hpp"

namespace statetrack::bench {
namespace {

disk_counts counts;
int extra_sync_ms = 0;
sqlite3_vfs* system_files = nullptr;

struct counted_file {
    sqlite3_file base{};
    bool is_wal = false;
};
using counted = sqlite::wrapped_file<counted_file>;

int write_file(sqlite3_file* file, const void* from, int bytes, sqlite3_int64 at) {
    if (counted::self(file).is_wal) counts.wal_bytes += bytes;
    auto* to = counted::below(file);
    return to->pMethods->xWrite(to, from, bytes, at);
}

int sync_file(sqlite3_file* file, int flags) {
    ++counts.syncs;
    auto* to = counted::below(file);
    const int code = to->pMethods->xSync(to, flags);
    // The disk that is simulated, not a test that waits for something to happen.
    if (extra_sync_ms > 0) poll(nullptr, 0, extra_sync_ms);
    return code;
}

constexpr sqlite3_io_methods methods = [] {
    auto made = counted::handing_on();
    made.xWrite = write_file;
    made.xSync = sync_file;
    return made;
}();

int open_file(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* opened_flags) {
    const int code = counted::open(system_files, name, file, flags, opened_flags, methods);
    if (code == SQLITE_OK) counted::self(file).is_wal = (flags & SQLITE_OPEN_WAL) != 0;
    return code;
}

}  // namespace

disk_counts& use_counted_disk(int sync_ms) {
    static sqlite3_vfs made{};
    if (!system_files)
        system_files = counted::put_before_default(made, "statetrack-counted", open_file, true);
    if (!system_files) throw std::runtime_error("the VFS was refused");
    extra_sync_ms = sync_ms;
    return counts;
}

}  // namespace statetrack::bench
