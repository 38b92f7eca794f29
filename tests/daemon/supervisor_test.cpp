#include "supervisor.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <map>

#include "temp_dir.hpp"

using namespace statetrackd;

namespace {

constexpr std::int64_t pid = 4'711;

environment of(std::map<std::string, std::string, std::less<>> variables) {
    return [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
        const auto it = variables.find(name);
        if (it == variables.end()) return std::nullopt;
        return it->second;
    };
}

// What a process manager listens on.
class listening_manager {
public:
    explicit listening_manager(std::string address) {
        sockaddr_un at{};
        at.sun_family = AF_UNIX;
        REQUIRE(address.size() < sizeof at.sun_path);
        std::memcpy(at.sun_path, address.data(), address.size());
        if (at.sun_path[0] == '@') at.sun_path[0] = '\0';
        socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        REQUIRE(socket_ >= 0);
        REQUIRE(::bind(socket_, reinterpret_cast<const sockaddr*>(&at),
                       static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size())) == 0);
    }
    ~listening_manager() { ::close(socket_); }
    listening_manager(const listening_manager&) = delete;
    listening_manager& operator=(const listening_manager&) = delete;

    // The next datagram; empty: none.
    std::string heard() const {
        char text[256];
        const auto n = ::recv(socket_, text, sizeof text, 0);
        return n > 0 ? std::string(text, static_cast<std::size_t>(n)) : std::string();
    }

private:
    int socket_ = -1;
};

// A socket at whatever descriptor the system gives it.
class tcp_socket {
public:
    explicit tcp_socket(bool listens) : descriptor(::socket(AF_INET, SOCK_STREAM, 0)) {
        REQUIRE(descriptor >= 0);
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(::bind(descriptor, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
        if (listens) REQUIRE(::listen(descriptor, 1) == 0);
    }
    ~tcp_socket() { ::close(descriptor); }
    tcp_socket(const tcp_socket&) = delete;
    tcp_socket& operator=(const tcp_socket&) = delete;

    const int descriptor;
};

}  // namespace

TEST_CASE("the process manager is told by a datagram to its socket, by path or abstract name") {
    const statetrack::testing::temp_dir dir;
    for (const auto& address :
         {dir.file("notify"), "@statetrack-test-" + std::to_string(::getpid()) + "-notify"}) {
        CAPTURE(address);
        const listening_manager manager(address);
        const supervisor told(of({{"NOTIFY_SOCKET", address}}), pid);
        CHECK(told.tell("READY=1"));
        CHECK(told.tell("STOPPING=1"));
        CHECK(manager.heard() == "READY=1");
        CHECK(manager.heard() == "STOPPING=1");
        CHECK(manager.heard().empty());
    }
}

TEST_CASE("without a process manager nobody is told and nothing breaks") {
    const statetrack::testing::temp_dir dir;
    CHECK_FALSE(supervisor(of({}), pid).tell("READY=1"));
    CHECK_FALSE(supervisor(of({{"NOTIFY_SOCKET", dir.file("gone")}}), pid).tell("READY=1"));
    CHECK_FALSE(supervisor(of({{"NOTIFY_SOCKET", "relative"}}), pid).tell("READY=1"));
    CHECK_FALSE(supervisor(of({{"NOTIFY_SOCKET", "/" + std::string(200, 'x')}}), pid).tell("READY=1"));
}

TEST_CASE("a watchdog is expected where it is meant for this process") {
    const auto expected = [](std::map<std::string, std::string, std::less<>> more) {
        more["NOTIFY_SOCKET"] = "/x";
        return supervisor(of(std::move(more)), pid).watchdog_ms();
    };
    CHECK(expected({{"WATCHDOG_USEC", "30000000"}}) == 30'000);
    CHECK(expected({{"WATCHDOG_USEC", "30000000"}, {"WATCHDOG_PID", "4711"}}) == 30'000);
    CHECK(expected({{"WATCHDOG_USEC", "30000000"}, {"WATCHDOG_PID", "4712"}}) == 0);
    CHECK(expected({{"WATCHDOG_USEC", "soon"}}) == 0);
    CHECK(expected({}) == 0);
}

TEST_CASE("the watchdog is fed in time, and only while the sweeper moves") {
    watchdog dog(4'000);
    CHECK(dog.is_to_be_fed(0, 1));
    CHECK_FALSE(dog.is_to_be_fed(999, 2));
    CHECK(dog.is_to_be_fed(1'000, 2));
    // The loop turns on, the sweeper hangs.
    for (std::int64_t now = 2'000; now < 60'000; now += 250) CHECK_FALSE(dog.is_to_be_fed(now, 2));
    CHECK(dog.is_to_be_fed(60'000, 3));
    watchdog none(0);
    CHECK_FALSE(none.is_to_be_fed(0, 1));
}

TEST_CASE("a socket that listens already is taken over from the process manager") {
    const tcp_socket ready(true);
    const auto taken =
        inherit_socket(of({{"LISTEN_FDS", "1"}, {"LISTEN_PID", "4711"}}), pid, ready.descriptor);
    CHECK(taken.descriptor == ready.descriptor);
    CHECK(taken.problem.empty());
    CHECK((::fcntl(ready.descriptor, F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("sockets that are another process' are left alone, and what cannot be served is said") {
    const tcp_socket ready(true), deaf(false);
    const auto inherit = [&](const char* count, const char* whose, int descriptor) {
        return inherit_socket(of({{"LISTEN_FDS", count}, {"LISTEN_PID", whose}}), pid, descriptor);
    };
    CHECK(inherit("1", "4712", ready.descriptor).descriptor == -1);
    CHECK(inherit("1", "4712", ready.descriptor).problem.empty());
    CHECK(inherit_socket(of({}), pid, ready.descriptor).descriptor == -1);
    CHECK(inherit("0", "4711", ready.descriptor).problem.empty());
    CHECK(inherit("2", "4711", ready.descriptor).problem.find("LISTEN_FDS=2") == 0);
    CHECK_FALSE(inherit("1", "4711", deaf.descriptor).problem.empty());
    CHECK(inherit("1", "4711", deaf.descriptor).descriptor == -1);
}
