// Structured logging: one line an occurrence, JSON or text, through a bounded queue to a writer of its own,
// so that a slow reader of stderr never slows a request.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "statetrack/clock.hpp"

namespace statetrackd {

enum class log_level : std::uint8_t { debug, info, warn, error };
enum class log_format : std::uint8_t { json, text };

struct log_field {
    std::string_view name;
    std::variant<std::string_view, std::int64_t, bool> value;
};
using log_fields = std::initializer_list<log_field>;

// Takes whole lines, several at a time, each ended by a newline; may block.
using log_sink = std::function<void(std::string_view)>;
// Writes to stderr, or to whatever file; waits where it is non-blocking and cannot take more.
log_sink standard_error_sink();
log_sink descriptor_sink(int descriptor);

struct log_options {
    log_level level = log_level::info;
    log_format format = log_format::json;
    std::size_t lines_max =
        8'192;  // debug and info lines beyond it are dropped and counted; others at twice it
};

// Safe to call from several threads. The clock must outlive it. The destructor writes what is queued.
class logger {
public:
    logger(const statetrack::clock& time, log_options options, log_sink sink);
    ~logger();
    logger(const logger&) = delete;
    logger& operator=(const logger&) = delete;

    bool wants(log_level level) const noexcept;
    void set_level(log_level least) noexcept;
    void write(log_level level, std::string_view message, log_fields context = {});

    void debug(std::string_view message, log_fields context = {}) {
        write(log_level::debug, message, context);
    }
    void info(std::string_view message, log_fields context = {}) { write(log_level::info, message, context); }
    void warn(std::string_view message, log_fields context = {}) { write(log_level::warn, message, context); }
    void error(std::string_view message, log_fields context = {}) {
        write(log_level::error, message, context);
    }

    std::uint64_t lines_dropped() const noexcept;

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

}  // namespace statetrackd
