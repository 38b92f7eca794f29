// The real daemon with TLS: started rightly and wrongly, its certificate renewed by SIGHUP while clients ask.
#include <atomic>
#include <cstdio>
#include <fstream>
#include <thread>
#include <vector>

#include "../daemon/tls_client.hpp"
#include "../daemon/tls_credentials.hpp"
#include "daemon_process.hpp"
#include "temp_dir.hpp"

using namespace statetrackd::testing;
using statetrack::testing::temp_dir;

namespace {

const std::string steady_key = "4d6f2c1e-9a58-4b7e-8c3d-2f1a0b9c8d7e";
const std::string ask_text = "GET /api/sessions HTTP/1.1\r\nHost: h\r\nX-API-Key: " + steady_key + "\r\n\r\n";
constexpr int renewals = 10;

class credential_files {
public:
    credential_files() { put(make_credentials({.name = "turn 0"})); }

    // The key first: between the two renames no reload takes place.
    void put(const tls_credentials& made) const {
        replace(key(), made.key);
        replace(certificate(), made.certificate);
    }
    static void replace(const std::string& path, const std::string& content) {
        std::ofstream(path + ".next") << content;
        REQUIRE(std::rename((path + ".next").c_str(), path.c_str()) == 0);
    }
    std::string certificate() const { return folder_.file("cert.pem"); }
    std::string key() const { return folder_.file("key.pem"); }
    std::vector<std::string> settings() const {
        return {"DATABASE_URL=memory:",           "API_KEYS=" + steady_key, "RATE_LIMIT_PER_MINUTE=0",
                "TLS_CERT_FILE=" + certificate(), "TLS_KEY_FILE=" + key(),  "LOG_LEVEL=debug"};
    }

private:
    const temp_dir folder_;
};

// A sanitizer that found something in the daemon speaks through its exit code.
void ends_well(daemon_process& daemon) {
    daemon.signal(SIGTERM);
    daemon.rest_of_log();
    CHECK(daemon.exit_code() == 0);
}

}  // namespace

TEST_CASE("a daemon with a certificate speaks TLS on its port, redirects on the other, and says so") {
    const credential_files files;
    auto settings = files.settings();
    settings.emplace_back("HTTP_REDIRECT_PORT=0");
    daemon_process daemon(settings);
    const std::string mark = "\"redirects plain HTTP\",\"context\":{\"port\":";
    const auto line = daemon.await_log(mark);
    const auto redirect_port =
        static_cast<std::uint16_t>(std::stoi(line.substr(line.find(mark) + mark.size())));
    const auto started = daemon.await_log("https://127.0.0.1:");
    const std::string before_port = "https://127.0.0.1:";
    const auto port =
        static_cast<std::uint16_t>(std::stoi(started.substr(started.find(before_port) + before_port.size())));

    const auto reply = tls_client(port).ask(ask_text);
    CHECK(reply.status == 200);
    CHECK(reply.has("Strict-Transport-Security: max-age=63072000\r\n"));
    const auto elsewhere = http_client(redirect_port).ask(ask_text);
    CHECK(elsewhere.status == 308);
    CHECK(elsewhere.has("Location: https://h:" + std::to_string(port) + "/api/sessions\r\n"));

    // Once for the connection, not for each request in it.
    http_client plain(port);
    plain.send(ask_text + ask_text);
    CHECK(plain.ends_orderly());
    daemon.await_log(
        "\"level\":\"debug\",\"message\":\"handshake failed\",\"context\":{\"address\":\"127.0.0.1\","
        "\"reason\":\"http request");
    daemon.signal(SIGTERM);
    CHECK(daemon.rest_of_log().find("http request", daemon.rest_of_log().find("http request") + 1) ==
          std::string::npos);
    CHECK(daemon.exit_code() == 0);
}

TEST_CASE(
    "a certificate renewed by SIGHUP under load: no request is lost, old connections go on, new ones see "
    "it") {
    const credential_files files;
    daemon_process daemon(files.settings());
    const auto port = daemon.port();
    std::atomic<bool> over{false};
    std::atomic<int> served{0}, lost{0};
    std::vector<std::jthread> clients;
    for (int i = 0; i < 2; ++i)
        clients.emplace_back([&] {
            tls_client client(port);
            while (!over) ++(client.ask(ask_text).status == 200 ? served : lost);
        });
    for (int i = 0; i < 2; ++i)
        clients.emplace_back([&] {
            while (!over) {
                tls_client client(port);
                ++(client.shaken() && client.ask(ask_text).status == 200 ? served : lost);
            }
        });
    tls_client first(port);
    CHECK(first.certificate_name() == "turn 0");
    for (int i = 1; i <= renewals; ++i) {
        const auto name = "turn " + std::to_string(i);
        files.put(make_credentials({.name = name}));
        daemon.signal(SIGHUP);
        daemon.await_log("\"message\":\"reloaded\"");
        CHECK(tls_client(port).certificate_name() == name);
        CHECK(first.ask(ask_text).status == 200);
    }
    over = true;
    clients.clear();
    CHECK(lost == 0);
    CHECK(served > renewals);
    ends_well(daemon);
}

TEST_CASE("a renewal that went wrong leaves the old certificate in use, and is logged") {
    const credential_files files;
    daemon_process daemon(files.settings());
    const auto port = daemon.port();
    files.replace(files.certificate(), make_credentials({.name = "without its key"}).certificate);
    daemon.signal(SIGHUP);
    daemon.await_log("the private key is not that of the certificate");
    daemon.await_log("reload refused: nothing was changed");
    tls_client client(port);
    CHECK(client.certificate_name() == "turn 0");
    CHECK(client.ask(ask_text).status == 200);
    ends_well(daemon);
}

TEST_CASE("started with wrong files it names them and exits with 78") {
    constexpr int exit_config = 78;
    const credential_files files;
    const auto says = [&](std::vector<std::string> settings) {
        settings.emplace_back("API_KEYS=" + steady_key);
        daemon_process daemon(std::move(settings));
        auto said = daemon.rest_of_log();
        CHECK(daemon.exit_code() == exit_config);
        return said;
    };
    const auto certificate = "TLS_CERT_FILE=" + files.certificate();
    const auto key = "TLS_KEY_FILE=" + files.key();
    CHECK(says({certificate}).find("TLS_KEY_FILE is missing") != std::string::npos);
    CHECK(says({key}).find("TLS_CERT_FILE is missing") != std::string::npos);
    CHECK(says({"HTTP_REDIRECT_PORT=80"}).find("HTTP_REDIRECT_PORT=80: ") != std::string::npos);
    CHECK(says({certificate + "x", key}).find(certificate + "x: the file cannot be read") !=
          std::string::npos);
    CHECK(says({"TLS_CERT_FILE=" + files.key(), key}).find("there is no certificate in the file") !=
          std::string::npos);
    files.replace(files.key(), make_credentials().key);
    CHECK(says({certificate, key}).find(key + ": the private key is not that of the certificate") !=
          std::string::npos);
    daemon_process checked({"API_KEYS=" + steady_key, certificate, key}, {"--check-config"});
    checked.rest_of_log();
    CHECK(checked.exit_code() == exit_config);
}

TEST_CASE("an expired certificate is warned of, and served") {
    const credential_files files;
    files.put(make_credentials({.valid_until_s = 1'500'000'000}));
    daemon_process daemon(files.settings());
    daemon.await_log("\"level\":\"warn\",\"message\":\"certificate has expired\"");
    CHECK(tls_client(daemon.port()).ask(ask_text).status == 200);
    ends_well(daemon);
}
