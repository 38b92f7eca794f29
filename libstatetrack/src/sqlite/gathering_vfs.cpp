#include "sqlite/gathering_vfs.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include "sqlite/wrapped_file.hpp"

namespace statetrack::sqlite {
namespace {

// A larger commit is written in pieces of this size. SQLite's own files take no more than 0x1ffff bytes at a
// time (seekAndWriteFd in os_unix.c).
constexpr int gathered_max = 120 * 1024;

// A log that ends where a commit ends makes the file longer, and its next sync write the inode too: one more
// wait for the disk, or a commit of the file system's own journal. Zeros are written ahead in steps of this
// size. Measured on ext4, one write of 4600 bytes and its fdatasync: 400 us and 90 us of the processor where
// the file grows, 215 and 50 where it does not.
constexpr sqlite3_int64 ahead = 256 * 1024;
constexpr int zeros_at_once = 64 * 1024;
char zeros[zeros_at_once];  // never written to, and so no memory

struct gathering_file {
    sqlite3_file base{};
    std::unique_ptr<char[]> bytes{};  // made when first written to
    sqlite3_int64 at = 0;             // of the first one in the file
    int count = 0;
    sqlite3_int64 end = 0;   // of the last write
    sqlite3_int64 size = 0;  // of the file; 0: not known
};
using gathering = wrapped_file<gathering_file>;

gathering_file& self(sqlite3_file* file) { return gathering::self(file); }
sqlite3_file* below(sqlite3_file* file) { return gathering::below(file); }

int write_through(sqlite3_file* file, const void* from, int count, sqlite3_int64 at) {
    auto& me = self(file);
    if (at < me.end) me.size = 0;  // begun anew: another connection may have cut it off
    me.end = at + count;
    return below(file)->pMethods->xWrite(below(file), from, count, at);
}

int write_gathered(sqlite3_file* file) {
    auto& me = self(file);
    const int count = std::exchange(me.count, 0);
    if (count == 0) return SQLITE_OK;
    return write_through(file, me.bytes.get(), count, me.at);
}

// No frame is read out of them: their salts are not the log's. Where there is no room for them the log ends
// where it ends. The size is asked for as seldom as can be: Linux from 6.13 on gives a file whose times were
// looked at a new time with its next write (multigrain timestamps), and ext4 without a journal writes the
// inode for that with the next sync, one more wait for the disk in each commit.
void write_ahead(sqlite3_file* file) {
    auto& me = self(file);
    if (me.end == 0 || me.size > me.end) return;
    sqlite3_file* real = below(file);
    if (real->pMethods->xFileSize(real, &me.size) != SQLITE_OK) me.size = 0;
    if (me.size != me.end) return;
    for (const auto enough = (me.end / ahead + 1) * ahead; me.size < enough;) {
        const auto count = static_cast<int>(std::min<sqlite3_int64>(enough - me.size, zeros_at_once));
        if (real->pMethods->xWrite(real, zeros, count, me.size) != SQLITE_OK) return;
        me.size += count;
    }
}

int close(sqlite3_file* file) {
    const int written = write_gathered(file);
    const int closed = gathering::close(file);
    return written != SQLITE_OK ? written : closed;
}

int read(sqlite3_file* file, void* to, int count, sqlite3_int64 at) {
    auto& me = self(file);
    if (me.count > 0 && at < me.at + me.count && at + count > me.at)
        if (const int code = write_gathered(file); code != SQLITE_OK) return code;
    return below(file)->pMethods->xRead(below(file), to, count, at);
}

int write(sqlite3_file* file, const void* from, int count, sqlite3_int64 at) {
    auto& me = self(file);
    if (me.count > 0 && (at != me.at + me.count || me.count + count > gathered_max))
        if (const int code = write_gathered(file); code != SQLITE_OK) return code;
    if (!me.bytes && count <= gathered_max) me.bytes.reset(new (std::nothrow) char[gathered_max]);
    if (!me.bytes || count > gathered_max) return write_through(file, from, count, at);
    if (me.count == 0) me.at = at;
    std::memcpy(me.bytes.get() + me.count, from, static_cast<std::size_t>(count));
    me.count += count;
    return SQLITE_OK;
}

int truncate(sqlite3_file* file, sqlite3_int64 size) {
    if (const int code = write_gathered(file); code != SQLITE_OK) return code;
    self(file).size = 0;
    return below(file)->pMethods->xTruncate(below(file), size);
}

int sync(sqlite3_file* file, int flags) {
    if (const int code = write_gathered(file); code != SQLITE_OK) return code;
    write_ahead(file);
    return below(file)->pMethods->xSync(below(file), flags);
}

int size(sqlite3_file* file, sqlite3_int64* to) {
    if (const int code = write_gathered(file); code != SQLITE_OK) return code;
    return below(file)->pMethods->xFileSize(below(file), to);
}

constexpr sqlite3_io_methods methods = [] {
    auto made = gathering::handing_on();
    made.xClose = close;
    made.xRead = read;
    made.xWrite = write;
    made.xTruncate = truncate;
    made.xSync = sync;
    made.xFileSize = size;
    return made;
}();

sqlite3_vfs* under = nullptr;

int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* opened_flags) {
    if ((flags & SQLITE_OPEN_WAL) == 0) return under->xOpen(under, name, file, flags, opened_flags);
    return gathering::open(under, name, file, flags, opened_flags, methods);
}

}  // namespace

const char* gathering_vfs() {
    static sqlite3_vfs made{};
    static const bool registered =
        (under = gathering::put_before_default(made, "statetrack-gathering", open)) != nullptr;
    return registered ? made.zName : nullptr;
}

}  // namespace statetrack::sqlite
