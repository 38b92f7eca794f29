// The framing cases through nginx, configured as daemon/deploy has it. Where it only ends TLS it passes on
// what it gets, and all must be as it is without nginx. Where it speaks HTTP it reads requests itself, and
// keeps its connections to the daemon open for whoever comes next: it and the daemon must agree on where each
// one ends, or one client could speak for another.
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <array>
#include <fstream>
#include <iterator>
#include <regex>
#include <vector>

#include "framing_runner.hpp"
#include "temp_dir.hpp"

using namespace statetrackd;
using namespace statetrackd::testing;

namespace {

constexpr int answers_max = 4;

std::string echoing(const std::string& body) {
    return "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           body;
}

std::uint16_t free_port() {
    const int probe = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    REQUIRE(::bind(probe, reinterpret_cast<const sockaddr*>(&at), size) == 0);
    REQUIRE(::getsockname(probe, reinterpret_cast<sockaddr*>(&at), &size) == 0);
    ::close(probe);
    return ntohs(at.sin_port);
}

enum class front : std::uint8_t { http, stream };

// What daemon/deploy has for it, on ports of our own, without TLS, and with no bound on how often a test may
// ask.
std::string shipped_configuration(front kind, std::uint16_t port, std::uint16_t upstream) {
    const std::string name = kind == front::http ? "nginx.conf" : "nginx-stream.conf";
    std::ifstream in(std::string(STATETRACKD_DEPLOY) + "/" + name);
    REQUIRE(in.good());
    std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    const std::array<std::pair<std::string, std::string>, 3> ours = {
        {{R"(127\.0\.0\.1:8080)", "127.0.0.1:" + std::to_string(upstream)},
         {R"(listen 443 ssl)", "listen 127.0.0.1:" + std::to_string(port)},
         {R"(\n *(ssl_|limit_)[^\n]*)", ""}}};
    for (const auto& [what, by] : ours) {
        REQUIRE(std::regex_search(text, std::regex(what)));
        text = std::regex_replace(text, std::regex(what), by);
    }
    return text;
}

// Around it: bodies are passed on as they come, and who sends no more of his request is not waited for.
std::string configuration(front kind, const std::string& folder, const std::string& shipped) {
    std::string text = "daemon off; master_process off; worker_processes 1; pid " + folder +
                       "/pid; error_log " + folder + "/error.log;\nevents { worker_connections 256; }\n";
    if (kind == front::stream) return "load_module " NGINX_STREAM_PATH ";\n" + text + shipped;
    text += "http {\naccess_log off;\n";
    for (const auto* part : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
        text += std::string(part) + "_temp_path " + folder + "/" + part + ";\n";
    return text +
           "client_header_timeout 1s; client_body_timeout 1s; keepalive_requests 100000; "
           "proxy_request_buffering off;\n" +
           shipped + "}\n";
}

class nginx {
public:
    nginx(front kind, std::uint16_t upstream) : port(free_port()) {
        const auto file = folder_.file("nginx.conf");
        std::ofstream(file) << configuration(kind, folder_.path().string(),
                                             shipped_configuration(kind, port, upstream));
        std::vector<std::string> words = {
            NGINX_PATH, "-p", folder_.path().string(), "-e", folder_.file("start.log"), "-c", file};
        std::vector<char*> arguments;
        for (auto& word : words) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        REQUIRE(::posix_spawn(&pid_, NGINX_PATH, nullptr, nullptr, arguments.data(), environ) == 0);
        while (!http_client(port).connected()) REQUIRE(::waitpid(pid_, nullptr, WNOHANG) == 0);
    }
    ~nginx() {
        ::kill(pid_, SIGTERM);
        ::waitpid(pid_, nullptr, 0);
    }

    const std::uint16_t port;

private:
    statetrack::testing::temp_dir folder_;
    pid_t pid_ = 0;
};

struct outcome {
    std::vector<int> statuses{};
    int tweets = 0;        // answers to the canary that the client got
    int canaries_run = 0;  // in the daemon
};

class http_runner {
public:
    outcome send(const std::string& bytes) {
        outcome found;
        const auto before = h_.canaries.load();
        http_client client(front_.port);
        client.send(bytes);
        client.send(canary);
        for (int i = 0; i < answers_max && found.tweets == 0; ++i) {
            const auto reply = client.receive();
            if (reply.status == 0) break;
            found.statuses.push_back(reply.status);
            if (reply.body == "tweet") ++found.tweets;
        }
        found.canaries_run = h_.canaries.load() - before;
        return found;
    }
    // Another client, whose answer must be its own.
    bool next_client_is_served() {
        const auto own = std::to_string(++sent_);
        return http_client(front_.port).ask(echoing(own)).body == '<' + own + '>';
    }

private:
    server_harness h_{{.body_bytes_max = framing_body_bytes_max}};
    nginx front_{front::http, h_.port};
    int sent_ = 0;
};

// What is wrong with it; empty: nothing. nginx mends much of what the daemon refuses (lines that end with LF,
// a strange Host) and then serves the canary too; but not where lengths contradict each other.
std::string judge(const framing_case& c, bool about_lengths, const outcome& found) {
    if (found.tweets != found.canaries_run)
        return "the canary ran " + std::to_string(found.canaries_run) + " times, and was answered " +
               std::to_string(found.tweets) + " times";
    if (about_lengths && c.after == then::closes && found.tweets > 0)
        return "the canary ran behind a refusal";
    return "";
}

void run_all(const std::vector<framing_case>& cases, bool about_lengths) {
    http_runner r;
    for (const auto& c : cases) {
        CAPTURE(c.rule);
        CHECK(judge(c, about_lengths, r.send(c.bytes)) == "");
        REQUIRE(r.next_client_is_served());
    }
}

// Where nginx ends TLS only.
class stream_runner : public framing_runner {
public:
    stream_runner() : stream_runner(std::make_shared<both>()) {}

private:
    struct both {
        server_harness h{{.body_bytes_max = framing_body_bytes_max}};
        nginx before{front::stream, h.port};
    };
    explicit stream_runner(const std::shared_ptr<both>& of)
        : framing_runner(of->h, [of] { return std::make_unique<http_client>(of->before.port); }) {}
};

}  // namespace

TEST_CASE("behind nginx that ends TLS: every case is as it is without, whole and cut at every byte") {
    stream_runner r;
    for (auto* some : {message_cases, request_line_cases, host_cases, field_cases, length_cases, coding_cases,
                       chunk_cases, connection_cases})
        r.run_all(some());
}

TEST_CASE("behind nginx: message syntax") { run_all(message_cases(), false); }
TEST_CASE("behind nginx: request line") { run_all(request_line_cases(), false); }
TEST_CASE("behind nginx: Host") { run_all(host_cases(), false); }
TEST_CASE("behind nginx: fields") { run_all(field_cases(), false); }
TEST_CASE("behind nginx: Content-Length") { run_all(length_cases(), true); }
TEST_CASE("behind nginx: Transfer-Encoding") { run_all(coding_cases(), true); }
TEST_CASE("behind nginx: chunks") { run_all(chunk_cases(), false); }
TEST_CASE("behind nginx: connection") { run_all(connection_cases(), false); }

TEST_CASE("behind nginx: a sound request and the one behind it are served") {
    http_runner r;
    const auto found = r.send(echoing("x"));
    CHECK(found.statuses == std::vector<int>{200, 200});
    CHECK(found.tweets == 1);
    CHECK(found.canaries_run == 1);
}

TEST_CASE("behind nginx: a canary that ran unseen, or behind a refusal, is found") {
    const framing_case closes{"closes", "", 400, then::closes};
    CHECK(judge(closes, true, {.statuses = {400}, .tweets = 0, .canaries_run = 1}) != "");
    CHECK(judge(closes, true, {.statuses = {400, 200}, .tweets = 1, .canaries_run = 1}) != "");
    CHECK(judge(closes, false, {.statuses = {400, 200}, .tweets = 1, .canaries_run = 1}) == "");
}
