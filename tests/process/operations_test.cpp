// What an operator does to the real daemon: starts it wrongly, rotates its keys, stops it.
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <fstream>
#include <memory>
#include <thread>

#include "../daemon/http_client.hpp"
#include "daemon_process.hpp"
#include "temp_dir.hpp"

using namespace statetrackd::testing;
using statetrack::testing::temp_dir;

namespace {

const std::string steady_key = "4d6f2c1e-9a58-4b7e-8c3d-2f1a0b9c8d7e";
const std::string old_key = "11111111-2222-4333-8444-555555555555";
const std::string new_key = "22222222-2222-4333-8444-555555555555";
constexpr int exit_config = 78;
constexpr int rotations = 20;
constexpr int attackers = 1'000;
constexpr long growth_kb_max = 64 * 1'024;

// In one step, as rotations should be done: nobody ever reads half a file.
void replace_file(const std::string& path, const std::string& content) {
    std::ofstream(path + ".next") << content;
    REQUIRE(std::rename((path + ".next").c_str(), path.c_str()) == 0);
}

void allow_files(rlim_t count) {
    rlimit limit{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = std::min(std::max(limit.rlim_cur, count), limit.rlim_max);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
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

TEST_CASE("a thousand slow clients are closed by their deadlines and cost honest ones nothing but patience") {
    allow_files(2 * attackers);
    daemon_process daemon({"DATABASE_URL=memory:", "API_KEYS=" + steady_key, "RATE_LIMIT_PER_MINUTE=0",
                           "HEADER_TIMEOUT_MS=1500", "REQUEST_TIMEOUT_MS=1500"});
    const auto port = daemon.port();
    http_client honest(port);
    REQUIRE(honest.ask(ask_text(steady_key)).status == 200);
    const auto before_kb = daemon.resident_kb();

    // What never ends: a header, a body, a chunk extension (just within what it may be), a trailer.
    const std::string begin = "POST /api/sessions HTTP/1.1\r\nHost: h\r\n";
    const std::string chunked = begin + "Transfer-Encoding: chunked\r\n\r\n";
    const std::string attacks[] = {begin + "X: " + std::string(8'000, 'x'),
                                   begin + "Content-Length: 200000\r\n\r\n" + std::string(100'000, 'x'),
                                   chunked + "1;" + std::string(1'000, 'x'),
                                   chunked + "1\r\na\r\n0\r\nX: " + std::string(8'000, 'x')};
    std::vector<std::unique_ptr<http_client>> slow;
    for (int i = 0; i < attackers; ++i) {
        slow.push_back(std::make_unique<http_client>(port));
        REQUIRE(slow.back()->send(attacks[i % 4]));
        CHECK(honest.ask(ask_text(steady_key)).status == 200);
    }
    const auto growth_kb = daemon.resident_kb() - before_kb;
    MESSAGE("memory grew by " << growth_kb << " kB");
    CHECK(growth_kb < growth_kb_max);
    int closed = 0;
    for (auto& one : slow) closed += one->receive().status == 408 && one->ends() ? 1 : 0;
    CHECK(closed == attackers);
    CHECK(honest.ask(ask_text(steady_key)).status == 200);
}

TEST_CASE("started with wrong settings it names them all and exits with 78") {
    daemon_process daemon({"STALL_MODE=maybe", "RATE_LIMIT_PER_MINUTE=-1", "CORS_ORIGINS=nonsense",
                           "API_KEYS=boss:king=" + steady_key, "TLS_CERT_FILE=cert.pem"},
                          {"--threads=many", "--colour=red"});
    const auto said = daemon.rest_of_log();
    CHECK(daemon.exit_code() == exit_config);
    for (const auto* name : {"STALL_MODE=maybe", "RATE_LIMIT_PER_MINUTE=-1", "CORS_ORIGINS=nonsense",
                             "API_KEYS: ", "TLS_CERT_FILE=cert.pem", "THREADS=many", "--colour"}) {
        CAPTURE(name);
        CHECK(said.find(name) != std::string::npos);
    }
    CHECK(said.find(steady_key) == std::string::npos);
}

TEST_CASE("--check-config says nothing and exits with 0 where all is well") {
    daemon_process daemon({"API_KEYS=" + steady_key}, {"--check-config"});
    CHECK(daemon.rest_of_log().empty());
    CHECK(daemon.exit_code() == 0);
}
