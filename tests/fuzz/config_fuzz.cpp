// The configuration: a file, and behind a NUL the command line, an argument a line. Whatever comes is
// settings or lines that say why not, no key is shown, and what is printed can be read again as the same
// settings.
#include "config.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "small_daemon.hpp"

namespace statetrackd::fuzz {
namespace {

constexpr std::string_view key_elsewhere = "9b2e6d34-7c1a-4f58-8e0d-5a6b7c8d9e0f";

surroundings world_of(std::string_view file, std::string_view keys) {
    return {.environment = [keys](std::string_view name) -> std::optional<std::string> {
                if (name == "API_KEYS" && !keys.empty()) return std::string(keys);
                return std::nullopt;
            },
            .file = [file](const std::string& path) -> std::optional<std::string> {
                if (path == "keys") return "filed=" + std::string(key_elsewhere) + "\n";
                if (path == "statetrackd.conf") return std::string(file);
                return std::nullopt;
            }};
}

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        lines.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

// All but what is masked.
std::string plain_lines(const std::string& printed) {
    std::string plain;
    for (const auto& line : lines_of(printed))
        if (!line.starts_with("API_KEYS=") && line.find('=') + 1 < line.size()) plain += line + '\n';
    return plain;
}

void check_printed(const settings& values) {
    const auto printed = print_settings(values);
    for (const auto& line : lines_of(printed))
        must(!line.starts_with("API_KEYS=") || line.find(admin_key) == std::string::npos, "no key is printed",
             line);
    const auto plain = plain_lines(printed);
    const auto again = read_command_line({"--config=statetrackd.conf"}, world_of(plain, admin_key));
    must(again.problems.empty(), "what is printed is sound",
         again.problems.empty() ? "" : again.problems.front());
    must(plain_lines(print_settings(again.values)) == plain, "what is printed means the same", plain);
}

}  // namespace
}  // namespace statetrackd::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace statetrackd;
    using namespace statetrackd::fuzz;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto middle = std::min(bytes.find('\0'), bytes.size());
    const auto file = bytes.substr(0, middle);
    auto arguments = lines_of(bytes.substr(std::min(middle + 1, bytes.size())));
    arguments.emplace_back("--config=statetrackd.conf");

    const auto world = world_of(file, admin_key);
    const auto read = read_command_line(arguments, world);
    for (const auto& line : read.problems) {
        must(!line.empty() && line.find('\n') == std::string::npos, "a problem is one line", line);
        must(line.find(admin_key) == std::string::npos, "no key is shown", line);
    }
    if (!read.problems.empty() || read.what == action::help || read.what == action::version) return 0;
    check_printed(read.values);
    const auto later = read_again(read, world_of(file, {}));
    must(later.problems.empty() && print_settings(later.values) == print_settings(read.values),
         "a reload of the same is the same", later.problems.empty() ? "" : later.problems.front());
    return 0;
}
