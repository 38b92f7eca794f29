#include "sqlite/online_copy.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

namespace statetrack::sqlite {
namespace {

std::string partial(const std::string& path) { return path + "-partial"; }

error io_failure(const std::string& path, int cause) {
    return error(cause == ENOSPC || cause == EDQUOT ? errc::store_full : errc::store_unavailable,
                 path + ": " + std::strerror(cause));
}

bool exists(const std::string& path) {
    std::error_code ignored;
    return std::filesystem::exists(std::filesystem::symlink_status(path, ignored));
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

}  // namespace

result<online_copy> online_copy::begin(const database& source, const std::string& to,
                                       const std::string& mode_of) {
    if (exists(to)) return error(errc::already_exists, to + " is there already");
    std::remove(partial(to).c_str());  // of a copy that was cut short
    auto target = database::open(partial(to),
                                 {.flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, .mode_of = mode_of});
    if (!target) return target.error();
    online_copy made(std::move(*target), to);
    made.backup_ = sqlite3_backup_init(made.to_.get(), "main", source.get(), "main");
    if (!made.backup_)
        return failure(made.to_.get(), sqlite3_extended_errcode(made.to_.get()), "copying to " + to);
    return made;
}

online_copy::online_copy(online_copy&& other) noexcept
    : to_(std::move(other.to_)),
      backup_(std::exchange(other.backup_, nullptr)),
      path_(std::exchange(other.path_, {})) {}

online_copy::~online_copy() {
    if (backup_) sqlite3_backup_finish(backup_);
    to_ = {};
    if (path_.empty()) return;
    std::remove(partial(path_).c_str());
    std::remove((partial(path_) + "-journal").c_str());
}

result<bool> online_copy::step(int pages) {
    const int code = sqlite3_backup_step(backup_, pages);
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
    if (std::rename(partial(path_).c_str(), path_.c_str()) != 0) return io_failure(path_, errno);
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
