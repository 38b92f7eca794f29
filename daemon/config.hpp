// Every setting of the daemon, from one table: flag beats environment beats file; whatever is wrong is named
// at once. Opens nothing but the files it is told to read.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guard/cors.hpp"
#include "guard/keys.hpp"
#include "guard/limits.hpp"
#include "guard/tls_identity.hpp"
#include "observe/log.hpp"
#include "statetrack/tracker.hpp"

namespace statetrackd {

struct settings {
    key_ring keys{};
    std::string keys_file{};
    std::string database_url = "sqlite:statetrack.db";
    std::string host = "127.0.0.1";
    std::int64_t port = 8080;
    statetrack::tracker_options tracker{};
    rate_limits limits{};
    origin_list cors_origins{};
    std::int64_t request_timeout_ms = 29'000;
    std::int64_t database_timeout_ms = 10'000;
    std::int64_t body_bytes_max = 262'144;
    std::int64_t connections_max = 10'000;
    std::int64_t idle_timeout_ms = 75'000;
    std::int64_t header_timeout_ms = 10'000;
    log_level level = log_level::info;
    log_format format = log_format::json;
    std::string environment = "development";
    std::int64_t threads = 0;  // 0: as many as there are cores for it
    std::string tls_certificate_file{};
    std::string tls_key_file{};
    std::shared_ptr<const tls_identity> tls{};    // what stands in them; null: no TLS
    std::optional<std::int64_t> redirect_port{};  // plain HTTP's, with TLS only
};

// One row of the table.
struct setting {
    std::string_view name;  // of the environment variable; the flag is made from it
    std::string_view help;
    std::string_view allowed;  // said when a value is wrong
    bool secret = false;
    bool reloadable = false;  // taken again at SIGHUP
    // Answers what is wrong beside `allowed`, or an empty list.
    std::function<std::vector<std::string>(settings&, std::string_view text)> assign;
    std::function<std::string(const settings&)> show;
};
const std::vector<setting>& all_settings();
// `STALL_MODE` → `--stall-mode`.
std::string flag_of(std::string_view name);

enum class action : std::uint8_t { serve, help, version, check, print, verify, back_up };

struct command_line {
    action what = action::serve;
    bool dev = false;
    settings values{};
    std::vector<std::string> problems{};  // one line each; not empty: exit with 78
    std::string text{};                   // of help and print
    std::string backup_file{};            // of back_up

    // For read_again: the arguments without the keys in them, and the keys where they came from a place that
    // was wiped behind them.
    std::vector<std::string> arguments{};
    std::optional<key_ring> kept_keys{};
};

// What reading the configuration needs of the world; replaced in tests.
struct surroundings {
    std::function<std::optional<std::string>(std::string_view name)> environment;
    std::function<std::optional<std::string>(const std::string& path)>
        file;  // its content; nothing: unreadable
};
surroundings system_surroundings();

// `arguments` without the program's name. The API keys are wiped from what was read.
command_line read_command_line(std::vector<std::string> arguments, const surroundings& world);

// The configuration as it is now, for a daemon that was started by `first`. API_KEYS of the command line and
// the environment stay as they were; files are read again.
command_line read_again(const command_line& first, const surroundings& world);

// The effective values, one `NAME=value` a line, secrets masked.
std::string print_settings(const settings& values);

}  // namespace statetrackd
