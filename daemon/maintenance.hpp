// What an operator asks of the database beside the daemon that owns it: --verify and --backup.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace statetrackd {

// Who asked, and where he is told.
struct operator_console {
    std::function<void(std::string_view line)> answer;    // what was asked for
    std::function<void(std::string_view line)> complain;  // why it could not be had
    // How far it has come, in a hundred; called some hundred times at most. Empty: nobody watches.
    std::function<void(std::string_view doing, int percent)> progress{};
    std::function<bool()> interrupted{};
};
// Standard output and error; progress where that is a terminal. From here on SIGINT, SIGTERM and SIGHUP end
// what is being done, so that nothing half done stays.
operator_console system_console();

inline constexpr int exit_broken = 1;
inline constexpr int exit_interrupted = 75;  // EX_TEMPFAIL

// Both read a database of the moment they are called at, may a daemon have it open or not; neither writes to
// it, nor takes anything from its owner but the room that its log grows by meanwhile. The answer is the
// process' exit code: 0, exit_broken, exit_interrupted, 69 (EX_UNAVAILABLE).
int verify_database(const std::string& database_url, const operator_console& console);
int back_up_database(const std::string& database_url, const std::string& to, const operator_console& console);

}  // namespace statetrackd
