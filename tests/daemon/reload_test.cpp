#include "reload.hpp"

#include <doctest/doctest.h>

#include "pretended_world.hpp"
#include "statetrack/manual_clock.hpp"

using namespace statetrackd;
using namespace statetrackd::testing;

namespace {

const std::string first_key = "4d6f2c1e-9a58-4b7e-8c3d-2f1a0b9c8d7e";
const std::string second_key = "11111111-2222-4333-8444-555555555555";
const std::string third_key = "22222222-2222-4333-8444-555555555555";

class reload_harness {
public:
    reload_harness(pretended_world& world, std::vector<std::string> arguments)
        : first(world.read(std::move(arguments))),
          keys(first.values.keys),
          limits(first.values.limits, 1),
          tls(first.values.tls),
          log_(std::make_unique<logger>(clock, log_options{.level = first.values.level},
                                        [this](std::string_view lines) { logged_ += lines; })),
          again_(std::make_unique<reloader>(
              first, world.seen(),
              reloader::parts{.keys = keys, .limits = limits, .tls = tls, .log = *log_, .time = clock})) {
        CHECK(first.problems.empty());
    }

    bool reload() { return again_->reload(); }
    bool opens(const std::string& key) const { return keys.current()->find(key) != nullptr; }
    bool debugs() const { return log_->wants(log_level::debug); }
    std::int64_t session_limit() { return limits.use_session({}, clock.read()).limit; }
    // All that was logged. The last call.
    std::string end_log() {
        again_.reset();
        log_.reset();
        return logged_;
    }

    statetrack::manual_clock clock;
    command_line first;
    keys_in_use keys;
    limiter limits;
    tls_in_use tls;

private:
    std::string logged_;
    std::unique_ptr<logger> log_;
    std::unique_ptr<reloader> again_;
};

}  // namespace

TEST_CASE("a reload takes keys, limits and the log level as the files say now") {
    pretended_world world{.variables = {{"API_KEYS_FILE", "keys"}},
                          .files = {{"keys", "a=" + first_key}, {"x.conf", "log-level = info\n"}}};
    reload_harness h(world, {"--config=x.conf"});
    world.files["keys"] = "b:read=" + second_key;
    world.files["x.conf"] = "log-level = debug\nheartbeat-rate-limit-per-minute = 7\n";
    CHECK(h.reload());
    CHECK_FALSE(h.opens(first_key));
    CHECK(h.keys.current()->find(second_key)->may == role::read);
    CHECK(h.debugs());
    CHECK(h.session_limit() == 7);
    CHECK(h.end_log().find("\"message\":\"reloaded\",\"context\":{\"keys\":1}") != std::string::npos);
}

TEST_CASE("a reload with anything wrong in it changes nothing, and says what is wrong") {
    pretended_world world{.variables = {{"API_KEYS_FILE", "keys"}},
                          .files = {{"keys", "a=" + first_key}, {"x.conf", ""}}};
    reload_harness h(world, {"--config=x.conf"});
    SUBCASE("a wrong key") { world.files["keys"] = "a=" + second_key + "\nb=nonsense"; }
    SUBCASE("no key") { world.files["keys"] = "# none\n"; }
    SUBCASE("no key file") { world.files.erase("keys"); }
    SUBCASE("no file of settings") { world.files.erase("x.conf"); }
    SUBCASE("a wrong value") { world.files["x.conf"] = "rate-limit-per-minute = many\nlog-level = debug\n"; }
    SUBCASE("a wrong value of a setting that is not taken again") {
        world.files["x.conf"] = "port = 65536\n";
    }
    SUBCASE("an unknown setting") { world.files["x.conf"] = "log-level = debug\ncolour = red\n"; }
    CHECK_FALSE(h.reload());
    CHECK(h.opens(first_key));
    CHECK_FALSE(h.opens(second_key));
    CHECK_FALSE(h.debugs());
    CHECK(h.session_limit() == 600);
    const auto logged = h.end_log();
    CHECK(logged.find("\"problem\":") != std::string::npos);
    CHECK(logged.find("reload refused: nothing was changed") != std::string::npos);
    CHECK(logged.find(second_key) == std::string::npos);
}

TEST_CASE("keys of the environment and the command line stay, though their text is gone") {
    pretended_world world{.variables = {{"API_KEYS", first_key}, {"API_KEYS_FILE", "keys"}},
                          .files = {{"keys", second_key}}};
    SUBCASE("environment") {}
    SUBCASE("command line") { world.variables.erase("API_KEYS"); }
    const bool flag = world.variables.count("API_KEYS") == 0;
    reload_harness h(world,
                     flag ? std::vector<std::string>{"--api-keys", first_key} : std::vector<std::string>{});
    if (!flag) world.variables["API_KEYS"] = std::string(36, '*');
    for (const auto& argument : h.first.arguments) CHECK(argument.find(first_key) == std::string::npos);
    world.files["keys"] = third_key;
    CHECK(h.reload());
    CHECK(h.opens(first_key));
    CHECK_FALSE(h.opens(second_key));
    CHECK(h.opens(third_key));
    CHECK(h.reload());
    CHECK(h.opens(first_key));
}

TEST_CASE("keys in the file of settings are read again") {
    pretended_world world{.files = {{"x.conf", "api-keys = " + first_key + "\n"}}};
    reload_harness h(world, {"--config=x.conf"});
    world.files["x.conf"] = "api-keys = " + second_key + "\n";
    CHECK(h.reload());
    CHECK(h.opens(second_key));
    CHECK_FALSE(h.opens(first_key));
}

TEST_CASE("a setting that cannot be exchanged is said to need a restart, and the rest is exchanged") {
    pretended_world world{.variables = {{"API_KEYS", first_key}}, .files = {{"x.conf", "port = 1\n"}}};
    reload_harness h(world, {"--config=x.conf"});
    world.files["x.conf"] = "port = 2\nlog-level = debug\n";
    CHECK(h.reload());
    CHECK(h.debugs());
    const auto logged = h.end_log();
    CHECK(logged.find("\"message\":\"setting needs a restart\",\"context\":{\"setting\":\"PORT\"}") !=
          std::string::npos);
    CHECK(logged.find("\"setting\":\"LOG_LEVEL\"") == std::string::npos);
}
