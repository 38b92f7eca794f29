#include "config.hpp"

#include <doctest/doctest.h>

#include <set>

#include "pretended_world.hpp"

using namespace statetrackd;
using namespace statetrackd::testing;

namespace {

constexpr auto key = "4d6f2c1e-9a58-4b7e-8c3d-2f1a0b9c8d7e";

bool mentions(const command_line& read, std::string_view text) {
    for (const auto& line : read.problems)
        if (line.find(text) != std::string::npos) return true;
    return false;
}

}  // namespace

TEST_CASE("a key is all that has to be given") {
    const auto read = pretended_world{.variables = {{"API_KEYS", key}}}.read({});
    CHECK(read.problems.empty());
    CHECK(read.what == action::serve);
    CHECK(read.values.port == 8080);
    CHECK(read.values.keys.keys().size() == 1);
}

TEST_CASE("without a key the line says what to do") {
    const auto read = pretended_world{}.read({});
    REQUIRE(read.problems.size() == 1);
    CHECK(mentions(read, "API_KEYS: required"));
    CHECK(pretended_world{}.read({"--dev"}).problems.empty());
}

TEST_CASE("a flag beats the environment, which beats the file") {
    pretended_world world{
        .variables = {{"API_KEYS", key}, {"PORT", "2"}, {"HOST", "::1"}},
        .files = {{"x.conf", "# a comment\n\nport = 3\nHOST=10.0.0.1\nstall-threshold-ms = 5000\n"}}};
    const auto read = world.read({"--config", "x.conf", "--port=1"});
    CHECK(read.problems.empty());
    CHECK(read.values.port == 1);
    CHECK(read.values.host == "::1");
    CHECK(read.values.tracker.stall_threshold_ms == 5000);
}

TEST_CASE("every wrong value is named at once, with its source and what is allowed") {
    pretended_world world{.variables = {{"API_KEYS", "nonsense"},
                                        {"STALL_MODE", "maybe"},
                                        {"HOST", "http://localhost"},
                                        {"PORT", "65536"}},
                          .files = {{"x.conf", "colour = red\nHEADER_TIMEOUT_MS = 10s\nno equals sign\n"}}};
    const auto read = world.read({"--config=x.conf", "--threads", "many", "--prot", "8080"});
    CHECK(mentions(read, "API_KEYS: the key nons**** is no UUID v4"));
    CHECK(mentions(read, "STALL_MODE=maybe: allowed: enforce or observe (the environment)"));
    CHECK(mentions(read, "HOST=http://localhost: allowed: an address or a host name"));
    CHECK(mentions(read, "PORT=65536: allowed: an integer from 0 to 65535"));
    CHECK(mentions(read, "colour: no such setting (file x.conf, line 1)"));
    CHECK(mentions(read, "HEADER_TIMEOUT_MS=10s"));
    CHECK(mentions(read, "file x.conf, line 3: expected name = value"));
    CHECK(mentions(read, "THREADS=many: allowed: an integer from 0 to 256 (the command line)"));
    CHECK(mentions(read, "--prot: no such flag"));
}

TEST_CASE("a key in the wrong place is not shown with what is wrong there") {
    pretended_world world{.variables = {{"PORT", key}}, .files = {{"x.conf", std::string(key) + " = ci\n"}}};
    const auto own = std::string(key);
    for (const auto& arguments : std::vector<std::vector<std::string>>{
             {"--api-key", own}, {"--" + own}, {"--dev=" + own}, {own}, {"--config=x.conf"}}) {
        const auto read = world.read(arguments);
        CAPTURE(arguments.front());
        CHECK_FALSE(read.problems.empty());
        CHECK(mentions(read, own.substr(0, 4)));
        CHECK_FALSE(mentions(read, own.substr(4, 8)));
    }
}

TEST_CASE("a file that cannot be read is said so") {
    CHECK(mentions(pretended_world{.variables = {{"API_KEYS", key}}}.read({"--config", "gone.conf"}),
                   "gone.conf"));
    CHECK(mentions(pretended_world{.variables = {{"API_KEYS_FILE", "gone"}}}.read({}), "API_KEYS_FILE=gone"));
}

TEST_CASE("keys may come from a file, one a line") {
    pretended_world world{.variables = {{"API_KEYS_FILE", "keys"}},
                          .files = {{"keys", "# ours\nci=" + std::string(key) + "\n\n"}}};
    const auto read = world.read({});
    CHECK(read.problems.empty());
    REQUIRE(read.values.keys.keys().size() == 1);
    CHECK(read.values.keys.keys()[0].name == "ci");
}

TEST_CASE("an empty variable counts as not set") {
    const auto read = pretended_world{.variables = {{"API_KEYS", key}, {"PORT", ""}}}.read({});
    CHECK(read.problems.empty());
    CHECK(read.values.port == 8080);
}

TEST_CASE("help names every setting, flag and variable") {
    const auto read = pretended_world{}.read({"--help"});
    CHECK(read.what == action::help);
    for (const auto& s : all_settings()) {
        CAPTURE(s.name);
        CHECK(read.text.find(flag_of(s.name)) != std::string::npos);
        CHECK(read.text.find("[" + std::string(s.name) + "]") != std::string::npos);
    }
    CHECK(pretended_world{}.read({"--version"}).text.starts_with("statetrackd "));
}

TEST_CASE("what is printed masks the secrets and can be read back") {
    pretended_world world{.variables = {{"API_KEYS", "ci=" + std::string(key)}, {"PORT", "9"}}};
    const auto read = world.read({"--print-config"});
    CHECK(read.what == action::print);
    CHECK(read.text.find("API_KEYS=ci:admin=4d6f****") != std::string::npos);
    CHECK(read.text.find(key) == std::string::npos);
    CHECK(read.text.find("PORT=9\n") != std::string::npos);

    // Every other line is a valid file.
    auto file = read.text.substr(read.text.find('\n') + 1);
    const auto again =
        pretended_world{.variables = {{"API_KEYS", key}}, .files = {{"f", file}}}.read({"--config=f"});
    CHECK(again.problems.empty());
    CHECK(again.values.port == 9);
}

TEST_CASE("a database password is masked") {
    settings values;
    values.database_url = "postgresql://user:hunter2@db.example/app";
    CHECK(print_settings(values).find("DATABASE_URL=postgresql://user:****@db.example/app") !=
          std::string::npos);
}

TEST_CASE("every default is itself allowed") {
    for (const auto& s : all_settings()) {
        if (s.secret) continue;
        CAPTURE(s.name);
        settings values;
        CHECK(s.assign(values, s.show(settings{})).empty());
    }
}

TEST_CASE("every variable of the contract is a setting, as variable, flag and key of a file, or is refused") {
    // As the contract lists them, but for what is not there yet.
    const std::set<std::string_view> contract{"API_KEYS",
                                              "API_KEYS_FILE",
                                              "DATABASE_URL",
                                              "HOST",
                                              "PORT",
                                              "STALL_THRESHOLD_MS",
                                              "STALL_SCAN_INTERVAL_MS",
                                              "STALL_MODE",
                                              "STALL_GUARD",
                                              "MAX_ANNOUNCED_SILENCE_MS",
                                              "MACHINE_OFFLINE_THRESHOLD_MS",
                                              "RETENTION_DAYS",
                                              "ABANDONED_AFTER_HOURS",
                                              "EVENT_RETENTION_DAYS",
                                              "CLEANUP_INTERVAL_MS",
                                              "IDEMPOTENCY_TTL_SECONDS",
                                              "RATE_LIMIT_PER_MINUTE",
                                              "HEARTBEAT_RATE_LIMIT_PER_MINUTE",
                                              "REQUEST_TIMEOUT_MS",
                                              "DATABASE_TIMEOUT_MS",
                                              "MAX_BODY_BYTES",
                                              "MAX_CONNECTIONS",
                                              "IDLE_TIMEOUT_MS",
                                              "HEADER_TIMEOUT_MS",
                                              "CORS_ORIGINS",
                                              "LOG_LEVEL",
                                              "LOG_FORMAT",
                                              "ENVIRONMENT",
                                              "THREADS",
                                              "TLS_CERT_FILE",
                                              "TLS_KEY_FILE",
                                              "HTTP_REDIRECT_PORT"};
    std::set<std::string_view> ours;
    for (const auto& s : all_settings()) CHECK(ours.insert(s.name).second);
    for (const auto name : contract) {
        CAPTURE(name);
        CHECK(ours.count(name) == 1);
    }
    ours.erase("AUTH_FAILURE_LIMIT_PER_MINUTE");  // our own
    CHECK(ours == contract);
}

TEST_CASE("every setting takes its own printed value from variable, flag and file alike") {
    for (const auto& s : all_settings()) {
        const auto shown = s.show(settings{});
        if (s.secret || shown.empty()) continue;
        CAPTURE(s.name);
        pretended_world by_variable{.variables = {{"API_KEYS", key}, {std::string(s.name), shown}}};
        CHECK(by_variable.read({}).problems.empty());
        const pretended_world by_flag{.variables = {{"API_KEYS", key}}};
        CHECK(by_flag.read({flag_of(s.name), shown}).problems.empty());
        const pretended_world by_file{.variables = {{"API_KEYS", key}},
                                      .files = {{"f", flag_of(s.name).substr(2) + " = " + shown}}};
        CHECK(by_file.read({"--config=f"}).problems.empty());
    }
}

TEST_CASE("every setting that can be wrong is refused from each place, which is named") {
    for (const auto& s : all_settings()) {
        if (s.name == "API_KEYS_FILE") continue;  // any text may be the path of a file
        const std::string wrong = s.name == "ENVIRONMENT" ? std::string(300, 'x') : "\x01 wrong";
        const std::string name(s.name);
        CAPTURE(name);
        std::map<std::string, std::string, std::less<>> keys{{"API_KEYS", key}};
        auto variables = keys;
        variables[name] = wrong;
        CHECK(mentions(pretended_world{.variables = variables}.read({}), "(the environment)"));
        CHECK(mentions(pretended_world{.variables = keys}.read({flag_of(name) + "=" + wrong}),
                       "(the command line)"));
        if (s.secret) keys.clear();  // the environment would win
        CHECK(mentions(pretended_world{.variables = keys, .files = {{"f", "\n" + name + "=" + wrong}}}.read(
                           {"--config=f"}),
                       "(file f, line 2)"));
    }
}

TEST_CASE("a file of keys without a key is wrong, even where there are others") {
    pretended_world world{.variables = {{"API_KEYS", key}, {"API_KEYS_FILE", "keys"}},
                          .files = {{"keys", "#\n"}}};
    CHECK(mentions(world.read({}), "API_KEYS_FILE=keys: there is no key in the file (the environment)"));
}

TEST_CASE("a wrong key is not repeated, and neither is a right one beside it") {
    const auto read =
        pretended_world{.variables = {{"API_KEYS", "ci=" + std::string(key) + ",boss:king=" + key}}}.read({});
    REQUIRE_FALSE(read.problems.empty());
    CHECK_FALSE(mentions(read, std::string(key).substr(0, 8)));
}
