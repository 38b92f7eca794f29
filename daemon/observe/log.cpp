#include "observe/log.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>

#include "statetrack/fields.hpp"
#include "statetrack/utf8.hpp"

namespace statetrackd {
namespace {

constexpr std::string_view level_names[] = {"debug", "info", "warn", "error"};

// How long the writer gathers lines before it writes them in one go: to wake it for each would cost as much
// as a heartbeat. A line that matters does not wait.
constexpr std::chrono::milliseconds gathering{5};

std::string_view name_of(log_level level) { return level_names[static_cast<std::size_t>(level)]; }

// The beginning of a malformed key, say, is whatever bytes a client sent. What is no UTF-8 would make the
// line no JSON, and U+0080 to U+009F steer a terminal as ESC does (ECMA-48, 5.3).
void append_text(std::string& line, std::string_view text) {
    if (std::ranges::all_of(text, [](char c) { return c >= 0 && c != 0x7F; }))
        return statetrack::append_json_string(line, text);
    std::string sound;
    while (!text.empty()) {
        const std::size_t length = statetrack::valid_utf8_bytes(text);
        sound.append(text.substr(0, length));
        text.remove_prefix(length);
        if (text.empty()) break;
        sound += "\xEF\xBF\xBD";
        text.remove_prefix(1);
    }
    std::string quoted;
    statetrack::append_json_string(quoted, sound);
    for (std::size_t i = 0; i < quoted.size(); ++i) {
        const auto byte = static_cast<unsigned char>(quoted[i]);
        const auto next = static_cast<unsigned char>(quoted[i + 1]);  // of the last one: 0
        const bool steers = byte == 0xC2 && next >= 0x80 && next <= 0x9F;
        if (!steers && byte != 0x7F) {
            line += quoted[i];
            continue;
        }
        char escape[7];
        std::snprintf(escape, sizeof escape, "\\u%04x", steers ? next : byte);
        line += escape;
        if (steers) ++i;
    }
}

void append_value(std::string& line, const log_field& field) {
    if (const auto* text = std::get_if<std::string_view>(&field.value))
        append_text(line, *text);
    else if (const auto* number = std::get_if<std::int64_t>(&field.value))
        line += std::to_string(*number);
    else
        line += std::get<bool>(field.value) ? "true" : "false";
}

std::string json_line(statetrack::timestamp at, log_level level, std::string_view message,
                      log_fields context) {
    std::string line = "{\"timestamp\":\"" + to_string(at) + "\",\"level\":\"";
    line += name_of(level);
    line += "\",\"message\":";
    append_text(line, message);
    line += ",\"context\":{";
    for (const auto& field : context) {
        if (line.back() != '{') line += ',';
        statetrack::append_json_string(line, field.name);
        line += ':';
        append_value(line, field);
    }
    line += "}}\n";
    return line;
}

std::string text_line(statetrack::timestamp at, log_level level, std::string_view message,
                      log_fields context) {
    std::string line = to_string(at).substr(11, 12) + ' ';
    line += name_of(level);
    line.append(7 - name_of(level).size(), ' ');
    line += message;
    for (const auto& field : context) {
        line += ' ';
        line += field.name;
        line += '=';
        append_value(line, field);
    }
    line += '\n';
    return line;
}

}  // namespace

log_sink standard_error_sink() { return descriptor_sink(STDERR_FILENO); }

log_sink descriptor_sink(int descriptor) {
    return [descriptor](std::string_view lines) {
        while (!lines.empty()) {
            const auto written = ::write(descriptor, lines.data(), lines.size());
            // Whoever shares the terminal may have made it non-blocking.
            if (written < 0 && errno == EAGAIN) {
                pollfd writable{.fd = descriptor, .events = POLLOUT, .revents = 0};
                ::poll(&writable, 1, -1);
                continue;
            }
            if (written < 0 && errno != EINTR) return;  // nobody is left to tell
            if (written > 0) lines.remove_prefix(static_cast<std::size_t>(written));
        }
    };
}

struct logger::impl {
    impl(const statetrack::clock& t, log_options o, log_sink s)
        : time(t), options(o), sink(std::move(s)), least(o.level) {}

    const statetrack::clock& time;
    const log_options options;
    log_sink sink;
    std::atomic<log_level> least;
    std::atomic<std::uint64_t> dropped{0};

    std::mutex mutex;
    std::condition_variable changed;
    std::string queued;
    std::size_t lines = 0;
    bool urgent = false;
    bool stopping = false;
    std::thread writer;

    void run() {
        std::string batch;
        std::uint64_t reported = 0;
        for (std::unique_lock lock(mutex);;) {
            changed.wait(lock, [&] { return !queued.empty() || stopping; });
            if (queued.empty()) return;
            changed.wait_for(lock, gathering, [&] { return urgent || stopping; });
            urgent = false;
            batch.clear();
            batch.swap(queued);
            lines = 0;
            lock.unlock();
            if (const auto now = dropped.load(); now != reported) {
                batch += line(log_level::warn, "log lines dropped",
                              {{"dropped", static_cast<std::int64_t>(now - reported)}});
                reported = now;
            }
            sink(batch);
            lock.lock();
        }
    }

    std::string line(log_level level, std::string_view message, log_fields context) const {
        const auto at = time.read().wall;
        return options.format == log_format::json ? json_line(at, level, message, context)
                                                  : text_line(at, level, message, context);
    }
};

logger::logger(const statetrack::clock& time, log_options options, log_sink sink)
    : impl_(std::make_unique<impl>(time, options, std::move(sink))) {
    impl_->writer = std::thread([this] { impl_->run(); });
}

logger::~logger() {
    {
        const std::lock_guard lock(impl_->mutex);
        impl_->stopping = true;
    }
    impl_->changed.notify_one();
    impl_->writer.join();
}

bool logger::wants(log_level level) const noexcept {
    return level >= impl_->least.load(std::memory_order_relaxed);
}
void logger::set_level(log_level least) noexcept { impl_->least = least; }

void logger::write(log_level level, std::string_view message, log_fields context) {
    if (!wants(level)) return;
    const auto line = impl_->line(level, message, context);
    const bool matters = level >= log_level::warn;
    const auto room = impl_->options.lines_max * (matters ? 2 : 1);
    bool wakes = false;
    {
        const std::lock_guard lock(impl_->mutex);
        if (impl_->lines >= room) {
            ++impl_->dropped;
            return;
        }
        const bool hurries = !impl_->urgent && (matters || impl_->lines >= room / 2);
        wakes = impl_->lines == 0 || hurries;
        impl_->urgent = impl_->urgent || hurries;
        ++impl_->lines;
        impl_->queued += line;
    }
    if (wakes) impl_->changed.notify_one();
}

std::uint64_t logger::lines_dropped() const noexcept { return impl_->dropped; }

}  // namespace statetrackd
