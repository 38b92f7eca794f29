// The real daemon's start and stop, without its database and with a wrong one.
#include <filesystem>
#include <fstream>

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
