#include "observed_disk.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "sqlite/wrapped_file.hpp"

namespace statetrack::testing {
namespace {

disk_observer observer;
sqlite3_vfs* system_files = nullptr;

struct observed_file {
    sqlite3_file base{};
    bool is_log = false;
    const unsigned char* index = nullptr;  // the first region of the log's index, once it is mapped
};
using observed = sqlite::wrapped_file<observed_file>;

observed_file& self(sqlite3_file* file) { return observed::self(file); }
sqlite3_file* below(sqlite3_file* file) { return observed::below(file); }

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

using io = sqlite3_io_methods;
constexpr io methods = [] {
    auto made = observed::handing_on();
    made.xWrite = write;
    made.xTruncate = told_and_handed_on<&io::xTruncate, disk_event::kind::truncate>::call;
    made.xSync = told_and_handed_on<&io::xSync, disk_event::kind::sync>::call;
    made.xFileSize = told_and_handed_on<&io::xFileSize, disk_event::kind::size>::call;
    made.xShmMap = map_index;
    made.xShmBarrier = show;
    made.xShmUnmap = unmap_index;
    return made;
}();

int open_file(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* opened_flags) {
    const int code = observed::open(system_files, name, file, flags, opened_flags, methods);
    if (code == SQLITE_OK) self(file).is_log = (flags & SQLITE_OPEN_WAL) != 0;
    return code;
}

// Before main: the stores look for the default file system once, when the first of them is opened.
sqlite3_vfs made{};
const bool registered =
    (system_files = observed::put_before_default(made, "observed", open_file, true)) != nullptr;

}  // namespace

observed_disk::observed_disk(disk_observer by) {
    if (!registered) throw std::runtime_error("SQLite refuses the file system");
    observer = std::move(by);
}

observed_disk::~observed_disk() { observer = nullptr; }

}  // namespace statetrack::testing
