// The settings of TLS: which are taken, which are refused and how, what a reload makes of them.
#include <doctest/doctest.h>

#include "pretended_world.hpp"
#include "reload.hpp"
#include "statetrack/manual_clock.hpp"
#include "tls_credentials.hpp"

using namespace statetrackd;
using namespace statetrackd::testing;

namespace {

constexpr auto some_key = "4d6f2c1e-9a58-4b7e-8c3d-2f1a0b9c8d7e";

pretended_world world_with_tls(const tls_credentials& made = make_credentials()) {
    return {.variables = {{"API_KEYS", some_key}, {"TLS_CERT_FILE", "c.pem"}, {"TLS_KEY_FILE", "k.pem"}},
            .files = {{"c.pem", made.certificate}, {"k.pem", made.key}}};
}

// The only problem of this configuration.
std::string problem_of(const pretended_world& world) {
    const auto read = world.read({});
    return read.problems.size() == 1 ? read.problems.front() : std::to_string(read.problems.size());
}

class tls_reloads {
public:
    explicit tls_reloads(pretended_world& world)
        : first_(world.read({})),
          keys_(first_.values.keys),
          limits_(first_.values.limits, 1),
          tls(first_.values.tls),
          log_(std::make_unique<logger>(clock, log_options{},
                                        [this](std::string_view lines) { logged_ += lines; })),
          again_(std::make_unique<reloader>(
              first_, world.seen(),
              reloader::parts{.keys = keys_, .limits = limits_, .tls = tls, .log = *log_, .time = clock})) {}

    bool reload() { return again_->reload(); }
    logger& log() { return *log_; }
    // All that was logged. The last call.
    std::string end_log() {
        again_.reset();
        log_.reset();
        return logged_;
    }

    statetrack::manual_clock clock;

private:
    command_line first_;
    keys_in_use keys_;
    limiter limits_;

public:
    tls_in_use tls;

private:
    std::string logged_;
    std::unique_ptr<logger> log_;
    std::unique_ptr<reloader> again_;
};

}  // namespace

TEST_CASE("a certificate and its key are taken from their files") {
    auto world = world_with_tls();
    const auto read = world.read({"--http-redirect-port=80"});
    CHECK(read.problems.empty());
    CHECK(read.values.tls);
    CHECK(read.values.redirect_port == 80);
    const auto printed = print_settings(read.values);
    CHECK(printed.find("TLS_CERT_FILE=c.pem\nTLS_KEY_FILE=k.pem\nHTTP_REDIRECT_PORT=80\n") !=
          std::string::npos);
    CHECK(printed.find("PRIVATE KEY") == std::string::npos);
}

TEST_CASE("without them there is no TLS") {
    const auto read = pretended_world{.variables = {{"API_KEYS", some_key}}}.read({});
    CHECK(read.problems.empty());
    CHECK_FALSE(read.values.tls);
    CHECK_FALSE(read.values.redirect_port);
    const pretended_world with_blanks{
        .variables = {{"API_KEYS", some_key}},
        .files = {{"f", "tls-cert-file =\ntls-key-file =\nhttp-redirect-port =\n"}}};
    const auto emptied = with_blanks.read({"--config=f"});
    CHECK(emptied.problems.empty());
    CHECK_FALSE(emptied.values.tls);
    CHECK_FALSE(emptied.values.redirect_port);
}

TEST_CASE("whatever is wrong with TLS is refused in a line that names the variable") {
    auto world = world_with_tls();
    SUBCASE("a certificate without its key") {
        world.variables.erase("TLS_KEY_FILE");
        CHECK(problem_of(world) ==
              "TLS_CERT_FILE=c.pem: TLS_KEY_FILE is missing; TLS needs both (the environment)");
    }
    SUBCASE("a key without its certificate") {
        world.variables.erase("TLS_CERT_FILE");
        CHECK(problem_of(world) ==
              "TLS_KEY_FILE=k.pem: TLS_CERT_FILE is missing; TLS needs both (the environment)");
    }
    SUBCASE("no such certificate file") {
        world.files.erase("c.pem");
        CHECK(problem_of(world) == "TLS_CERT_FILE=c.pem: the file cannot be read (the environment)");
    }
    SUBCASE("no such key file") {
        world.files.erase("k.pem");
        CHECK(problem_of(world) == "TLS_KEY_FILE=k.pem: the file cannot be read (the environment)");
    }
    SUBCASE("no certificate in it") {
        world.files["c.pem"] = "hello";
        CHECK(problem_of(world) ==
              "TLS_CERT_FILE=c.pem: there is no certificate in the file (the environment)");
    }
    SUBCASE("somebody else's key") {
        world.files["k.pem"] = make_credentials().key;
        CHECK(problem_of(world) ==
              "TLS_KEY_FILE=k.pem: the private key is not that of the certificate (the environment)");
    }
    SUBCASE("both at once") {
        world.files = {{"c.pem", ""}, {"k.pem", ""}};
        CHECK(world.read({}).problems.size() == 2);
    }
    SUBCASE("a redirect to nowhere") {
        world.variables = {{"API_KEYS", some_key}, {"HTTP_REDIRECT_PORT", "80"}};
        CHECK(problem_of(world) ==
              "HTTP_REDIRECT_PORT=80: there is no TLS to redirect to; give TLS_CERT_FILE and TLS_KEY_FILE");
    }
    SUBCASE("a redirect to itself") {
        world.variables["PORT"] = world.variables["HTTP_REDIRECT_PORT"] = "8443";
        CHECK(problem_of(world) ==
              "HTTP_REDIRECT_PORT=8443: is PORT as well; plain HTTP needs a port of its own");
    }
    SUBCASE("no port") {
        world.variables["HTTP_REDIRECT_PORT"] = "65536";
        CHECK(problem_of(world) ==
              "HTTP_REDIRECT_PORT=65536: allowed: an integer from 0 to 65535, or nothing (the environment)");
    }
}

TEST_CASE("a reload shows the certificate that stands in the file now") {
    auto world = world_with_tls();
    tls_reloads h(world);
    const auto before = h.tls.current();
    REQUIRE(before);
    const auto made = make_credentials();
    world.files = {{"c.pem", made.certificate}, {"k.pem", made.key}};
    CHECK(h.reload());
    REQUIRE(h.tls.current());
    CHECK(h.tls.current() != before);
    CHECK(h.end_log().find("\"message\":\"certificate\",\"context\":{\"valid_until\":\"2096-") !=
          std::string::npos);
}

TEST_CASE("a reload with a broken certificate changes nothing, and says what is wrong") {
    auto world = world_with_tls();
    tls_reloads h(world);
    const auto before = h.tls.current();
    SUBCASE("a certificate whose key has not come yet") {
        world.files["c.pem"] = make_credentials().certificate;
    }
    SUBCASE("half a file") { world.files["k.pem"].resize(world.files["k.pem"].size() / 2); }
    SUBCASE("no file") { world.files.erase("c.pem"); }
    SUBCASE("a wrong value elsewhere") { world.variables["PORT"] = "many"; }
    CHECK_FALSE(h.reload());
    CHECK(h.tls.current() == before);
    const auto logged = h.end_log();
    CHECK(logged.find("reload refused: nothing was changed") != std::string::npos);
    CHECK(logged.find("PRIVATE KEY") == std::string::npos);
}

TEST_CASE("TLS is neither begun nor ended by a reload") {
    auto world = world_with_tls();
    const auto with = world.variables;
    const std::map<std::string, std::string, std::less<>> without = {{"API_KEYS", some_key}};
    SUBCASE("begun") {
        world.variables = without;
        tls_reloads h(world);
        world.variables = with;
        CHECK(h.reload());
        CHECK_FALSE(h.tls.current());
        CHECK(h.end_log().find("\"setting needs a restart\",\"context\":{\"setting\":\"TLS_CERT_FILE\"}") !=
              std::string::npos);
    }
    SUBCASE("ended") {
        tls_reloads h(world);
        world.variables = without;
        CHECK(h.reload());
        CHECK(h.tls.current());
        CHECK(h.end_log().find("\"setting needs a restart\",\"context\":{\"setting\":\"TLS_CERT_FILE\"}") !=
              std::string::npos);
    }
}

TEST_CASE("a certificate that is not valid now, or not for long, is warned of") {
    auto world = world_with_tls();
    tls_reloads h(world);
    const auto now = h.clock.read().wall;
    constexpr std::int64_t day_s = 86'400;
    const auto shown = [&](std::int64_t from_s, std::int64_t until_s) {
        const auto made = make_credentials(
            {.valid_from_s = now.ms / 1'000 + from_s, .valid_until_s = now.ms / 1'000 + until_s});
        log_certificate(h.log(), *make_tls_identity(made.certificate, made.key).identity, now);
    };
    shown(-day_s, 0);
    shown(-day_s, 1);
    shown(1, day_s);
    shown(-day_s, 8 * day_s);
    const auto logged = h.end_log();
    const char* const in_turn[] = {"\"warn\",\"message\":\"certificate has expired\"",
                                   "\"warn\",\"message\":\"certificate expires soon\"",
                                   "\"warn\",\"message\":\"certificate is not valid yet\"",
                                   "\"info\",\"message\":\"certificate\""};
    std::size_t at = 0;
    for (const auto* line : in_turn) {
        CAPTURE(line);
        at = logged.find(line, at);
        CHECK(at != std::string::npos);
    }
}
