#include "config.hpp"

#include <doctest/doctest.h>

#include <map>

using namespace statetrackd;

namespace {

constexpr auto key = "4d6f2c1e-9a58-4b7e-8c3d-2f1a0b9c8d7e";

struct pretended_world {
    std::map<std::string, std::string, std::less<>> variables{};
    std::map<std::string, std::string, std::less<>> files{};

    command_line read(std::vector<std::string> arguments) const {
        const auto look_up = [](const auto& in, std::string_view name) -> std::optional<std::string> {
            const auto it = in.find(name);
            if (it == in.end()) return std::nullopt;
            return it->second;
        };
        return read_command_line(
            std::move(arguments),
            {.environment = [&](std::string_view name) { return look_up(variables, name); },
             .file = [&](const std::string& path) { return look_up(files, path); }});
    }
};

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
    pretended_world world{.variables = {{"API_KEYS", "nonsense"}, {"STALL_MODE", "maybe"}, {"PORT", "65536"}},
                          .files = {{"x.conf", "colour = red\nHEADER_TIMEOUT_MS = 10s\nno equals sign\n"}}};
    const auto read = world.read({"--config=x.conf", "--threads", "many", "--prot", "8080"});
    CHECK(mentions(read, "API_KEYS: the key nons**** is no UUID v4"));
    CHECK(mentions(read, "STALL_MODE=maybe: allowed: enforce or observe (the environment)"));
    CHECK(mentions(read, "PORT=65536: allowed: an integer from 0 to 65535"));
    CHECK(mentions(read, "colour: no such setting (file x.conf, line 1)"));
    CHECK(mentions(read, "HEADER_TIMEOUT_MS=10s"));
    CHECK(mentions(read, "file x.conf, line 3: expected name = value"));
    CHECK(mentions(read, "THREADS=many: allowed: an integer from 0 to 256 (the command line)"));
    CHECK(mentions(read, "--prot: no such flag"));
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
