// The real daemon's start and stop: without its database, with a wrong one, and under a process manager.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "../daemon/http_client.hpp"
#include "daemon_process.hpp"
#include "temp_dir.hpp"

using namespace statetrackd::testing;
using statetrack::testing::temp_dir;

namespace {

const std::string key = "4d6f2c1e-9a58-4b7e-8c3d-2f1a0b9c8d7e";
constexpr int exit_unavailable = 69;

std::string ask_text(const std::string& method, const std::string& target, const std::string& body = {}) {
    return method + " " + target + " HTTP/1.1\r\nHost: h\r\nX-API-Key: " + key +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

int status_of(std::uint16_t port, const std::string& target) {
    http_client client(port);
    return client.ask(ask_text("GET", target)).status;
}

void stop(daemon_process& daemon) {
    daemon.signal(SIGTERM);
    daemon.rest_of_log();
    CHECK(daemon.exit_code() == 0);
}

// What a process manager listens on; waits for what it is told.
class listening_manager {
public:
    explicit listening_manager(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_DGRAM, 0)) {
        sockaddr_un at{};
        at.sun_family = AF_UNIX;
        REQUIRE(path.size() < sizeof at.sun_path);
        std::memcpy(at.sun_path, path.data(), path.size());
        REQUIRE(::bind(socket_, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
        be_patient(60);
    }
    ~listening_manager() { ::close(socket_); }
    listening_manager(const listening_manager&) = delete;
    listening_manager& operator=(const listening_manager&) = delete;

    // From here on hears nothing rather than wait longer.
    void be_patient(int seconds) const {
        const timeval patience{.tv_sec = seconds, .tv_usec = 0};
        REQUIRE(::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
    }
    std::string heard() const {
        char text[256];
        const auto n = ::recv(socket_, text, sizeof text, 0);
        return n > 0 ? std::string(text, static_cast<std::size_t>(n)) : std::string();
    }
    std::string heard_but(const std::string& passed_over) const {
        for (;;)
            if (auto text = heard(); text != passed_over) return text;
    }

private:
    const int socket_;
};

// Listens from before the first daemon until after the last.
class listening_socket {
public:
    listening_socket() : descriptor(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof at;
        REQUIRE(::bind(descriptor, reinterpret_cast<const sockaddr*>(&at), size) == 0);
        REQUIRE(::listen(descriptor, 16) == 0);
        REQUIRE(::getsockname(descriptor, reinterpret_cast<sockaddr*>(&at), &size) == 0);
        port = ntohs(at.sin_port);
    }
    ~listening_socket() { ::close(descriptor); }
    listening_socket(const listening_socket&) = delete;
    listening_socket& operator=(const listening_socket&) = delete;

    const int descriptor;
    std::uint16_t port = 0;
};

}  // namespace

TEST_CASE("without its database it starts, answers what needs none, and connects by itself") {
    const temp_dir dir;
    const auto folder = dir.file("not-there-yet");
    daemon_process daemon({"DATABASE_URL=sqlite:" + folder + "/a.db", "API_KEYS=" + key});
    const auto port = daemon.port();
    CHECK(status_of(port, "/livez") == 200);
    CHECK(status_of(port, "/health") == 200);
    CHECK(status_of(port, "/readyz") == 503);
    CHECK(status_of(port, "/health/detailed") == 503);
    CHECK(status_of(port, "/metrics") == 200);
    CHECK(status_of(port, "/api/sessions") == 503);
    std::filesystem::create_directory(folder);
    daemon.await_log("store opened");
    CHECK(status_of(port, "/readyz") == 200);
    http_client client(port);
    CHECK(client.ask(ask_text("POST", "/api/sessions", R"({"project_id":"p","machine_id":"m"})")).status ==
          201);
    stop(daemon);
}

TEST_CASE("a stop while it still waits for its database ends it at once") {
    const temp_dir dir;
    daemon_process daemon({"DATABASE_URL=sqlite:" + dir.file("no/a.db"), "API_KEYS=" + key});
    daemon.port();
    stop(daemon);
}

TEST_CASE("a wrong database is no reason to wait: it exits and says what is wrong") {
    const temp_dir dir;
    const auto path = dir.file("letter.txt");
    std::ofstream(path) << std::string(4'096, 'x');
    daemon_process wrong({"DATABASE_URL=sqlite:" + path, "API_KEYS=" + key});
    CHECK(wrong.rest_of_log().find("cannot open the store: " + path) != std::string::npos);
    CHECK(wrong.exit_code() == exit_unavailable);
    daemon_process unknown({"DATABASE_URL=postgresql://localhost/x", "API_KEYS=" + key});
    CHECK(unknown.rest_of_log().find("no PostgreSQL store") != std::string::npos);
    CHECK(unknown.exit_code() == exit_unavailable);
}

TEST_CASE("a second daemon on the same file exits instead of waiting for it") {
    const temp_dir dir;
    const auto url = "DATABASE_URL=sqlite:" + dir.file("a.db");
    daemon_process first({url, "API_KEYS=" + key});
    first.port();
    daemon_process second({url, "API_KEYS=" + key});
    CHECK(second.rest_of_log().find("cannot open the store") != std::string::npos);
    CHECK(second.exit_code() == exit_unavailable);
    stop(first);
}

TEST_CASE("a process manager is told of start and stop, and its watchdog is fed meanwhile") {
    const temp_dir dir;
    const auto path = dir.file("notify");
    const listening_manager manager(path);
    daemon_process daemon(
        {"DATABASE_URL=memory:", "API_KEYS=" + key, "NOTIFY_SOCKET=" + path, "WATCHDOG_USEC=2000000"});
    CHECK(manager.heard_but("WATCHDOG=1") == "READY=1");
    for (int i = 0; i < 3; ++i) CHECK(manager.heard() == "WATCHDOG=1");
    daemon.port();
    daemon.signal(SIGTERM);
    CHECK(manager.heard_but("WATCHDOG=1") == "STOPPING=1");
    daemon.rest_of_log();
    CHECK(daemon.exit_code() == 0);
}

TEST_CASE("the watchdog is fed in time while the daemon waits for its database") {
    const temp_dir dir;
    const auto path = dir.file("notify");
    const listening_manager manager(path);
    daemon_process daemon({"DATABASE_URL=sqlite:" + dir.file("no/a.db"), "API_KEYS=" + key,
                           "NOTIFY_SOCKET=" + path, "WATCHDOG_USEC=3000000"});
    CHECK(manager.heard_but("WATCHDOG=1") == "READY=1");
    manager.be_patient(3);
    // Attempts to connect come ever more rarely, the third and the fourth four seconds apart.
    for (int i = 0; i < 7; ++i) CHECK(manager.heard() == "WATCHDOG=1");
    stop(daemon);
}

TEST_CASE("over a restart on a socket that the process manager holds no request is refused") {
    const temp_dir dir;
    const listening_socket held;
    const std::vector<std::string> settings = {"DATABASE_URL=sqlite:" + dir.file("a.db"), "API_KEYS=" + key};
    const auto create =
        ask_text("POST", "/api/sessions", R"({"project_id":"p","machine_id":"m","on_conflict":"takeover"})");
    {
        daemon_process first(settings, {}, held.descriptor);
        CHECK(first.port() == held.port);
        http_client client(held.port);
        CHECK(client.ask(create).status == 201);
        stop(first);
    }
    // Nobody serves now.
    http_client waiting(held.port);
    REQUIRE(waiting.send(create));
    daemon_process second(settings, {}, held.descriptor);
    CHECK(waiting.receive().status == 201);
    stop(second);
}
