#include "observe/log.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <future>
#include <mutex>
#include <thread>

#include "statetrack/manual_clock.hpp"

using namespace statetrackd;

namespace {

// Collects what a logger writes; stands still while told to.
class collected {
public:
    log_sink sink() {
        return [this](std::string_view lines) {
            if (entered_ != nullptr) {
                auto* entered = entered_;
                entered_ = nullptr;
                entered->set_value();
            }
            const std::lock_guard waits(gate);
            text += lines;
        };
    }
    void announce(std::promise<void>& entered) { entered_ = &entered; }

    std::mutex gate;
    std::string text;

private:
    std::promise<void>* entered_ = nullptr;
};

}  // namespace

TEST_CASE("a line is one JSON object, whatever the values hold") {
    const statetrack::manual_clock time;
    collected lines;
    {
        logger log(time, {}, lines.sink());
        log.info("session created",
                 {{"session_id", "a\"b\nc"}, {"epoch", std::int64_t{2}}, {"created", true}});
    }
    CHECK(std::count(lines.text.begin(), lines.text.end(), '\n') == 1);
    const auto line = boost::json::parse(lines.text).as_object();
    CHECK(line.at("timestamp") == "2026-01-19T10:00:00.000Z");
    CHECK(line.at("level") == "info");
    CHECK(line.at("message") == "session created");
    CHECK(line.at("context").at("session_id") == "a\"b\nc");
    CHECK(line.at("context").at("epoch") == 2);
    CHECK(line.at("context").at("created") == true);
}

TEST_CASE("text for terminals keeps to one line") {
    const statetrack::manual_clock time;
    collected lines;
    {
        logger log(time, {.format = log_format::text}, lines.sink());
        log.warn("odd", {{"path", "/a\nb"}});
    }
    CHECK(lines.text == "10:00:00.000 warn   odd path=\"/a\\nb\"\n");
}

TEST_CASE("bytes that are no UTF-8, and such as steer a terminal, are in no line") {
    const struct {
        std::string_view given, quoted;
    } cases[] = {
        {"\xC3\xA9t\xC3\xA9", "\xC3\xA9t\xC3\xA9"},
        {"a\xE9\xE9", "a\xEF\xBF\xBD\xEF\xBF\xBD"},                // Latin-1
        {"a\xC3\xA9\xC3", "a\xC3\xA9\xEF\xBF\xBD"},                // cut within a character
        {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},  // half a surrogate pair
        {"\x9B"
         "31m",
         "\xEF\xBF\xBD"
         "31m"},
        {"\xC2\x9B"
         "31m\x1B[2J\x7F",
         "\\u009b31m\\u001b[2J\\u007f"},
        {"\xC2\xA0\xC2", "\xC2\xA0\xEF\xBF\xBD"},
    };
    for (const auto format : {log_format::json, log_format::text})
        for (const auto& one : cases) {
            CAPTURE(one.quoted);
            const statetrack::manual_clock time;
            collected lines;
            {
                logger log(time, {.format = format}, lines.sink());
                log.warn("refused", {{"key", one.given}});
            }
            CHECK(lines.text.find('"' + std::string(one.quoted) + '"') != std::string::npos);
            if (format == log_format::json) boost::json::parse(lines.text);
        }
}

TEST_CASE("lines below the level are not written") {
    const statetrack::manual_clock time;
    collected lines;
    {
        logger log(time, {.level = log_level::warn}, lines.sink());
        CHECK_FALSE(log.wants(log_level::info));
        log.info("quiet");
        log.error("loud");
    }
    CHECK(lines.text.find("quiet") == std::string::npos);
    CHECK(lines.text.find("loud") != std::string::npos);
}

TEST_CASE("a reader that stands still blocks nobody: info lines are dropped and counted, warnings are kept") {
    const statetrack::manual_clock time;
    collected lines;
    std::promise<void> entered;
    lines.announce(entered);
    {
        logger log(time, {.lines_max = 4}, lines.sink());
        lines.gate.lock();
        log.info("first");
        entered.get_future().wait();  // the writer holds it, the queue is empty
        for (int i = 0; i < 10; ++i) log.info("filler");
        log.warn("kept");
        CHECK(log.lines_dropped() == 6);
        lines.gate.unlock();
    }
    CHECK(lines.text.find("kept") != std::string::npos);
    CHECK(lines.text.find("\"dropped\":6") != std::string::npos);
}

TEST_CASE("a file that is non-blocking and full loses no line") {
    int pipe[2];
    REQUIRE(::pipe(pipe) == 0);
    REQUIRE(::fcntl(pipe[1], F_SETFL, O_NONBLOCK) == 0);
    // More than any pipe holds.
    const std::string line = std::string(999, 'x') + '\n';
    constexpr std::size_t lines = 4'000;
    std::size_t arrived = 0;
    std::thread reader([&] {
        char chunk[4'096];
        for (ssize_t n = 0; (n = ::read(pipe[0], chunk, sizeof chunk)) > 0;)
            arrived += static_cast<std::size_t>(n);
    });
    {
        std::string all;
        for (std::size_t i = 0; i < lines; ++i) all += line;
        descriptor_sink(pipe[1])(all);
    }
    ::close(pipe[1]);
    reader.join();
    ::close(pipe[0]);
    CHECK(arrived == lines * line.size());
}
