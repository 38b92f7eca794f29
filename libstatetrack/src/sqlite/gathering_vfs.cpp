#include "sqlite/gathering_vfs.hpp"

#include <fcntl.h>
#include <unistd.h>

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
// wait for the disk, or a commit of the file system's own journal. Zeros are written ahead in steps. Measured
// on ext4, one write of 4600 bytes and its fdatasync: 400 us and 90 us of the processor where the file grows,
// 215 and 50 where it does not.
class zeros_ahead {
public:
    void wrote(sqlite3_int64 at, int count) {
        if (at < end_) forget_size();  // begun anew: another connection may have cut it off
        end_ = at + count;
    }
    void forget_size() { size_ = 0; }

    // Before a sync. No frame is read out of the zeros: their salts are not the log's. Where there is no room
    // for them the log ends where it ends. The size is asked for as seldom as can be: Linux from 6.13 on
    // gives a file whose times were looked at a new time with its next write (multigrain timestamps), and
    // ext4 without a journal writes the inode for that with the next sync, one more wait for the disk in each
    // commit.
    void write_to(sqlite3_file* real) {
        if (end_ == 0 || size_ > end_) return;
        if (real->pMethods->xFileSize(real, &size_) != SQLITE_OK) forget_size();
        if (size_ != end_) return;
        for (const auto enough = (end_ / step + 1) * step; size_ < enough;) {
            const auto count = static_cast<int>(std::min<sqlite3_int64>(enough - size_, sizeof zeros));
            if (real->pMethods->xWrite(real, zeros, count, size_) != SQLITE_OK) return;
            size_ += count;
        }
    }

private:
    static constexpr sqlite3_int64 step = 256 * 1024;
    static inline char zeros[64 * 1024];  // never written to, and so no memory

    sqlite3_int64 end_ = 0;   // of the last write
    sqlite3_int64 size_ = 0;  // of the file; 0: not known
};

// Tells the disk to begin with what a large commit has written, while the rest is still being made: its sync
// then waits for the end only. A hint: what is durable when is the sync's business alone. SQLite locks the
// database and its shared memory, never the log, so that closing a descriptor of it releases nothing.
class early_start {
public:
    early_start() = default;
    early_start(const early_start&) = delete;
    early_start& operator=(const early_start&) = delete;
    ~early_start() {
        if (log_ >= 0) ::close(log_);
    }

    void open(const char* path) { log_ = ::open(path, O_RDWR | O_CLOEXEC); }
    // Part of a commit of which more will follow. Whole pages only: the last one is written to again.
    void wrote(sqlite3_int64 at, int count) {
        if (at != end_) begun_ = at;
        end_ = at + count;
        constexpr sqlite3_int64 page = 4096;
        const sqlite3_int64 from = begun_ / page * page, to = end_ / page * page;
        if (log_ < 0 || to - from < worth_it) return;
        ::sync_file_range(log_, from, to - from, SYNC_FILE_RANGE_WRITE);
        begun_ = to;
    }

private:
    // Each beginning is a request of its own to the disk: at a tenth of this, commits of 600 KB lost time.
    static constexpr sqlite3_int64 worth_it = 1024 * 1024;

    int log_ = -1;
    sqlite3_int64 begun_ = 0, end_ = 0;  // the disk has what lies before begun_
};

struct gathering_file {
    sqlite3_file base{};
    early_start early{};
    zeros_ahead zeros{};
    std::unique_ptr<char[]> bytes{};  // made when first written to
    sqlite3_int64 at = 0;             // of the first one in the file
    int count = 0;
};
using gathering = wrapped_file<gathering_file>;

gathering_file& self(sqlite3_file* file) { return gathering::self(file); }
sqlite3_file* below(sqlite3_file* file) { return gathering::below(file); }

int write_through(sqlite3_file* file, const void* from, int count, sqlite3_int64 at) {
    self(file).zeros.wrote(at, count);
    return below(file)->pMethods->xWrite(below(file), from, count, at);
}

int write_gathered(sqlite3_file* file) {
    auto& me = self(file);
    const int count = std::exchange(me.count, 0);
    if (count == 0) return SQLITE_OK;
    return write_through(file, me.bytes.get(), count, me.at);
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
    if (me.count > 0 && (at != me.at + me.count || me.count + count > gathered_max)) {
        const auto written = me.count;
        if (const int code = write_gathered(file); code != SQLITE_OK) return code;
        me.early.wrote(me.at, written);
    }
    if (!me.bytes && count <= gathered_max) me.bytes.reset(new (std::nothrow) char[gathered_max]);
    if (!me.bytes || count > gathered_max) return write_through(file, from, count, at);
    if (me.count == 0) me.at = at;
    std::memcpy(me.bytes.get() + me.count, from, static_cast<std::size_t>(count));
    me.count += count;
    return SQLITE_OK;
}

int truncate(sqlite3_file* file, sqlite3_int64 size) {
    if (const int code = write_gathered(file); code != SQLITE_OK) return code;
    self(file).zeros.forget_size();
    return below(file)->pMethods->xTruncate(below(file), size);
}

int sync(sqlite3_file* file, int flags) {
    if (const int code = write_gathered(file); code != SQLITE_OK) return code;
    self(file).zeros.write_to(below(file));
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
    const int code = gathering::open(under, name, file, flags, opened_flags, methods);
    if (code == SQLITE_OK) self(file).early.open(name);
    return code;
}

}  // namespace

const char* gathering_vfs() {
    static sqlite3_vfs made{};
    static const bool registered =
        (under = gathering::put_before_default(made, "statetrack-gathering", open)) != nullptr;
    return registered ? made.zName : nullptr;
}

}  // namespace statetrack::sqlite
