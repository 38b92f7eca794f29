// A file of SQLite's that stands before one of the operating system's, in the memory that SQLite gives for
// it.
#pragma once

#include <sqlite3.h>

#include <cstddef>
#include <new>

namespace statetrack::sqlite {

// State begins with `sqlite3_file base`, and is made and destroyed with the file. What a table of methods
// does not do itself it hands on.
template <class State>
struct wrapped_file {
    static constexpr std::size_t alignment = alignof(std::max_align_t);
    static constexpr std::size_t size = (sizeof(State) + alignment - 1) / alignment * alignment;

    static State& self(sqlite3_file* file) { return *reinterpret_cast<State*>(file); }
    static sqlite3_file* below(sqlite3_file* file) {
        return reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(file) + size);
    }

    template <auto Method>
    struct handed_on;
    template <class R, class... A, R (*sqlite3_io_methods::*Method)(sqlite3_file*, A...)>
    struct handed_on<Method> {
        static R call(sqlite3_file* file, A... given) {
            return (below(file)->pMethods->*Method)(below(file), given...);
        }
    };

    static int close(sqlite3_file* file) {
        const int closed = below(file)->pMethods->xClose(below(file));
        self(file).~State();
        return closed;
    }

    // Version 2: locks and shared memory, and no mapping, which nothing here asks for.
    static constexpr sqlite3_io_methods handing_on() {
        using io = sqlite3_io_methods;
        return {.iVersion = 2,
                .xClose = close,
                .xRead = handed_on<&io::xRead>::call,
                .xWrite = handed_on<&io::xWrite>::call,
                .xTruncate = handed_on<&io::xTruncate>::call,
                .xSync = handed_on<&io::xSync>::call,
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
                .xFetch = nullptr,
                .xUnfetch = nullptr};
    }

    // Opens the file below and stands before it.
    static int open(sqlite3_vfs* under, const char* name, sqlite3_file* file, int flags, int* opened_flags,
                    const sqlite3_io_methods& methods) {
        file->pMethods = nullptr;
        sqlite3_file* real = below(file);
        real->pMethods = nullptr;
        const int code = under->xOpen(under, name, real, flags, opened_flags);
        if (code != SQLITE_OK) {
            if (real->pMethods) real->pMethods->xClose(real);
            return code;
        }
        (new (file) State{})->base.pMethods = &methods;
        return SQLITE_OK;
    }

    // A copy of the default file system under another name, which opens some files otherwise; what it needs
    // beneath it is found in the copy. Answers what lies below; null: it could not be registered.
    static sqlite3_vfs* put_before_default(sqlite3_vfs& made, const char* name,
                                           decltype(sqlite3_vfs::xOpen) opening, bool as_default = false) {
        sqlite3_vfs* under = sqlite3_vfs_find(nullptr);
        if (!under) return nullptr;
        made = *under;
        made.pNext = nullptr;
        made.zName = name;
        made.szOsFile = static_cast<int>(size) + under->szOsFile;
        made.xOpen = opening;
        return sqlite3_vfs_register(&made, as_default ? 1 : 0) == SQLITE_OK ? under : nullptr;
    }
};

}  // namespace statetrack::sqlite
