// Keys rotated by SIGHUP while clients ask without a pause.
#include <atomic>
#include <cstdio>
#include <fstream>
#include <thread>
#include <vector>

#include "../daemon/http_client.hpp"
#include "daemon_process.hpp"
#include "temp_dir.hpp"

using namespace statetrackd::testing;
using statetrack::testing::temp_dir;

namespace {

const std::string steady_key = "4d6f2c1e-9a58-4b7e-8c3d-2f1a0b9c8d7e";
const std::string old_key = "11111111-2222-4333-8444-555555555555";
const std::string new_key = "22222222-2222-4333-8444-555555555555";
constexpr int rotations = 20;

// In one step, as rotations should be done: nobody ever reads half a file.
void replace_file(const std::string& path, const std::string& content) {
    std::ofstream(path + ".next") << content;
    REQUIRE(std::rename((path + ".next").c_str(), path.c_str()) == 0);
}

std::string ask_text(const std::string& key) {
    return "GET /api/sessions HTTP/1.1\r\nHost: h\r\nX-API-Key: " + key + "\r\n\r\n";
}

}  // namespace

TEST_CASE("a key of the environment, whose text was wiped at the start, outlives a reload") {
    daemon_process daemon({"DATABASE_URL=memory:", "API_KEYS=" + steady_key});
    http_client client(daemon.port());
    CHECK(client.ask(ask_text(steady_key)).status == 200);
    daemon.signal(SIGHUP);
    daemon.await_log("\"message\":\"reloaded\"");
    CHECK(client.ask(ask_text(steady_key)).status == 200);
}

TEST_CASE(
    "keys rotate by SIGHUP under load: no request is wrongly refused, no connection ends, old keys do") {
    const temp_dir folder;
    const auto file = folder.file("keys");
    replace_file(file, "steady=" + steady_key + "\nrotating=" + old_key + "\n");
    daemon_process daemon({"DATABASE_URL=memory:", "API_KEYS_FILE=" + file, "RATE_LIMIT_PER_MINUTE=0"});
    const auto port = daemon.port();
    std::atomic<bool> over{false};
    std::atomic<int> served{0}, refused{0};
    std::vector<std::jthread> clients;
    for (int i = 0; i < 4; ++i)
        clients.emplace_back([&] {
            http_client client(port);
            while (!over) ++(client.ask(ask_text(steady_key)).status == 200 ? served : refused);
        });
    http_client rotating(port);
    for (int i = 0; i < rotations; ++i) {
        const auto& leaving = i % 2 == 0 ? old_key : new_key;
        const auto& coming = i % 2 == 0 ? new_key : old_key;
        CHECK(rotating.ask(ask_text(leaving)).status == 200);
        replace_file(file, "steady=" + steady_key + "\nrotating=" + coming + "\n");
        daemon.signal(SIGHUP);
        daemon.await_log("\"message\":\"reloaded\"");
        // On the same connection, with the very next request.
        CHECK(rotating.ask(ask_text(leaving)).status == 401);
        CHECK(rotating.ask(ask_text(coming)).status == 200);
    }
    over = true;
    clients.clear();
    CHECK(refused == 0);
    CHECK(served > rotations);
    // A sanitizer that found something in the daemon speaks through its exit code.
    daemon.signal(SIGTERM);
    daemon.rest_of_log();
    CHECK(daemon.exit_code() == 0);
}

TEST_CASE("a reload with a wrong key in it leaves the old ones in force") {
    const temp_dir folder;
    const auto file = folder.file("keys");
    replace_file(file, old_key);
    daemon_process daemon({"DATABASE_URL=memory:", "API_KEYS_FILE=" + file});
    http_client client(daemon.port());
    replace_file(file, new_key + "\nnonsense\n");
    daemon.signal(SIGHUP);
    daemon.await_log("reload refused: nothing was changed");
    CHECK(client.ask(ask_text(old_key)).status == 200);
    CHECK(client.ask(ask_text(new_key)).status == 401);
}
