#include "supervisor.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstring>

namespace statetrackd {
namespace {

std::optional<std::int64_t> number(const environment& of, std::string_view name) {
    const auto text = of(name);
    std::int64_t n = 0;
    if (!text || text->empty()) return std::nullopt;
    const auto [end, ec] = std::from_chars(text->data(), text->data() + text->size(), n);
    if (ec != std::errc{} || end != text->data() + text->size()) return std::nullopt;
    return n;
}

// What is meant for another process is passed on to it untouched.
bool meant_for(const environment& of, std::string_view name, std::int64_t own_pid) {
    return number(of, name).value_or(own_pid) == own_pid;
}

}  // namespace

supervisor::supervisor(const environment& of, std::int64_t own_pid)
    : address_(of("NOTIFY_SOCKET").value_or("")) {
    constexpr std::int64_t us_per_ms = 1'000;
    // A path, or a name in the abstract namespace.
    if (!address_.empty() && address_.front() != '/' && address_.front() != '@') address_.clear();
    if (address_.empty() || !meant_for(of, "WATCHDOG_PID", own_pid)) return;
    if (const auto us = number(of, "WATCHDOG_USEC"); us && *us > 0) watchdog_ms_ = *us / us_per_ms;
}

bool supervisor::tell(std::string_view state) const {
    sockaddr_un to{};
    if (address_.empty() || address_.size() >= sizeof to.sun_path) return false;
    to.sun_family = AF_UNIX;
    std::memcpy(to.sun_path, address_.data(), address_.size());
    if (to.sun_path[0] == '@') to.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
    const int from = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (from < 0) return false;
    const auto sent = ::sendto(from, state.data(), state.size(), MSG_NOSIGNAL,
                               reinterpret_cast<const sockaddr*>(&to), size);
    ::close(from);
    return sent == static_cast<ssize_t>(state.size());
}

bool watchdog::is_to_be_fed(std::int64_t now_ms, std::int64_t sweeps) {
    if (within_ms_ <= 0 || sweeps == sweeps_then_) return false;
    if (fed_at_ms_ && now_ms - *fed_at_ms_ < within_ms_ / 4) return false;
    fed_at_ms_ = now_ms;
    sweeps_then_ = sweeps;
    return true;
}

inherited_socket inherit_socket(const environment& of, std::int64_t own_pid, int first) {
    const auto count = number(of, "LISTEN_FDS").value_or(0);
    if (count <= 0 || number(of, "LISTEN_PID") != own_pid) return {};
    if (count != 1)
        return {.problem =
                    "LISTEN_FDS=" + std::to_string(count) + ": one listening socket is served, not several"};
    int listens = 0;
    socklen_t size = sizeof listens;
    sockaddr_storage at{};
    socklen_t at_size = sizeof at;
    const bool serves = ::getsockopt(first, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 &&
                        listens != 0 &&
                        ::getsockname(first, reinterpret_cast<sockaddr*>(&at), &at_size) == 0 &&
                        (at.ss_family == AF_INET || at.ss_family == AF_INET6);
    if (!serves) return {.problem = "LISTEN_FDS=1: the socket passed in is no listening TCP socket"};
    ::fcntl(first, F_SETFD, FD_CLOEXEC);
    return {.descriptor = first};
}

}  // namespace statetrackd
