#include "observed_disk.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <new>
#include <stdexcept>
#include <utility>

namespace statetrack::testing {
namespace {

disk_observer observer;
sqlite3_vfs* system_files = nullptr;

// The file of the system lies directly behind.
struct observed_file {
    sqlite3_file base;
    bool is_log;
    const unsigned char* index;  // the first region of the log's index, once it is mapped
};

observed_file& self(sqlite3_file* file) { return *reinterpret_cast<observed_file*>(file); }
sqlite3_file* below(sqlite3_file* file) { return reinterpret_cast<sqlite3_file*>(&self(file) + 1); }

int told(const disk_event& event) {
    if (!observer) return SQLITE_OK;
    auto by = std::exchange(observer, nullptr);
    const int answer = by(event);
    observer = std::move(by);
    return answer;
}
int told(sqlite3_file* file, disk_event::kind what) {
    return told({.what = what, .of_log = self(file).is_log});
}

// Hands a method on to the file below.
template <auto Method>
struct handed_on;
template <class R, class... A, R (*sqlite3_io_methods::*Method)(sqlite3_file*, A...)>
struct handed_on<Method> {
    static R call(sqlite3_file* file, A... given) {
        return (below(file)->pMethods->*Method)(below(file), given...);
    }
};
template <auto Method, disk_event::kind What>
struct told_and_handed_on;
template <class... A, int (*sqlite3_io_methods::*Method)(sqlite3_file*, A...), disk_event::kind What>
struct told_and_handed_on<Method, What> {
    static int call(sqlite3_file* file, A... given) {
        if (const int code = told(file, What); code != SQLITE_OK) return code;
        return (below(file)->pMethods->*Method)(below(file), given...);
    }
};

int write(sqlite3_file* file, const void* from, int count, sqlite3_int64 at) {
    const auto* bytes = static_cast<const char*>(from);
    const bool zeros = std::all_of(bytes, bytes + count, [](char c) { return c == 0; });
    const int code = told({.what = disk_event::kind::write, .of_log = self(file).is_log, .zeros = zeros});
    return code != SQLITE_OK ? code : below(file)->pMethods->xWrite(below(file), from, count, at);
}

int map_index(sqlite3_file* file, int region, int size, int extend, void volatile** to) {
    const int code = below(file)->pMethods->xShmMap(below(file), region, size, extend, to);
    if (code == SQLITE_OK && region == 0)
        self(file).index = static_cast<const unsigned char*>(const_cast<void*>(*to));
    return code;
}

int unmap_index(sqlite3_file* file, int remove) {
    self(file).index = nullptr;
    return below(file)->pMethods->xShmUnmap(below(file), remove);
}

template <class T>
T number_at(const unsigned char* bytes) {
    T n;
    std::memcpy(&n, bytes, sizeof n);
    return n;
}

// A header is written twice, the second copy first, with this barrier between.
void show(sqlite3_file* file) {
    if (const auto* index = self(file).index) {
        const auto* header = index + 48;
        shown_frame shown{
            .number = number_at<std::uint32_t>(header + 16),
            .page_bytes = number_at<std::uint16_t>(header + 14),
            .checksum = {number_at<std::uint32_t>(header + 24), number_at<std::uint32_t>(header + 28)}};
        std::memcpy(shown.salt.data(), header + 32, shown.salt.size());
        (void)told({.what = disk_event::kind::show, .of_log = true, .shown = shown});
    }
    below(file)->pMethods->xShmBarrier(below(file));
}

int close_file(sqlite3_file* file) {
    return below(file)->pMethods ? below(file)->pMethods->xClose(below(file)) : SQLITE_OK;
}

using io = sqlite3_io_methods;
const io methods{.iVersion = 3,
                 .xClose = close_file,
                 .xRead = handed_on<&io::xRead>::call,
                 .xWrite = write,
                 .xTruncate = told_and_handed_on<&io::xTruncate, disk_event::kind::truncate>::call,
                 .xSync = told_and_handed_on<&io::xSync, disk_event::kind::sync>::call,
                 .xFileSize = handed_on<&io::xFileSize>::call,
                 .xLock = handed_on<&io::xLock>::call,
                 .xUnlock = handed_on<&io::xUnlock>::call,
                 .xCheckReservedLock = handed_on<&io::xCheckReservedLock>::call,
                 .xFileControl = handed_on<&io::xFileControl>::call,
                 .xSectorSize = handed_on<&io::xSectorSize>::call,
                 .xDeviceCharacteristics = handed_on<&io::xDeviceCharacteristics>::call,
                 .xShmMap = map_index,
                 .xShmLock = handed_on<&io::xShmLock>::call,
                 .xShmBarrier = show,
                 .xShmUnmap = unmap_index,
                 .xFetch = handed_on<&io::xFetch>::call,
                 .xUnfetch = handed_on<&io::xUnfetch>::call};

int open_file(sqlite3_vfs*, sqlite3_filename name, sqlite3_file* file, int flags, int* opened_flags) {
    auto* opened = new (file) observed_file{};
    opened->is_log = (flags & SQLITE_OPEN_WAL) != 0;
    below(file)->pMethods = nullptr;
    const int code = system_files->xOpen(system_files, name, below(file), flags, opened_flags);
    // Without methods SQLite does not close what could not be opened.
    opened->base.pMethods = below(file)->pMethods ? &methods : nullptr;
    return code;
}

bool register_it(sqlite3_vfs& made) noexcept {
    system_files = sqlite3_vfs_find(nullptr);
    if (!system_files) return false;
    made = *system_files;
    made.zName = "observed";
    made.szOsFile = system_files->szOsFile + static_cast<int>(sizeof(observed_file));
    made.xOpen = open_file;
    made.pNext = nullptr;
    return sqlite3_vfs_register(&made, 1) == SQLITE_OK;
}

// Before main: the stores look for the default file system once, when the first of them is opened.
sqlite3_vfs made{};
const bool registered = register_it(made);

}  // namespace

observed_disk::observed_disk(disk_observer by) {
    if (!registered) throw std::runtime_error("SQLite refuses the file system");
    observer = std::move(by);
}

observed_disk::~observed_disk() { observer = nullptr; }

}  // namespace statetrack::testing
