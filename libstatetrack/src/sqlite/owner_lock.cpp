#include "sqlite/owner_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace statetrack::sqlite {
namespace {

// Which process wrote itself down; empty where nobody did.
std::string owner_noted_in(int descriptor) {
    char text[24] = {};
    const ssize_t got = pread(descriptor, text, sizeof text - 1, 0);
    std::string digits;
    for (ssize_t i = 0; i < got && text[i] >= '0' && text[i] <= '9'; ++i) digits += text[i];
    return digits;
}

// Only for people who wonder who it is: nothing depends on it.
void note_owner(int descriptor) {
    const std::string pid = std::to_string(getpid()) + "\n";
    if (ftruncate(descriptor, 0) == 0) {
        [[maybe_unused]] const auto written = pwrite(descriptor, pid.data(), pid.size(), 0);
    }
}

error cannot_lock(const std::string& path, int cause) {
    return error(errc::store_unavailable, "cannot lock " + path + ": " + std::strerror(cause));
}

}  // namespace

owner_lock::owner_lock(owner_lock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}

owner_lock& owner_lock::operator=(owner_lock&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(path_, other.path_);
    return *this;
}

owner_lock::~owner_lock() {
    if (descriptor_ >= 0) close(descriptor_);
}

result<owner_lock> owner_lock::take(const std::string& database_path) {
    owner_lock taken;
    taken.path_ = database_path + "-owner";
    taken.descriptor_ = open(taken.path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, owner_only);
    if (taken.descriptor_ < 0) return cannot_lock(taken.path_, errno);
    while (flock(taken.descriptor_, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EINTR) continue;
        if (errno != EWOULDBLOCK) return cannot_lock(taken.path_, errno);
        const std::string pid = owner_noted_in(taken.descriptor_);
        return error(errc::store_in_use, database_path + " is in use by " +
                                             (pid == std::to_string(getpid()) ? "this process already"
                                              : pid.empty()                   ? "another process"
                                                                              : "process " + pid) +
                                             "; one store may have it open at a time");
    }
    // The creation mode went through the umask, which may have taken the owner's own bits.
    (void)fchmod(taken.descriptor_, owner_only);
    note_owner(taken.descriptor_);
    return taken;
}

}  // namespace statetrack::sqlite
