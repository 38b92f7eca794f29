#include "sqlite/online_copy.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "sqlite/owner_lock.hpp"

namespace statetrack::sqlite {
namespace {

error io_failure(const std::string& path, int cause) {
    return error(cause == ENOSPC || cause == EDQUOT ? errc::store_full : errc::store_unavailable,
                 path + ": " + std::strerror(cause));
}

error there_already(const std::string& path) {
    return error(errc::already_exists, path + " is there already");
}

bool exists(const std::string& path) {
    std::error_code ignored;
    return std::filesystem::exists(std::filesystem::symlink_status(path, ignored));
}

bool is_still_named(int descriptor, const std::string& path) {
    struct stat held {};
    struct stat named {};
    return fstat(descriptor, &held) == 0 && lstat(path.c_str(), &named) == 0 && held.st_ino == named.st_ino &&
           held.st_dev == named.st_dev;
}

// An empty file of that name that is ours alone until the descriptor is closed: what a copy that was cut
// short has left is taken over, what somebody is writing is not.
result<int> claim(const std::string& path) {
    for (;;) {  // ends: each turn but the last saw another one finish
        const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, owner_only);
        if (descriptor < 0) return io_failure(path, errno);
        if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
            const int cause = errno;
            close(descriptor);
            if (cause == EWOULDBLOCK)
                return error(errc::already_exists, path + " is being written by somebody else");
            return io_failure(path, cause);
        }
        // In between it may have been finished: then it bears its own name, and is nobody's to empty.
        if (is_still_named(descriptor, path)) {
            if (ftruncate(descriptor, 0) == 0) return descriptor;
            const int cause = errno;
            close(descriptor);
            return io_failure(path, cause);
        }
        close(descriptor);
    }
}

// A new name is durable once its folder is.
result<> sync_folder_of(const std::string& path) {
    const auto folder = std::filesystem::path(path).parent_path().string();
    const int descriptor = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return io_failure(folder, errno);
    const int cause = fsync(descriptor) == 0 ? 0 : errno;
    close(descriptor);
    if (cause != 0) return io_failure(folder, cause);
    return {};
}

// Where the file system cannot refuse a name that is taken, it was free a moment ago.
int rename_to_free_name(const std::string& from, const std::string& to) {
    if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
    if (errno != EINVAL && errno != ENOSYS) return errno;
    if (exists(to)) return EEXIST;
    return std::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

}  // namespace

result<online_copy> online_copy::begin(const database& source, const std::string& to,
                                       const std::string& mode_of) {
    if (exists(to)) return there_already(to);
    const auto lock = claim(to + "-partial");
    if (!lock) return lock.error();
    online_copy made(*lock, to);
    (void)std::remove((made.partial_path() + "-journal").c_str());
    struct stat model {};
    if (stat(mode_of.c_str(), &model) == 0) (void)fchmod(made.lock_, model.st_mode & 0777);
    auto target = database::open(made.partial_path(), {.flags = SQLITE_OPEN_READWRITE});
    if (!target) return target.error();
    made.to_ = std::move(*target);
    made.backup_ = sqlite3_backup_init(made.to_.get(), "main", source.get(), "main");
    if (!made.backup_)
        return failure(made.to_.get(), sqlite3_extended_errcode(made.to_.get()), "copying to " + to);
    return made;
}

online_copy::online_copy(online_copy&& other) noexcept
    : lock_(std::exchange(other.lock_, -1)),
      to_(std::move(other.to_)),
      backup_(std::exchange(other.backup_, nullptr)),
      path_(std::exchange(other.path_, {})),
      pages_(other.pages_),
      pages_left_(other.pages_left_) {}

online_copy::~online_copy() {
    if (backup_) sqlite3_backup_finish(backup_);
    to_ = {};
    if (!path_.empty()) {
        (void)std::remove(partial_path().c_str());
        (void)std::remove((partial_path() + "-journal").c_str());
    }
    // Last: closing any descriptor of the file gives up SQLite's locks on it.
    if (lock_ >= 0) close(lock_);
}

result<bool> online_copy::step(int pages) {
    const int code = sqlite3_backup_step(backup_, pages);
    pages_ = sqlite3_backup_pagecount(backup_);
    pages_left_ = sqlite3_backup_remaining(backup_);
    if (code == SQLITE_DONE) return true;
    if (code == SQLITE_OK) return false;
    return failure(to_.get(), code, "copying to " + path_);
}

result<> online_copy::release() {
    const int code = sqlite3_backup_finish(std::exchange(backup_, nullptr));
    if (code != SQLITE_OK) return failure(to_.get(), code, "copying to " + path_);
    return {};
}

result<> online_copy::finish() {
    to_ = {};
    if (const int cause = rename_to_free_name(partial_path(), path_); cause != 0)
        return cause == EEXIST ? there_already(path_) : io_failure(path_, cause);
    return sync_folder_of(std::exchange(path_, {}));
}

result<> copy_database(const database& source, const std::string& to, const std::string& mode_of) {
    auto copy = online_copy::begin(source, to, mode_of);
    if (!copy) return copy.error();
    constexpr int all_pages = -1;
    if (const auto done = copy->step(all_pages); !done) return done.error();
    if (auto released = copy->release(); !released) return released;
    return copy->finish();
}

}  // namespace statetrack::sqlite
