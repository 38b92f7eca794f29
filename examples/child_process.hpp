// A command as a child in a process group of its own, its standard output in a pipe.
#pragma once

#include <sys/types.h>

#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace example {

class file_descriptor {
public:
    explicit file_descriptor(int fd = -1) noexcept : fd_(fd) {}
    file_descriptor(file_descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    file_descriptor& operator=(file_descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~file_descriptor() { close(); }

    int get() const noexcept { return fd_; }
    bool is_open() const noexcept { return fd_ >= 0; }
    void close() noexcept;

private:
    int fd_;
};

// The signals that a child_process needs its parent to take from a descriptor: SIGCHLD, and those that are to
// be forwarded. Blocks them for the whole process. Throws std::system_error.
file_descriptor watch_signals();

struct cannot_run : std::system_error {
    using std::system_error::system_error;
};

class child_process {
public:
    // Throws cannot_run, or std::system_error where the system itself is at its end. The child gets every
    // signal's default back, and reads nothing from a terminal: its group is not the terminal's foreground
    // group.
    explicit child_process(const std::vector<std::string>& command);
    // A child that still runs is told to terminate.
    ~child_process();
    child_process(const child_process&) = delete;
    child_process& operator=(const child_process&) = delete;

    // To the child and all its descendants that stayed in the group.
    void send(int signal) noexcept;
    // Whether it has ended; from then on exit_code() and signal() say how.
    bool ended();
    int exit_code() const noexcept;
    int signal() const noexcept;  // that killed it; 0: none did

    file_descriptor output{};  // does not block

private:
    pid_t pid_ = -1;
    bool ended_ = false;
    int status_ = 0;
};

}  // namespace example
