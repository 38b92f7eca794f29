#include "observe/process_figures.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <vector>

namespace statetrackd {
namespace {

std::string content_of(const char* path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

double boot_seconds() {
    std::istringstream in(content_of("/proc/stat"));
    for (std::string line; std::getline(in, line);)
        if (line.starts_with("btime ")) return std::stod(line.substr(6));
    return 0;
}

std::int64_t open_files() {
    std::error_code ec;
    std::filesystem::directory_iterator all("/proc/self/fd", ec);
    if (ec) return 0;
    std::int64_t count = 0;
    for (; all != std::filesystem::directory_iterator() && !ec; all.increment(ec)) ++count;
    return count > 0 ? count - 1 : 0;  // one of them is the look itself
}

}  // namespace

std::optional<process_figures> parse_process_stat(const std::string& stat, double ticks_per_second,
                                                  std::int64_t page_bytes, double boot) {
    // The second field is the program's name in brackets, which may hold blanks and brackets of its own.
    const auto name_ends = stat.rfind(')');
    if (name_ends == std::string::npos) return std::nullopt;
    std::istringstream in(stat.substr(name_ends + 1));
    const std::vector<std::string> fields{std::istream_iterator<std::string>(in), {}};
    // Counted as in proc(5), whose third field is the first one here.
    constexpr std::size_t first = 3, user = 14, system = 15, threads = 20, started = 22, size = 23,
                          pages = 24;
    if (fields.size() <= pages - first) return std::nullopt;
    try {
        const auto number = [&](std::size_t field) { return std::stod(fields[field - first]); };
        return process_figures{.cpu_seconds = (number(user) + number(system)) / ticks_per_second,
                               .start_time_seconds = boot + number(started) / ticks_per_second,
                               .resident_bytes = static_cast<std::int64_t>(number(pages)) * page_bytes,
                               .virtual_bytes = static_cast<std::int64_t>(number(size)),
                               .threads = static_cast<std::int64_t>(number(threads))};
    } catch (const std::exception&) {
        return std::nullopt;  // no number where one was
    }
}

std::optional<process_figures> read_process_figures() {
    auto found =
        parse_process_stat(content_of("/proc/self/stat"), static_cast<double>(::sysconf(_SC_CLK_TCK)),
                           ::sysconf(_SC_PAGESIZE), boot_seconds());
    if (!found) return found;
    found->open_files = open_files();
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) found->files_max = static_cast<std::int64_t>(limit.rlim_cur);
    return found;
}

}  // namespace statetrackd
