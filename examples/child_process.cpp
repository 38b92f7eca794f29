#include "child_process.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace example {
namespace {

int checked(int answer, const char* what) {
    if (answer < 0) throw std::system_error(errno, std::generic_category(), what);
    return answer;
}

sigset_t all_signals() {
    sigset_t all;
    sigfillset(&all);
    return all;
}

sigset_t no_signals() {
    sigset_t none;
    sigemptyset(&none);
    return none;
}

// posix_spawn's two descriptions, freed whatever happens. What its setters can fail with is lack of memory.
struct spawn_plan {
    spawn_plan() {
        posix_spawnattr_init(&attributes);
        posix_spawn_file_actions_init(&actions);
    }
    ~spawn_plan() {
        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&actions);
    }
    spawn_plan(const spawn_plan&) = delete;
    spawn_plan& operator=(const spawn_plan&) = delete;

    posix_spawnattr_t attributes{};
    posix_spawn_file_actions_t actions{};
};

}  // namespace

void file_descriptor::close() noexcept {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
}

file_descriptor watch_signals() {
    std::signal(SIGPIPE, SIG_IGN);  // write() answers EPIPE instead
    std::signal(SIGCHLD, SIG_DFL);  // where it is ignored nobody is told how a child ended
    sigset_t watched = no_signals();
    for (const int one : {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT}) sigaddset(&watched, one);
    checked(sigprocmask(SIG_BLOCK, &watched, nullptr), "sigprocmask");
    return file_descriptor(checked(signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd"));
}

child_process::child_process(const std::vector<std::string>& command) {
    int ends[2];
    checked(pipe2(ends, O_CLOEXEC), "pipe2");
    output = file_descriptor(ends[0]);
    const file_descriptor its_output(ends[1]);
    checked(fcntl(output.get(), F_SETFL, O_NONBLOCK), "fcntl");

    spawn_plan plan;
    const sigset_t blocked = no_signals(), defaults = all_signals();
    posix_spawnattr_setflags(&plan.attributes,
                             POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&plan.attributes, 0);
    posix_spawnattr_setsigmask(&plan.attributes, &blocked);
    posix_spawnattr_setsigdefault(&plan.attributes, &defaults);
    posix_spawn_file_actions_adddup2(&plan.actions, its_output.get(), STDOUT_FILENO);
    if (isatty(STDIN_FILENO))
        posix_spawn_file_actions_addopen(&plan.actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

    std::vector<char*> arguments;
    for (const auto& one : command) arguments.push_back(const_cast<char*>(one.c_str()));
    arguments.push_back(nullptr);
    const int failed =
        posix_spawnp(&pid_, arguments[0], &plan.actions, &plan.attributes, arguments.data(), environ);
    if (failed) throw cannot_run(failed, std::generic_category(), command.front());
}

child_process::~child_process() {
    if (!ended_ && pid_ > 0) send(SIGTERM);
}

void child_process::send(int signal) noexcept { ::kill(-pid_, signal); }

bool child_process::ended() {
    if (!ended_) ended_ = waitpid(pid_, &status_, WNOHANG) == pid_;
    return ended_;
}

int child_process::exit_code() const noexcept { return WIFEXITED(status_) ? WEXITSTATUS(status_) : -1; }
int child_process::signal() const noexcept { return WIFSIGNALED(status_) ? WTERMSIG(status_) : 0; }

}  // namespace example
