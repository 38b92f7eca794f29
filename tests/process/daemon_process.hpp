// The real daemon as a process of its own, on a port that the system chose.
#pragma once

#include <doctest/doctest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

namespace statetrackd::testing {

class daemon_process {
public:
    // `settings`: its whole environment, `NAME=value` each. `listening`: a socket that it is handed as a
    // process manager would hand it.
    explicit daemon_process(std::vector<std::string> settings, std::vector<std::string> arguments = {},
                            int listening = -1) {
        settings.emplace_back("PORT=0");
        std::string program = STATETRACKD_PATH;
        arguments.insert(arguments.begin(), program);
        if (listening >= 0) {
            // Who is started learns its own process id only then.
            program = "/bin/sh";
            const std::string begin = "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" \"$@\"";
            arguments.insert(arguments.begin(), {program, "-c", begin});
        }
        int out[2];
        REQUIRE(::pipe(out) == 0);
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, out[1], STDERR_FILENO);
        posix_spawn_file_actions_addclose(&actions, out[0]);
        constexpr int first_handed_on = 3;
        if (listening >= 0) posix_spawn_file_actions_adddup2(&actions, listening, first_handed_on);
        const int failed = ::posix_spawn(&pid_, program.c_str(), &actions, nullptr,
                                         pointers(arguments).data(), pointers(settings).data());
        posix_spawn_file_actions_destroy(&actions);
        ::close(out[1]);
        REQUIRE(failed == 0);
        log_ = out[0];
    }
    ~daemon_process() {
        kill_now();
        ::close(log_);
    }
    daemon_process(const daemon_process&) = delete;
    daemon_process& operator=(const daemon_process&) = delete;

    // Waits until it listens.
    std::uint16_t port() {
        const std::string mark = "://127.0.0.1:";
        const auto line = await_log(mark);
        return static_cast<std::uint16_t>(std::stoi(line.substr(line.find(mark) + mark.size())));
    }
    // Waits for a line of its log that holds the text, behind the last one that was waited for.
    std::string await_log(const std::string& text) {
        for (;;) {
            for (auto end = log_text_.find('\n'); end != std::string::npos; end = log_text_.find('\n')) {
                const auto line = log_text_.substr(0, end);
                log_text_.erase(0, end + 1);
                seen_ += line + '\n';
                if (line.find(text) != std::string::npos) return line;
            }
            if (!read_log()) FAIL("the daemon ended before it said " << text << ": " << seen_);
        }
    }
    // All that it says until it ends, and how it ended; for one that is about to end.
    std::string rest_of_log() {
        while (read_log()) {}
        return seen_ + log_text_;
    }
    int exit_code() {
        int status = 0;
        ::waitpid(pid_, &status, 0);
        pid_ = 0;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

    // What it holds in memory.
    long resident_kb() const {
        std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
        for (std::string line; std::getline(status, line);)
            if (line.starts_with("VmRSS:")) return std::stol(line.substr(6));
        return 0;
    }

    void signal(int number) const { ::kill(pid_, number); }
    void kill_now() {
        if (pid_ <= 0) return;
        signal(SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = 0;
    }

private:
    static std::vector<char*> pointers(std::vector<std::string>& texts) {
        std::vector<char*> all;
        for (auto& text : texts) all.push_back(text.data());
        all.push_back(nullptr);
        return all;
    }

    bool read_log() {
        char chunk[4096];
        const auto n = ::read(log_, chunk, sizeof chunk);
        if (n > 0) log_text_.append(chunk, static_cast<std::size_t>(n));
        return n > 0;
    }

    pid_t pid_ = 0;
    int log_ = -1;
    std::string log_text_;  // read, not looked at yet
    std::string seen_;
};

}  // namespace statetrackd::testing
