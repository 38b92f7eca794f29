#include "sqlite/paced_vfs.hpp"

#include <limits>

#include "sqlite/wrapped_file.hpp"

namespace statetrack::sqlite {
namespace {

// Of xFileControl; SQLite keeps those below a hundred for itself.
constexpr int pace_is_set = 7'401;

struct paced_file {
    sqlite3_file base{};
    int unsynced = 0;  // writes
    int unsynced_max = std::numeric_limits<int>::max();
};
using paced = wrapped_file<paced_file>;

int sync(sqlite3_file* file, int flags) {
    paced::self(file).unsynced = 0;
    sqlite3_file* real = paced::below(file);
    return real->pMethods->xSync(real, flags);
}

// A sync that fails is a write that fails, and so the checkpoint: all that it wrote is written again by the
// next.
int write(sqlite3_file* file, const void* from, int count, sqlite3_int64 at) {
    sqlite3_file* real = paced::below(file);
    if (const int code = real->pMethods->xWrite(real, from, count, at); code != SQLITE_OK) return code;
    const bool enough = ++paced::self(file).unsynced >= paced::self(file).unsynced_max;
    return enough ? sync(file, SQLITE_SYNC_NORMAL) : SQLITE_OK;
}

int take_pace(sqlite3_file* file, int what, void* with) {
    if (what != pace_is_set)
        return paced::below(file)->pMethods->xFileControl(paced::below(file), what, with);
    paced::self(file).unsynced_max = *static_cast<const int*>(with);
    return SQLITE_OK;
}

constexpr sqlite3_io_methods methods = [] {
    auto made = paced::handing_on();
    made.xWrite = write;
    made.xSync = sync;
    made.xFileControl = take_pace;
    return made;
}();

sqlite3_vfs* under = nullptr;

int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* opened_flags) {
    if ((flags & SQLITE_OPEN_MAIN_DB) == 0) return under->xOpen(under, name, file, flags, opened_flags);
    return paced::open(under, name, file, flags, opened_flags, methods);
}

}  // namespace

const char* paced_vfs() {
    static sqlite3_vfs made{};
    static const bool registered =
        (under = paced::put_before_default(made, "statetrack-paced", open)) != nullptr;
    return registered ? made.zName : nullptr;
}

void set_pace(const database& on, int writes_between_syncs) {
    (void)sqlite3_file_control(on.get(), "main", pace_is_set, &writes_between_syncs);
}

}  // namespace statetrack::sqlite
