// A supervisor: runs any command under heartbeats and reports its end.
//
//     05_supervisor [--db FILE] [--progress-ms N] -- COMMAND [ARGUMENT...]
//
// The command's output is passed on and counts as progress. Signals are forwarded to its process group. Where
// a supervisor died, the next one in the same folder takes its session over, under the next epoch. Ends with
// the command's own exit code, 128 + the signal that killed it, 127 if it cannot be run, 125 if the
// supervisor itself fails.
//
// A supervisor killed with SIGKILL leaves its command running: end that before another one takes over.
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <optional>
#include <system_error>

#include "child_process.hpp"
#include "statetrack/sqlite_store.hpp"
#include "statetrack/tracker.hpp"

using namespace statetrack;

namespace {

constexpr int exit_own_failure = 125;
constexpr int exit_cannot_run = 127;
constexpr std::int64_t progress_interval_ms = 1'000;  // output is reported no more often than this
constexpr std::int64_t retry_interval_ms = 1'000;
constexpr std::int64_t suspension_ms_min = 1'000;
constexpr std::size_t chunk_bytes =
    4'096;  // what poll promises that a pipe takes without blocking (PIPE_BUF)

void say(const std::string& what) { std::cerr << "supervisor: " << what << '\n'; }

struct options {
    std::string db = "statetrack-supervisor.db";
    std::optional<std::int64_t> progress_threshold_ms{};
    std::vector<std::string> command{};
};

options read_options(const std::vector<std::string>& arguments) {
    options read;
    std::size_t i = 0;
    for (; i + 1 < arguments.size() && arguments[i] != "--"; i += 2) {
        const auto& text = arguments[i + 1];
        if (arguments[i] == "--db") {
            read.db = text;
        } else if (arguments[i] == "--progress-ms") {
            auto& ms = read.progress_threshold_ms.emplace();
            if (std::from_chars(text.data(), text.data() + text.size(), ms).ptr != text.data() + text.size())
                throw std::invalid_argument("--progress-ms takes a number, not " + text);
        } else {
            throw std::invalid_argument("unknown option " + arguments[i]);
        }
    }
    if (i + 1 >= arguments.size())
        throw std::invalid_argument("usage: [--db FILE] [--progress-ms N] -- COMMAND [ARGUMENT...]");
    read.command.assign(arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1, arguments.end());
    return read;
}

session begin_session(tracker& fleet, const options& given) {
    char machine[256] = {};
    if (::gethostname(machine, sizeof machine - 1) != 0)
        throw std::system_error(errno, std::generic_category());
    boost::json::array words;
    for (const auto& word : given.command) words.emplace_back(word);
    const new_session wanted{.project_id = std::filesystem::current_path().string(),
                             .machine_id = machine,
                             .progress_threshold_ms = given.progress_threshold_ms,
                             .metadata = json_text({{"command", words}, {"supervisor_pid", ::getpid()}}),
                             .on_conflict = conflict_policy::takeover};
    const auto made = fleet.apply(wanted).value();
    const session& row = made.session.row;
    say("session " + to_string(row.session_id) + ", epoch " + std::to_string(row.epoch));
    if (made.taken_over_from)
        say("takes over from " + to_string(*made.taken_over_from) + ", whose supervisor died");
    return row;
}

// One command from its start to its end. Everything happens in run's loop, which never waits but in poll.
class supervision {
public:
    supervision(tracker& fleet, const statetrack::clock& time, const session& of, const options& given)
        : fleet_(fleet),
          time_(time),
          signals_(example::watch_signals()),
          child_(given.command),
          session_id_(of.session_id),
          epoch_(of.epoch),
          seen_(time.read()),
          next_beat_(seen_.age),
          next_sweep_(seen_.age) {}

    int run() {
        while (!child_.ended() || child_.output.is_open() || !unwritten_.empty()) {
            look_at_the_clocks();
            if (!disowned_ && seen_.age >= beat_due()) beat();
            if (seen_.age >= next_sweep_) sweep();
            wait();
            forward_signals();
            if (!unwritten_.empty()) write_output();
            if (unwritten_.empty() && child_.output.is_open()) read_output();
        }
        return report_end();
    }

private:
    // A sleeping machine stops one clock and not the other.
    void look_at_the_clocks() {
        const auto now = time_.read();
        const std::int64_t asleep_ms = (now.age - seen_.age) - (now.awake_ms - seen_.awake_ms);
        if (asleep_ms >= suspension_ms_min) {
            suspended_ms_ += asleep_ms;
            next_beat_ = now.age;
        }
        seen_ = now;
    }

    instant beat_due() const {
        const bool progress = bytes_ > bytes_reported_;
        return progress ? std::min(next_beat_, last_beat_ + progress_interval_ms) : next_beat_;
    }

    void beat() {
        heartbeat sign{.session_id = session_id_, .epoch = epoch_};
        if (bytes_ > bytes_reported_) sign.progress = progress_mark{.seq = bytes_};
        if (suspended_ms_ > 0) sign.suspended_ms = suspended_ms_;
        last_beat_ = seen_.age;
        const auto answer = fleet_.apply(sign);
        if (answer) {
            next_beat_ = seen_.age + answer->next_heartbeat_ms;
            bytes_reported_ = bytes_;
            suspended_ms_ = 0;
            return;
        }
        say("heartbeat refused: " + answer.error().detail);
        next_beat_ = seen_.age + retry_interval_ms;
        if (!answer.error().is(errc::superseded) && !answer.error().is(errc::terminal)) return;
        // Somebody else does this work now: doing it twice is what all of this is there to prevent.
        disowned_ = true;
        child_.send(SIGTERM);
    }

    // The supervisor is the tracker's host, too: what earlier ones left behind is found here.
    void sweep() {
        const auto report = fleet_.sweep();
        for (const uuid& id : report.stalled) say("session " + to_string(id) + " is stalled");
        for (const uuid& id : report.not_progressing)
            say("session " + to_string(id) + " is alive, but does not get on");
        next_sweep_ = seen_.age + report.next_in_ms;
    }

    void wait() {
        const instant due = disowned_ ? next_sweep_ : std::min(beat_due(), next_sweep_);
        std::int64_t timeout_ms = std::max<std::int64_t>(0, due - time_.read().age);
        if (child_.ended() && unwritten_.empty())
            timeout_ms = 0;  // what is left in the pipe is there already
        pollfd on[] = {{signals_.get(), POLLIN, 0},
                       {unwritten_.empty() ? child_.output.get() : -1, POLLIN, 0},
                       {unwritten_.empty() ? -1 : STDOUT_FILENO, POLLOUT, 0}};
        if (::poll(on, std::size(on), static_cast<int>(timeout_ms)) < 0 && errno != EINTR)
            throw std::system_error(errno, std::generic_category(), "poll");
        may_write_ = on[2].revents != 0;
    }

    void forward_signals() {
        signalfd_siginfo one{};
        while (::read(signals_.get(), &one, sizeof one) == sizeof one)
            if (one.ssi_signo != SIGCHLD) child_.send(static_cast<int>(one.ssi_signo));
    }

    void read_output() {
        char chunk[chunk_bytes];
        const ssize_t n = ::read(child_.output.get(), chunk, sizeof chunk);
        if (n > 0) {
            unwritten_.assign(chunk, static_cast<std::size_t>(n));
            bytes_ += n;
        } else if (n == 0 || (errno != EAGAIN && errno != EINTR) || child_.ended()) {
            child_.output.close();  // at its end, or only a descendant that outlives the child still holds it
        }
    }

    // Only where poll says that it will not block: whoever reads our output slowly must not stop the beats.
    void write_output() {
        if (!std::exchange(may_write_, false)) return;
        const ssize_t n = ::write(STDOUT_FILENO, unwritten_.data(), unwritten_.size());
        if (n >= 0) {
            unwritten_.erase(0, static_cast<std::size_t>(n));
        } else if (errno != EAGAIN && errno != EINTR) {
            say(std::string("cannot pass the output on: ") + std::strerror(errno));
            unwritten_.clear();
            child_.output.close();  // and the child learns of it as it would have without us
        }
    }

    int report_end() {
        const int signal = child_.signal(), code = child_.exit_code();
        if (signal == 0 && code == 0) {
            tell("completed", fleet_.apply(session_patch{.session_id = session_id_,
                                                         .status = session_status::completed,
                                                         .metadata = json_text({{"exit_code", 0}})},
                                           {.epoch = epoch_}));
            return 0;
        }
        const std::string why = signal ? std::string("killed by SIG") + ::sigabbrev_np(signal)
                                       : "exited with " + std::to_string(code);
        const auto details = signal ? json_text({{"signal", signal}}) : json_text({{"exit_code", code}});
        tell("failed, " + why,
             fleet_.apply(failure_mark{.session_id = session_id_, .error_message = why, .metadata = details},
                          {.epoch = epoch_}));
        return signal ? 128 + signal : code;
    }

    void tell(const std::string& end, const result<session_view>& recorded) {
        say(recorded ? end : end + ", which cannot be recorded: " + recorded.error().detail);
    }

    tracker& fleet_;
    const statetrack::clock& time_;  // time.h has a clock, too
    example::file_descriptor signals_;
    example::child_process child_;
    uuid session_id_;
    std::int64_t epoch_;

    clock_reading seen_;
    instant last_beat_{}, next_beat_, next_sweep_;
    std::int64_t suspended_ms_ = 0;                // not yet told
    std::int64_t bytes_ = 0, bytes_reported_ = 0;  // of output
    std::string unwritten_{};                      // read, and not yet passed on
    bool may_write_ = false;
    bool disowned_ = false;
};

}  // namespace

int main(int argc, char** argv) try {
    const options given = read_options({argv + 1, argv + argc});
    const auto time = make_system_clock();
    const auto ids = make_random_ids();
    const auto store = open_sqlite_store({.path = given.db}).value();
    const auto fleet = tracker::open(*store, *time, *ids).value();
    const session its = begin_session(*fleet, given);
    try {
        return supervision(*fleet, *time, its, given).run();
    } catch (const example::cannot_run& e) {
        const std::string why = std::string("cannot be run: ") + e.what();
        say(why);
        (void)fleet->apply(failure_mark{.session_id = its.session_id, .error_message = why});
        return exit_cannot_run;
    }
} catch (const std::exception& e) {
    say(e.what());
    return exit_own_failure;
}
