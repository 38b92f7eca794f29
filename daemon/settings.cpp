// The table of all settings: name, help, what is allowed, how a text becomes a value and back.
#include <algorithm>
#include <charconv>
#include <limits>
#include <thread>

#include "api/ascii.hpp"
#include "config.hpp"

namespace statetrackd {
namespace {

using problems = std::vector<std::string>;

constexpr std::int64_t day_ms = 86'400'000;
constexpr std::int64_t timeout_ms_max = 3'600'000;
constexpr std::int64_t port_max = 65'535;

// Where a setting lives inside `settings`.
template <class T>
using place = T& (*)(settings&);

std::optional<std::int64_t> whole_number(std::string_view text) {
    std::int64_t n = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (ec != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return n;
}

struct bounds {
    std::int64_t min;
    std::int64_t max;
};

setting number(std::string_view name, std::string_view help, std::string_view allowed, bounds within,
               place<std::int64_t> at) {
    return {.name = name,
            .help = help,
            .allowed = allowed,
            .assign =
                [=](settings& s, std::string_view text) {
                    const auto n = whole_number(text);
                    if (!n || *n < within.min || *n > within.max) return problems{""};
                    at(s) = *n;
                    return problems{};
                },
            .show = [=](const settings& s) { return std::to_string(at(const_cast<settings&>(s))); }};
}

setting text(std::string_view name, std::string_view help, std::string_view allowed, place<std::string> at,
             bool (*accepts)(std::string_view)) {
    return {.name = name,
            .help = help,
            .allowed = allowed,
            .assign =
                [=](settings& s, std::string_view given) {
                    if (!accepts(given)) return problems{""};
                    at(s) = std::string(given);
                    return problems{};
                },
            .show = [=](const settings& s) { return at(const_cast<settings&>(s)); }};
}

template <class T>
struct choice {
    std::string_view word;
    T value;
};

template <class T>
setting one_of(std::string_view name, std::string_view help, std::string_view allowed,
               std::vector<choice<T>> choices, place<T> at) {
    return {.name = name,
            .help = help,
            .allowed = allowed,
            .assign =
                [=](settings& s, std::string_view given) {
                    for (const auto& c : choices) {
                        if (c.word != given) continue;
                        at(s) = c.value;
                        return problems{};
                    }
                    return problems{""};
                },
            .show =
                [=](const settings& s) {
                    for (const auto& c : choices)
                        if (c.value == at(const_cast<settings&>(s))) return std::string(c.word);
                    return std::string{};
                }};
}

// Each key by its name and first characters.
std::string masked_keys(const settings& s) {
    std::string shown;
    for (const auto& key : s.keys.keys()) {
        if (!shown.empty()) shown += ',';
        shown += key.name + ':' + std::string(name_of(key.may)) + '=' + key.masked;
    }
    return shown;
}

// What can stand in an IPv4 or IPv6 address, its zone included, or in a name; whether there is such a one the
// system knows.
bool names_a_host(std::string_view text) {
    constexpr std::size_t name_length_max = 253;
    return !text.empty() && text.size() <= name_length_max && std::ranges::all_of(text, [](char c) {
        return is_letter(c) || is_digit(c) || std::string_view(".:-_%").find(c) != std::string_view::npos;
    });
}

bool is_database_url(std::string_view url) {
    return url == "memory:" || (url.starts_with("sqlite:") && url.size() > 7) ||
           url.starts_with("postgresql://") || url.starts_with("postgres://");
}

// The password in `postgresql://user:password@host/…` is for nobody's eyes.
std::string without_password(const std::string& url) {
    const auto from = url.find("://");
    const auto at = url.rfind('@');
    if (from == std::string::npos || at == std::string::npos) return url;
    const auto colon = url.find(':', from + 3);
    if (colon == std::string::npos || colon > at) return url;
    return url.substr(0, colon + 1) + "****" + url.substr(at);
}

void add_service_settings(std::vector<setting>& all) {
    all.push_back({.name = "API_KEYS",
                   .help = "The keys that may call: UUIDs of version 4, separated by commas, each optionally "
                           "name=uuid or name:role=uuid with role admin (default), client or read. Required, "
                           "here or in API_KEYS_FILE.",
                   .allowed = "UUIDs of version 4, separated by commas, each optionally name=uuid or "
                              "name:role=uuid",
                   .secret = true,
                   .reloadable = true,
                   .assign = [](settings& s, std::string_view given) { return s.keys.add(given); },
                   .show = masked_keys});
    all.push_back(text(
        "API_KEYS_FILE", "A file of keys, one a line, as in API_KEYS.", "the path of a file that can be read",
        [](settings& s) -> std::string& { return s.keys_file; }, [](std::string_view) { return true; }));
    all.back().reloadable = true;
    all.push_back(text(
        "DATABASE_URL", "Where everything is kept: sqlite:PATH or memory:", "sqlite:PATH or memory:",
        [](settings& s) -> std::string& { return s.database_url; }, is_database_url));
    all.back().show = [](const settings& s) { return without_password(s.database_url); };
    all.push_back(text(
        "HOST", "The address to listen on.", "an address or a host name",
        [](settings& s) -> std::string& { return s.host; }, names_a_host));
    all.push_back(number("PORT", "The port to listen on; 0: any that is free.", "an integer from 0 to 65535",
                         {0, port_max}, [](settings& s) -> std::int64_t& { return s.port; }));
}

void add_tls_settings(std::vector<setting>& all) {
    const auto any = [](std::string_view) { return true; };
    const std::string_view allowed = "the path of a PEM file that can be read";
    all.push_back(text(
        "TLS_CERT_FILE",
        "PEM: the certificate, then those that lead to its issuer. With it, PORT speaks TLS "
        "(1.2 and 1.3) only.",
        allowed, [](settings& s) -> std::string& { return s.tls_certificate_file; }, any));
    all.back().reloadable = true;
    all.push_back(text(
        "TLS_KEY_FILE", "PEM: the certificate's private key, not encrypted.", allowed,
        [](settings& s) -> std::string& { return s.tls_key_file; }, any));
    all.back().reloadable = true;
    all.push_back({.name = "HTTP_REDIRECT_PORT",
                   .help =
                       "With TLS: a port for plain HTTP, where every request is answered 308 with its https "
                       "address; 0: any that is free.",
                   .allowed = "an integer from 0 to 65535, or nothing",
                   .assign =
                       [](settings& s, std::string_view given) {
                           s.redirect_port = whole_number(given);
                           const auto& n = s.redirect_port;
                           if (n ? *n < 0 || *n > port_max : !given.empty()) return problems{""};
                           return problems{};
                       },
                   .show =
                       [](const settings& s) {
                           return s.redirect_port ? std::to_string(*s.redirect_port) : std::string{};
                       }});
}

void add_tracker_settings(std::vector<setting>& all) {
    all.push_back(number("STALL_THRESHOLD_MS", "Silence after which an active session is stalled.",
                         "an integer from 1000 to 86400000", {1'000, day_ms},
                         [](settings& s) -> std::int64_t& { return s.tracker.stall_threshold_ms; }));
    all.push_back(number("STALL_SCAN_INTERVAL_MS", "The safety-net scan over all active sessions.",
                         "an integer from 1000 to 86400000", {1'000, day_ms},
                         [](settings& s) -> std::int64_t& { return s.tracker.stall_scan_interval_ms; }));
    all.push_back(one_of<statetrack::stall_mode>(
        "STALL_MODE", "observe: verdicts are recorded, states are left alone.", "enforce or observe",
        {{"enforce", statetrack::stall_mode::enforce}, {"observe", statetrack::stall_mode::observe}},
        [](settings& s) -> statetrack::stall_mode& { return s.tracker.mode; }));
    all.push_back(one_of<bool>("STALL_GUARD", "No verdicts while many machines fall silent at once.",
                               "on or off", {{"on", true}, {"off", false}},
                               [](settings& s) -> bool& { return s.tracker.stall_guard; }));
    all.push_back(number("MAX_ANNOUNCED_SILENCE_MS", "The longest silence that a client may announce.",
                         "an integer from 0 to 86400000", {0, day_ms},
                         [](settings& s) -> std::int64_t& { return s.tracker.announced_silence_ms_max; }));
    all.push_back(
        number("MACHINE_OFFLINE_THRESHOLD_MS", "Silence after which a machine is offline.",
               "an integer from 1000 to 86400000", {1'000, day_ms},
               [](settings& s) -> std::int64_t& { return s.tracker.machine_offline_threshold_ms; }));
    all.push_back(number("RETENTION_DAYS", "Ended sessions older than this are deleted.",
                         "an integer from 0 to 36500", {0, 36'500},
                         [](settings& s) -> std::int64_t& { return s.tracker.retention_days; }));
    all.push_back(number("ABANDONED_AFTER_HOURS", "Live sessions silent for longer expire.",
                         "an integer from 1 to 876000", {1, 876'000},
                         [](settings& s) -> std::int64_t& { return s.tracker.abandoned_after_hours; }));
    all.push_back(number("EVENT_RETENTION_DAYS", "How much longer than its session an event is kept.",
                         "an integer from 0 to 36500", {0, 36'500},
                         [](settings& s) -> std::int64_t& { return s.tracker.event_retention_days; }));
    all.push_back(number("CLEANUP_INTERVAL_MS", "How often retention runs.",
                         "an integer from 1000 to 86400000", {1'000, day_ms},
                         [](settings& s) -> std::int64_t& { return s.tracker.cleanup_interval_ms; }));
    all.push_back(number("IDEMPOTENCY_TTL_SECONDS",
                         "How long an answer is kept for repetitions under its key.",
                         "an integer from 1 to 31536000", {1, 31'536'000},
                         [](settings& s) -> std::int64_t& { return s.tracker.idempotency_ttl_seconds; }));
}

void add_guard_settings(std::vector<setting>& all) {
    const auto first = all.size();
    constexpr std::string_view up_to_a_billion = "an integer from 0 to 1000000000";
    all.push_back(number(
        "RATE_LIMIT_PER_MINUTE", "Requests of a key in a minute, heartbeats not counted; 0: no limit.",
        up_to_a_billion, {0, 1'000'000'000}, [](settings& s) -> std::int64_t& { return s.limits.requests; }));
    all.push_back(number("HEARTBEAT_RATE_LIMIT_PER_MINUTE",
                         "Heartbeats of a session in a minute, and of a machine; 0: no limit.",
                         up_to_a_billion, {0, 1'000'000'000},
                         [](settings& s) -> std::int64_t& { return s.limits.heartbeats; }));
    all.push_back(
        number("AUTH_FAILURE_LIMIT_PER_MINUTE",
               "Requests of an address in a minute that are answered 401 rather than 429; 0: no limit. "
               "A valid key is served all the same.",
               up_to_a_billion, {0, 1'000'000'000},
               [](settings& s) -> std::int64_t& { return s.limits.failed_keys; }));
    for (auto i = first; i < all.size(); ++i) all[i].reloadable = true;
    all.push_back({.name = "CORS_ORIGINS",
                   .help =
                       "Web origins that may read the answers, separated by commas; * stands for any run of "
                       "characters, as in vscode-webview://*.",
                   .allowed = "origins as scheme://host, separated by commas, or *",
                   .assign = [](settings& s, std::string_view given) { return s.cors_origins.assign(given); },
                   .show = [](const settings& s) { return s.cors_origins.text(); }});
}

void add_limit_settings(std::vector<setting>& all) {
    constexpr std::string_view up_to_an_hour = "an integer from 1 to 3600000";
    all.push_back(number("REQUEST_TIMEOUT_MS", "The longest that a request may take.", up_to_an_hour,
                         {1, timeout_ms_max},
                         [](settings& s) -> std::int64_t& { return s.request_timeout_ms; }));
    all.push_back(number("DATABASE_TIMEOUT_MS", "The longest wait for the database; then 504.", up_to_an_hour,
                         {1, timeout_ms_max},
                         [](settings& s) -> std::int64_t& { return s.database_timeout_ms; }));
    all.push_back(number("MAX_BODY_BYTES", "The largest request body.", "an integer from 1024 to 67108864",
                         {1'024, 67'108'864}, [](settings& s) -> std::int64_t& { return s.body_bytes_max; }));
    all.push_back(number("MAX_CONNECTIONS", "More connections than this wait to be accepted.",
                         "an integer from 1 to 1000000", {1, 1'000'000},
                         [](settings& s) -> std::int64_t& { return s.connections_max; }));
    all.push_back(number("IDLE_TIMEOUT_MS", "A connection without a request is closed after this long.",
                         up_to_an_hour, {1, timeout_ms_max},
                         [](settings& s) -> std::int64_t& { return s.idle_timeout_ms; }));
    all.push_back(number("HEADER_TIMEOUT_MS", "The longest that a request's header may take to arrive.",
                         up_to_an_hour, {1, timeout_ms_max},
                         [](settings& s) -> std::int64_t& { return s.header_timeout_ms; }));
    all.push_back(number("THREADS", "Threads that serve connections; 0: as many as there are cores for it.",
                         "an integer from 0 to 256", {0, 256},
                         [](settings& s) -> std::int64_t& { return s.threads; }));
}

void add_observation_settings(std::vector<setting>& all) {
    all.push_back(one_of<log_level>("LOG_LEVEL", "The least level that is logged.",
                                    "debug, info, warn or error",
                                    {{"debug", log_level::debug},
                                     {"info", log_level::info},
                                     {"warn", log_level::warn},
                                     {"error", log_level::error}},
                                    [](settings& s) -> log_level& { return s.level; }));
    all.back().reloadable = true;
    all.push_back(one_of<log_format>("LOG_FORMAT", "json for machines, text for terminals.", "json or text",
                                     {{"json", log_format::json}, {"text", log_format::text}},
                                     [](settings& s) -> log_format& { return s.format; }));
    all.push_back(text(
        "ENVIRONMENT", "A name shown in /health/detailed.", "a name of 1 to 64 characters",
        [](settings& s) -> std::string& { return s.environment; },
        [](std::string_view t) { return !t.empty() && t.size() <= 64; }));
}

}  // namespace

const std::vector<setting>& all_settings() {
    static const std::vector<setting> table = [] {
        std::vector<setting> all;
        add_service_settings(all);
        add_tls_settings(all);
        add_tracker_settings(all);
        add_guard_settings(all);
        add_limit_settings(all);
        add_observation_settings(all);
        return all;
    }();
    return table;
}

std::string flag_of(std::string_view name) {
    std::string flag = "--";
    for (const char c : name)
        flag += c == '_' ? '-' : static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    return flag;
}

std::string print_settings(const settings& values) {
    std::string printed;
    for (const auto& s : all_settings()) printed += std::string(s.name) + '=' + s.show(values) + '\n';
    return printed;
}

}  // namespace statetrackd
