#include "maintenance.hpp"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <vector>

#include "statetrack/verify.hpp"
#include "stores.hpp"

namespace statetrackd {
namespace {

using statetrack::errc;
using statetrack::error;

constexpr int exit_no_database = 69;  // EX_UNAVAILABLE

volatile std::sig_atomic_t signal_seen = 0;

void print_line(std::FILE* to, std::string_view line) {
    std::fwrite(line.data(), 1, line.size(), to);
    std::fputc('\n', to);
}

std::string reason_of(const error& e) { return e.detail.empty() ? e.code.message() : e.detail; }

int refuse(const error& why, const operator_console& console) {
    console.complain(reason_of(why));
    if (console.interrupted && console.interrupted()) return exit_interrupted;
    return why.is(errc::store_corrupt) ? exit_broken : exit_no_database;
}

std::string counted(std::int64_t n, const std::string& what) {
    return std::to_string(n) + ' ' + what + (n == 1 ? "" : "s");
}

std::string summary(const statetrack::verification& found) {
    return counted(found.sessions, "session") + ", " + counted(found.tasks, "task") + ", " +
           counted(found.machines, "machine") + ", " + counted(found.events, "event");
}

// Told at every step of a long copy, passed on once a hundredth.
std::function<void(std::int64_t, std::int64_t)> in_hundredths(const operator_console& console,
                                                              std::string doing) {
    if (!console.progress) return {};
    return [told = -1, doing = std::move(doing), &console](std::int64_t done, std::int64_t all) mutable {
        const int percent = all > 0 ? static_cast<int>(done * 100 / all) : 100;
        if (percent != std::exchange(told, percent)) console.progress(doing, percent);
    };
}

}  // namespace

operator_console system_console() {
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) std::signal(number, [](int) { signal_seen = 1; });
    operator_console console{
        .answer = [](std::string_view line) { print_line(stdout, line); },
        .complain = [](std::string_view line) { print_line(stderr, "statetrackd: " + std::string(line)); },
        .interrupted = [] { return signal_seen != 0; }};
    if (::isatty(STDERR_FILENO) == 1)
        console.progress = [](std::string_view doing, int percent) {
            std::fprintf(stderr, "\r%.*s %3d %%%s", static_cast<int>(doing.size()), doing.data(), percent,
                         percent == 100 ? "\n" : "");
        };
    return console;
}

int verify_database(const std::string& database_url, const operator_console& console) {
    const auto opened = open_snapshot(database_url, console.interrupted);
    if (!opened) return refuse(opened.error(), console);
    if (console.progress) console.progress("checking the file", 0);
    const auto wrong = (*opened)->check_file();
    if (!wrong) return refuse(wrong.error(), console);
    for (const auto& sentence : *wrong) console.answer(sentence);
    if (console.progress) console.progress("checking the file", 100);
    if (!wrong->empty()) {
        console.answer("the file itself is broken: " + counted(std::ssize(*wrong), "defect"));
        return exit_broken;
    }
    const auto found = statetrack::verify(**opened);
    if (!found) return refuse(found.error(), console);
    for (const auto& sentence : found->broken) console.answer(sentence);
    if (found->broken_count == 0) {
        console.answer(summary(*found) + ": every invariant holds");
        return 0;
    }
    const auto hidden = found->broken_count - std::ssize(found->broken);
    if (hidden > 0) console.answer("and " + std::to_string(hidden) + " more");
    console.answer(summary(*found) + ": " + counted(found->broken_count, "invariant") + " broken");
    return exit_broken;
}

int back_up_database(const std::string& database_url, const std::string& to,
                     const operator_console& console) {
    const auto opened = open_snapshot(database_url, console.interrupted);
    if (!opened) return refuse(opened.error(), console);
    const auto copied = (*opened)->copy(to, in_hundredths(console, "copying"));
    if (!copied) return refuse(copied.error(), console);
    const bool known = (*opened)->version() == statetrack::schema_version;
    console.answer(to + ": written and verified" +
                   (known ? std::string()
                          : " by SQLite alone, since it has the older schema version " +
                                std::to_string((*opened)->version())));
    return 0;
}

}  // namespace statetrackd
