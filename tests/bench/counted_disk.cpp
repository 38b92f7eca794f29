#include "counted_disk.hpp"

#include <poll.h>
#include <sqlite3.h>

#include <new>
#include <stdexcept>

namespace statetrack::bench {
namespace {

disk_counts counts;
int extra_sync_ms = 0;
sqlite3_vfs* below = nullptr;

// The file of the VFS below lies directly behind.
struct counted_file {
    sqlite3_file base;
    bool is_wal;
};

sqlite3_file* below_of(sqlite3_file* file) {
    return reinterpret_cast<sqlite3_file*>(reinterpret_cast<counted_file*>(file) + 1);
}

// Hands a method on to the file below.
template <auto Method>
struct handed_on;
template <class R, class... A, R (*sqlite3_io_methods::*Method)(sqlite3_file*, A...)>
struct handed_on<Method> {
    static R call(sqlite3_file* file, A... given) {
        auto* to = below_of(file);
        return (to->pMethods->*Method)(to, given...);
    }
};

int close_file(sqlite3_file* file) {
    auto* to = below_of(file);
    return to->pMethods ? to->pMethods->xClose(to) : SQLITE_OK;
}

int write_file(sqlite3_file* file, const void* from, int bytes, sqlite3_int64 at) {
    if (reinterpret_cast<counted_file*>(file)->is_wal) counts.wal_bytes += bytes;
    auto* to = below_of(file);
    return to->pMethods->xWrite(to, from, bytes, at);
}

int sync_file(sqlite3_file* file, int flags) {
    ++counts.syncs;
    auto* to = below_of(file);
    const int code = to->pMethods->xSync(to, flags);
    // The disk that is simulated, not a test that waits for something to happen.
    if (extra_sync_ms > 0) poll(nullptr, 0, extra_sync_ms);
    return code;
}

using io = sqlite3_io_methods;
const io methods{.iVersion = 3,
                 .xClose = close_file,
                 .xRead = handed_on<&io::xRead>::call,
                 .xWrite = write_file,
                 .xTruncate = handed_on<&io::xTruncate>::call,
                 .xSync = sync_file,
                 .xFileSize = handed_on<&io::xFileSize>::call,
                 .xLock = handed_on<&io::xLock>::call,
                 .xUnlock = handed_on<&io::xUnlock>::call,
                 .xCheckReservedLock = handed_on<&io::xCheckReservedLock>::call,
                 .xFileControl = handed_on<&io::xFileControl>::call,
                 .xSectorSize = handed_on<&io::xSectorSize>::call,
                 .xDeviceCharacteristics = handed_on<&io::xDeviceCharacteristics>::call,
                 .xShmMap = handed_on<&io::xShmMap>::call,
                 .xShmLock = handed_on<&io::xShmLock>::call,
                 .xShmBarrier = handed_on<&io::xShmBarrier>::call,
                 .xShmUnmap = handed_on<&io::xShmUnmap>::call,
                 .xFetch = handed_on<&io::xFetch>::call,
                 .xUnfetch = handed_on<&io::xUnfetch>::call};

int open_file(sqlite3_vfs*, sqlite3_filename name, sqlite3_file* file, int flags, int* flags_out) {
    auto* opened = new (file) counted_file{};
    auto* to = below_of(file);
    to->pMethods = nullptr;
    const int code = below->xOpen(below, name, to, flags, flags_out);
    // Without methods SQLite does not close what could not be opened.
    opened->base.pMethods = to->pMethods ? &methods : nullptr;
    opened->is_wal = (flags & SQLITE_OPEN_WAL) != 0;
    return code;
}

}  // namespace

disk_counts& use_counted_disk(int sync_ms) {
    static sqlite3_vfs counted = [] {
        below = sqlite3_vfs_find(nullptr);
        if (below == nullptr) throw std::runtime_error("SQLite has no VFS here");
        sqlite3_vfs made = *below;
        made.zName = "statetrack-counted";
        made.szOsFile = below->szOsFile + static_cast<int>(sizeof(counted_file));
        made.xOpen = open_file;
        made.pNext = nullptr;
        return made;
    }();
    extra_sync_ms = sync_ms;
    if (sqlite3_vfs_register(&counted, 1) != SQLITE_OK) throw std::runtime_error("the VFS was refused");
    return counts;
}

}  // namespace statetrack::bench
