// The real daemon under slow clients, and started wrongly.
#include <sys/resource.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "../daemon/http_client.hpp"
#include "daemon_process.hpp"

using namespace statetrackd::testing;

namespace {

const std::string steady_key = "4d6f2c1e-9a58-4b7e-8c3d-2f1a0b9c8d7e";
constexpr int exit_config = 78;
constexpr int attackers = 1'000;
// A sanitizer keeps shadows of memory, and what was freed.
#ifdef STATETRACK_SANITIZED
constexpr long growth_kb_max = 4 * 64 * 1'024;
#else
constexpr long growth_kb_max = 64 * 1'024;
#endif

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
    // A sanitizer that found something in the daemon speaks through its exit code.
    daemon.signal(SIGTERM);
    daemon.rest_of_log();
    CHECK(daemon.exit_code() == 0);
}

TEST_CASE("whoever asks for much and reads nothing holds no memory of the daemon and is cut off") {
    constexpr int silent_clients = 100;
    constexpr long each_kb_max = 64;  // what they ask for is several times that
    daemon_process daemon({"DATABASE_URL=memory:", "API_KEYS=" + steady_key, "RATE_LIMIT_PER_MINUTE=0",
                           "IDLE_TIMEOUT_MS=1500"});
    const auto port = daemon.port();
    const std::string large = "GET /api/docs/openapi.json HTTP/1.1\r\nHost: h\r\n\r\n";
    REQUIRE(http_client(port).ask(large).body.size() > 2 * each_kb_max * 1'024);
    http_client honest(port);
    REQUIRE(honest.ask(ask_text(steady_key)).status == 200);
    const auto before_kb = daemon.resident_kb();
    std::vector<std::unique_ptr<http_client>> silent;
    for (int i = 0; i < silent_clients; ++i) {
        silent.push_back(std::make_unique<http_client>(port));
        REQUIRE(silent.back()->send(large + large));
        CHECK(honest.ask(ask_text(steady_key)).status == 200);
    }
    const auto growth_kb = daemon.resident_kb() - before_kb;
    MESSAGE("memory grew by " << growth_kb << " kB");
#ifndef STATETRACK_SANITIZED  // sanitizers keep what was freed
    CHECK(growth_kb < silent_clients * each_kb_max);
#endif
    for (auto& one : silent) CHECK(one->is_cut_off());
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
