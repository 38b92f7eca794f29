// --backup and --verify while the real daemon is under load, and what a backup is worth afterwards.
#include <array>
#include <atomic>
#include <filesystem>
#include <limits>
#include <mutex>
#include <thread>

#include "../daemon/http_client.hpp"
#include "daemon_process.hpp"
#include "statetrack/entities.hpp"
#include "statetrack/sqlite_store.hpp"
#include "temp_dir.hpp"

using namespace statetrackd::testing;
using statetrack::testing::temp_dir;

namespace {

constexpr std::size_t agents = 6;
constexpr std::int64_t beats_before = 200;
constexpr int exit_unavailable = 69;
const std::string agents_key = "4d6f2c1e-9a58-4b7e-8c3d-2f1a0b9c8d7e";

std::string asking(const std::string& method, const std::string& target, const std::string& body = {}) {
    return method + " " + target + " HTTP/1.1\r\nHost: h\r\nX-API-Key: " + agents_key +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string id_of_agent(std::size_t n) { return "00000000-0000-4000-8000-00000000000" + std::to_string(n); }

// Sessions that beat as fast as they are answered.
class beating_agents {
public:
    explicit beating_agents(std::uint16_t port) {
        http_client client(port);
        for (std::size_t n = 0; n < agents; ++n)
            REQUIRE(client
                        .ask(asking("POST", "/api/sessions",
                                    R"({"project_id":"p)" + std::to_string(n) +
                                        R"(","machine_id":"m","session_id":")" + id_of_agent(n) + R"("})"))
                        .status == 201);
        for (std::size_t n = 0; n < agents; ++n) threads_.emplace_back([this, port, n] { beat(port, n); });
    }
    ~beating_agents() { end(); }
    beating_agents(const beating_agents&) = delete;
    beating_agents& operator=(const beating_agents&) = delete;

    void end() {
        ended_ = true;
        for (auto& one : threads_)
            if (one.joinable()) one.join();
    }
    // Of each session, as of now.
    std::array<std::int64_t, agents> acknowledged() const {
        std::array<std::int64_t, agents> now{};
        for (std::size_t n = 0; n < agents; ++n) now[n] = acknowledged_[n];
        return now;
    }
    void await(std::int64_t beats_each) const {
        for (const auto& one : acknowledged_)
            for (auto now = one.load(); now < beats_each && !failed_; now = one.load()) one.wait(now);
    }
    // What the first one that was not served was answered; empty where all were.
    std::string refusal() const {
        const std::lock_guard lock(mutex_);
        return refusal_;
    }

private:
    void beat(std::uint16_t port, std::size_t n) {
        http_client client(port);
        for (std::int64_t seq = 1; !ended_; ++seq) {
            const auto reply = client.ask(asking("POST", "/api/sessions/" + id_of_agent(n) + "/heartbeat",
                                                 R"({"progress":{"seq":)" + std::to_string(seq) + "}}"));
            if (reply.status != 200) {
                const std::lock_guard lock(mutex_);
                if (!failed_) refusal_ = std::to_string(reply.status) + ": " + reply.body;
                failed_ = true;
                acknowledged_[n] = std::numeric_limits<std::int64_t>::max();
            } else {
                acknowledged_[n] = seq;
            }
            acknowledged_[n].notify_all();
            if (failed_) return;
        }
    }

    std::array<std::atomic<std::int64_t>, agents> acknowledged_{};
    std::atomic<bool> ended_ = false;
    std::atomic<bool> failed_ = false;
    mutable std::mutex mutex_;
    std::string refusal_;
    std::vector<std::thread> threads_;
};

int exit_code_of(const std::string& url, const std::vector<std::string>& arguments) {
    daemon_process asked({"DATABASE_URL=" + url}, arguments);
    asked.rest_of_log();
    return asked.exit_code();
}

}  // namespace

TEST_CASE("a backup under load holds every heartbeat acknowledged before it began, and fails none") {
    const temp_dir dir;
    const auto url = "sqlite:" + dir.file("a.db");
    daemon_process daemon({"DATABASE_URL=" + url, "API_KEYS=" + agents_key, "RATE_LIMIT_PER_MINUTE=0",
                           "HEARTBEAT_RATE_LIMIT_PER_MINUTE=0", "LOG_LEVEL=info"});
    const auto port = daemon.port();
    beating_agents fleet(port);
    for (int round = 1; round <= 3; ++round) {
        fleet.await(round * beats_before);
        const auto before = fleet.acknowledged();
        REQUIRE(fleet.refusal() == "");
        const auto copy = dir.file("backup-" + std::to_string(round));
        REQUIRE(exit_code_of(url, {"--backup", copy}) == 0);
        CHECK(exit_code_of(url, {"--verify"}) == 0);
        const auto kept = statetrack::open_sqlite_store({.path = copy});
        REQUIRE(kept.has_value());
        for (std::size_t n = 0; n < agents; ++n) {
            const auto id = statetrack::parse_uuid(id_of_agent(n)).value();
            const auto row = (*kept)->find(statetrack::table_of<statetrack::session>(), id).value();
            REQUIRE(row.has_value());
            CHECK(statetrack::from_row<statetrack::session>(row->values).progress_seq >= before[n]);
        }
    }
    // They went on all the while, and go on.
    fleet.await(4 * beats_before);
    fleet.end();
    CHECK(fleet.refusal() == "");
    daemon.signal(SIGTERM);
    daemon.rest_of_log();
    CHECK(daemon.exit_code() == 0);
}

TEST_CASE("a daemon goes on with a backup where the lost one was") {
    const temp_dir dir;
    const auto url = "sqlite:" + dir.file("a.db");
    {
        daemon_process daemon({"DATABASE_URL=" + url, "API_KEYS=" + agents_key});
        beating_agents fleet(daemon.port());
        fleet.await(10);
        fleet.end();
        REQUIRE(exit_code_of(url, {"--backup=" + dir.file("backup")}) == 0);
    }
    for (const auto* tail : {"", "-wal", "-shm"}) std::filesystem::remove(dir.file("a.db") + tail);
    std::filesystem::copy_file(dir.file("backup"), dir.file("a.db"));
    daemon_process restored({"DATABASE_URL=" + url, "API_KEYS=" + agents_key});
    http_client client(restored.port());
    const auto found = client.ask(asking("GET", "/api/sessions/" + id_of_agent(3)));
    CHECK(found.status == 200);
    CHECK(client.ask(asking("POST", "/api/sessions/" + id_of_agent(3) + "/heartbeat", "{}")).status == 200);
}

TEST_CASE("neither writes where it should not, and each says why in its exit code") {
    const temp_dir dir;
    CHECK(exit_code_of("sqlite:" + dir.file("none.db"), {"--verify"}) == exit_unavailable);
    CHECK(exit_code_of("sqlite:" + dir.file("none.db"), {"--backup", dir.file("copy")}) == exit_unavailable);
    CHECK(exit_code_of("memory:", {"--verify"}) == exit_unavailable);
    CHECK(std::filesystem::is_empty(dir.path()));
    CHECK(exit_code_of("sqlite:" + dir.file("none.db"), {"--backup="}) == 78);
}
