#include "config.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>

#include "version.hpp"

namespace statetrackd {
namespace {

constexpr std::string_view keys_name = "API_KEYS";
constexpr std::string_view keys_file_name = "API_KEYS_FILE";
constexpr std::string_view environment_origin = "the environment";
constexpr std::string_view command_line_origin = "the command line";

constexpr std::string_view certificate_name = "TLS_CERT_FILE";
constexpr std::string_view tls_key_name = "TLS_KEY_FILE";
constexpr std::string_view redirect_name = "HTTP_REDIRECT_PORT";

struct source {
    std::string text;
    std::string origin;  // for people: `the environment`, `the command line`, `file x.conf, line 3`
};
using given_values = std::map<std::string, source, std::less<>>;  // by name of the environment variable

bool is_setting(std::string_view name) {
    const auto& all = all_settings();
    return std::any_of(all.begin(), all.end(), [&](const auto& s) { return s.name == name; });
}

std::string trimmed(std::string_view text) {
    const auto from = text.find_first_not_of(" \t\r");
    if (from == std::string_view::npos) return {};
    return std::string(text.substr(from, text.find_last_not_of(" \t\r") - from + 1));
}

// `port`, `--port` and `PORT` are one.
std::string name_of_key(std::string_view key) {
    std::string name;
    for (const char c : key)
        name += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    return name;
}

// One `name = value` a line; blank lines and lines that start with # are passed over.
void read_file(const std::string& path, const surroundings& world, given_values& given,
               std::vector<std::string>& problems) {
    auto content = world.file(path);
    if (!content) {
        problems.push_back("--config=" + path + ": the file cannot be read");
        return;
    }
    std::size_t line_number = 0;
    for (std::size_t at = 0; at < content->size();) {
        const auto end = std::min(content->find('\n', at), content->size());
        const auto line = trimmed(std::string_view(*content).substr(at, end - at));
        at = end + 1;
        ++line_number;
        if (line.empty() || line.front() == '#') continue;
        auto origin = "file " + path;
        origin.append(", line ").append(std::to_string(line_number));
        const auto equals = line.find('=');
        const auto key = trimmed(std::string_view(line).substr(0, equals));
        const auto name = name_of_key(key);
        if (equals == std::string::npos)
            problems.push_back(origin + ": expected name = value");
        else if (!is_setting(name))
            problems.push_back(key + ": no such setting (" + origin + "); --help lists all");
        else
            given[name] = {trimmed(std::string_view(line).substr(equals + 1)), origin};
    }
    wipe(*content);
}

void read_environment(const surroundings& world, given_values& given) {
    // An empty variable is how compose files say "not set".
    for (const auto& s : all_settings())
        if (auto text = world.environment(s.name); text && !text->empty())
            given[std::string(s.name)] = {std::move(*text), std::string(environment_origin)};
}

void assign(const setting& s, const source& from, settings& into, std::vector<std::string>& problems) {
    for (const auto& why : s.assign(into, from.text)) {
        std::string line(s.name);
        if (!s.secret) line += "=" + from.text;
        line += ": ";
        if (!why.empty()) line += why + "; ";
        problems.push_back(line + "allowed: " + std::string(s.allowed) + " (" + from.origin + ")");
    }
}

void read_keys_file(const source& from, const surroundings& world, settings& into,
                    std::vector<std::string>& problems) {
    auto content = world.file(from.text);
    if (!content) {
        problems.push_back("API_KEYS_FILE=" + from.text + ": the file cannot be read (" + from.origin + ")");
        return;
    }
    const auto before = into.keys.keys().size();
    const auto wrong = into.keys.add(*content);
    if (wrong.empty() && into.keys.keys().size() == before)
        problems.push_back("API_KEYS_FILE=" + from.text + ": there is no key in the file (" + from.origin +
                           ")");
    for (const auto& why : wrong)
        problems.push_back("API_KEYS_FILE=" + from.text + ": " + why + " (" + from.origin + ")");
    wipe(*content);
}

// One of the two files of TLS; nothing where it was not given or cannot be read.
std::optional<std::string> read_tls_file(std::string_view name, std::string_view other,
                                         const given_values& given, const surroundings& world,
                                         std::vector<std::string>& problems) {
    const auto it = given.find(name);
    if (it == given.end() || it->second.text.empty()) return std::nullopt;
    const auto& [path, origin] = it->second;
    const auto partner = given.find(other);
    if (partner == given.end() || partner->second.text.empty())
        problems.push_back(std::string(name) + '=' + path + ": " + std::string(other) +
                           " is missing; TLS needs both (" + origin + ")");
    auto content = world.file(path);
    if (!content)
        problems.push_back(std::string(name) + '=' + path + ": the file cannot be read (" + origin + ")");
    return content;
}

void read_tls(const given_values& given, const surroundings& world, settings& into,
              std::vector<std::string>& problems) {
    const auto certificates = read_tls_file(certificate_name, tls_key_name, given, world, problems);
    auto key = read_tls_file(tls_key_name, certificate_name, given, world, problems);
    if (certificates && key) {
        auto made = make_tls_identity(*certificates, *key);
        into.tls = std::move(made.identity);
        const auto blame = [&](std::string_view name, const std::string& flaw) {
            const auto& [path, origin] = given.find(name)->second;
            if (!flaw.empty())
                problems.push_back(std::string(name) + '=' + path + ": " + flaw + " (" + origin + ")");
        };
        blame(certificate_name, made.certificate_flaw);
        blame(tls_key_name, made.key_flaw);
    }
    if (key) wipe(*key);
    if (!into.redirect_port) return;
    const auto redirect = std::string(redirect_name) + '=' + std::to_string(*into.redirect_port) + ": ";
    if (into.tls_certificate_file.empty() && into.tls_key_file.empty())
        problems.push_back(redirect + "there is no TLS to redirect to; give TLS_CERT_FILE and TLS_KEY_FILE");
    if (*into.redirect_port != 0 && *into.redirect_port == into.port)
        problems.push_back(redirect + "is PORT as well; plain HTTP needs a port of its own");
}

// CLI11 takes the flags apart and prints the help; precedence is ours (its own puts a file before the
// environment).
struct flags {
    CLI::App app{
        "statetrackd tracks the lifecycles of agent sessions, finds the stalled ones and recovers them."};
    bool help = false, version = false, check = false, print = false, dev = false, verify = false;
    std::string config, backup;
    std::map<std::string, std::string, std::less<>> values;
    std::map<std::string, CLI::Option*, std::less<>> options;
    CLI::Option* backup_option = nullptr;

    flags() {
        app.name("statetrackd");
        app.set_help_flag();
        app.footer(
            "(SIGHUP): taken anew at that signal, keys and certificates from their files; what else changes "
            "needs a restart.");
        app.allow_extras();
        app.add_flag("-h,--help", help, "Show this and exit");
        app.add_flag("--version", version, "Show the version and exit");
        app.add_flag("--dev", dev, "Try it out: a key made on the spot, text logs");
        app.add_flag("--check-config", check, "Exit 0, or name every wrong value");
        app.add_flag("--print-config", print, "Show the effective values, secrets masked");
        app.add_flag("--verify", verify,
                     "Check the whole database, also while a daemon uses it; exit 1 if anything is broken");
        backup_option = app.add_option("--backup", backup,
                                       "Copy the database to a new file, also while a daemon uses it");
        app.add_option("--config", config, "A file of settings, one name = value a line");
        const settings defaults;
        for (const auto& s : all_settings()) {
            auto help_text = std::string(s.help);
            if (const auto shown = s.show(defaults); !shown.empty()) help_text += " Default: " + shown;
            if (s.reloadable) help_text += " (SIGHUP)";
            add(s.name, help_text);
        }
    }

    void add(std::string_view name, const std::string& help_text) {
        const std::string key(name);
        options[key] = app.add_option(flag_of(name), values[key], "[" + key + "] " + help_text)
                           ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
                           ->group("Settings, also as environment variables and in the file");
    }
};

std::vector<std::string> without_keys(const std::vector<std::string>& arguments) {
    const auto flag = flag_of(keys_name);
    std::vector<std::string> left;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        if (arguments[i] == flag)
            ++i;
        else if (!arguments[i].starts_with(flag + '='))
            left.push_back(arguments[i]);
    }
    return left;
}

// Whoever looks after the database need have no key, nor be allowed to read them.
bool lets_in(action what) { return what != action::verify && what != action::back_up; }

action action_of(const flags& parsed, command_line& read) {
    read.backup_file = parsed.backup;
    if (parsed.backup_option->count() > 0) {
        if (parsed.backup.empty()) read.problems.emplace_back("--backup: the name of a new file is needed");
        return action::back_up;
    }
    return parsed.verify  ? action::verify
           : parsed.print ? action::print
           : parsed.check ? action::check
                          : action::serve;
}

void assign_all(given_values& given, const surroundings& world, const std::optional<key_ring>& kept,
                command_line& read) {
    if (kept) {
        read.values.keys = *kept;
        read.kept_keys = kept;
        given.erase(std::string(keys_name));
    }
    for (const auto& s : all_settings())
        if (const auto it = given.find(s.name); it != given.end())
            assign(s, it->second, read.values, read.problems);
    if (const auto it = given.find(keys_name); it != given.end()) {
        wipe(it->second.text);
        // Of the process they are wiped; a file can be read again.
        if (it->second.origin == environment_origin || it->second.origin == command_line_origin)
            read.kept_keys = read.values.keys;
    }
    if (const auto it = given.find(keys_file_name);
        it != given.end() && !it->second.text.empty() && lets_in(read.what))
        read_keys_file(it->second, world, read.values, read.problems);
    if (!lets_in(read.what)) return;
    read_tls(given, world, read.values, read.problems);
    const bool keys_wrong = std::any_of(read.problems.begin(), read.problems.end(),
                                        [](const auto& line) { return line.starts_with(keys_name); });
    if (read.values.keys.keys().empty() && !read.dev && !keys_wrong)
        read.problems.emplace_back(
            "API_KEYS: required; give at least one UUID of version 4 (or API_KEYS_FILE, or start with "
            "--dev)");
}

command_line read(std::vector<std::string> arguments, const surroundings& world,
                  const std::optional<key_ring>& kept) {
    command_line read;
    flags parsed;
    read.arguments = without_keys(arguments);
    try {
        std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
        parsed.app.parse(arguments);
    } catch (const CLI::ParseError& e) {
        read.problems.emplace_back(e.what());
        return read;
    }
    for (const auto& extra : parsed.app.remaining())
        read.problems.push_back(trimmed(extra.substr(0, extra.find('='))) +
                                ": no such flag; --help lists all");
    read.dev = parsed.dev;
    if (parsed.help || parsed.version) {
        read.what = parsed.help ? action::help : action::version;
        read.text = parsed.help ? parsed.app.help() : "statetrackd " + std::string(version) + "\n";
        return read;
    }
    read.what = action_of(parsed, read);
    if (read.dev) read.values.format = log_format::text;

    given_values given;
    if (!parsed.config.empty()) read_file(parsed.config, world, given, read.problems);
    read_environment(world, given);
    for (auto& [name, text] : parsed.values)
        if (parsed.options.at(name)->count() > 0)
            given[name] = {std::move(text), std::string(command_line_origin)};
    assign_all(given, world, kept, read);
    if (read.what == action::print) read.text = print_settings(read.values);
    return read;
}

// `--api-key KEY` is no such flag, and an argument that none wants: what is wrong is repeated, and logged.
command_line without_shown_keys(command_line read) {
    for (auto& line : read.problems) mask_keys(line);
    return read;
}

}  // namespace

command_line read_command_line(std::vector<std::string> arguments, const surroundings& world) {
    return without_shown_keys(read(std::move(arguments), world, std::nullopt));
}

command_line read_again(const command_line& first, const surroundings& world) {
    return without_shown_keys(read(first.arguments, world, first.kept_keys));
}

surroundings system_surroundings() {
    return {.environment = [](std::string_view name) -> std::optional<std::string> {
                char* text = std::getenv(std::string(name).c_str());
                if (text == nullptr) return std::nullopt;
                std::string copy = text;
                // The environment of a process can be read for as long as it runs.
                if (name == "API_KEYS") std::memset(text, '*', copy.size());
                return copy;
            },
            .file = [](const std::string& path) -> std::optional<std::string> {
                std::ifstream in(path, std::ios::binary);
                if (!in) return std::nullopt;
                std::string content((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
                if (in.bad()) return std::nullopt;
                return content;
            }};
}

}  // namespace statetrackd
