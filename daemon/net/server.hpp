// The HTTP server: listens, keeps connections within their limits and times, drains. Hides Asio and Beast.
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "api/dispatcher.hpp"
#include "guard/tls_identity.hpp"

namespace statetrackd {

inline constexpr std::size_t pipelined_requests_max = 16;
inline constexpr std::int64_t drain_ms_max = 10'000;
inline constexpr std::int64_t linger_ms_max = 2'000;

struct server_options {
    std::string host = "127.0.0.1";
    std::uint16_t port = 0;
    std::size_t threads = 1;
    std::size_t connections_max = 10'000;
    std::size_t body_bytes_max = 262'144;
    std::int64_t header_timeout_ms = 10'000;  // from a request's first byte to the end of its header
    std::int64_t request_timeout_ms =
        29'000;  // from its first byte to the end of its body; then again to its answer
    std::int64_t answer_timeout_ms = 10'000;  // from its end to its answer, where that is shorter
    std::int64_t idle_timeout_ms = 75'000;
    std::int64_t drain_ms = drain_ms_max;
    int listening = -1;  // a socket that listens already, instead of host and port; taken over
    // What TLS clients are shown; null, or nothing in it when the server is made: no TLS. Must outlive it.
    const tls_in_use* tls = nullptr;
    // With TLS: a second, plain port, where each request is answered that it should be asked through TLS.
    std::optional<std::uint16_t> redirect_port{};
};

// The dispatcher and the log must outlive it.
class server {
public:
    server(server_options options, const dispatcher& answers, logger& log);
    ~server();
    server(const server&) = delete;
    server& operator=(const server&) = delete;

    // Binds and listens; the port, which the system chose where none was given. Errors: the system's.
    boost::system::result<std::uint16_t> listen();
    // The same for the port that redirects, after listen; 0 where there is none.
    boost::system::result<std::uint16_t> listen_to_redirect();
    // Calls on_stop at SIGTERM or SIGINT, and again at each further one.
    void on_stop_signals(std::function<void()> on_stop);
    // Calls on_reload at each SIGHUP.
    void on_reload_signal(std::function<void()> on_reload);
    // Calls on_tick from the loop every now and then, at least four times a second; before run.
    void on_tick(std::function<void()> on_tick);
    // Runs the job on the loop, behind what is ready there. Safe to call from any thread; never, once run has
    // returned.
    void post(std::function<void()> job);
    // Serves on so many threads, this one among them, until drained.
    void run();
    // No new connections; requests under way are answered, for drain_ms at the most; then run returns. Called
    // again: at once. Safe to call from any thread.
    void drain();

    std::size_t open_connections() const;

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

}  // namespace statetrackd
