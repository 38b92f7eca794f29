// How often a second this disk makes 4 KiB durable: append and fdatasync, one after the other.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <system_error>
#include <vector>

#include "arguments.hpp"
#include "figures.hpp"

namespace {

using namespace statetrack::bench;

constexpr std::size_t write_bytes = 4'096;

void check(bool fine, const char* what) {
    if (!fine) throw std::system_error(errno, std::generic_category(), what);
}

void run(const arguments& given) {
    const auto& path = given.at(0, "the file");
    const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    check(file >= 0, "open");
    const std::vector<char> page(write_bytes, 'x');
    std::vector<double> delays;
    const auto began = steady::now();
    const auto end = began + std::chrono::seconds(given.number("seconds", 3));
    while (steady::now() < end) {
        const auto from = steady::now();
        check(write(file, page.data(), page.size()) == static_cast<ssize_t>(page.size()), "write");
        check(fdatasync(file) == 0, "fdatasync");
        delays.push_back(ms_since(from));
    }
    const double seconds = ms_since(began) / 1'000;
    close(file);
    unlink(path.c_str());
    print_figures(rate_figures(delays, seconds));
}

}  // namespace

int main(int argc, char** argv) {
    try {
        run({argc, argv});
    } catch (const std::exception& e) {
        std::fprintf(stderr, "bench_disk_syncs: %s\nusage: bench_disk_syncs FILE [--seconds S]\n", e.what());
        return 1;
    }
}
