#include "net/server.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <optional>
#include <unordered_set>
#include <vector>

#include "net/connection.hpp"
#include "net/loops.hpp"

namespace statetrackd {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::int64_t tick_ms_min = 2;
constexpr std::int64_t tick_ms_max = 250;

// Deadlines are kept by one timer that looks at all connections, not by a timer each: moving one costs
// nothing.
std::chrono::milliseconds tick_of(const server_options& o) {
    const auto shortest =
        std::min({o.header_timeout_ms, o.request_timeout_ms, o.answer_timeout_ms, o.idle_timeout_ms});
    return std::chrono::milliseconds(std::clamp(shortest / 10, tick_ms_min, tick_ms_max));
}

}  // namespace

struct server::impl final : connection_host {
    impl(server_options o, const dispatcher& a, logger& l)
        : settings(std::move(o)),
          dispatch_to(a),
          log(l),
          speaks_tls(settings.tls != nullptr && settings.tls->current() != nullptr),
          serving(settings.threads) {}

    // Their sockets belong to the loops.
    ~impl() { connections.clear(); }

    const server_options& options() const override { return settings; }
    const dispatcher& answers() const override { return dispatch_to; }
    bool draining() const override { return drains; }

    void closed(const std::shared_ptr<connection>& c) override {
        serving.leave(c->loop());
        {
            const std::lock_guard lock(mutex);
            connections.erase(c);
        }
        asio::post(loop, [this] { accept(); });
    }

    logger& journal() const override { return log; }
    std::uint16_t tls_port() const override { return port; }

    struct door;

    static boost::system::result<std::uint16_t> take_over(door& d, int listening) {
        error_code ec;
        sockaddr_storage at{};
        socklen_t size = sizeof at;
        if (::getsockname(listening, reinterpret_cast<sockaddr*>(&at), &size) != 0)
            return error_code(errno, boost::system::system_category());
        d.acceptor.assign(at.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), listening, ec);
        if (ec) return ec;
        return d.acceptor.local_endpoint().port();
    }

    boost::system::result<std::uint16_t> bind(door& d, std::uint16_t to) {
        error_code ec;
        tcp::resolver resolver(loop);
        const auto found = resolver.resolve(settings.host, std::to_string(to),
                                            tcp::resolver::passive | tcp::resolver::numeric_service, ec);
        if (!ec) {
            const auto endpoint = found.begin()->endpoint();
            d.acceptor.open(endpoint.protocol(), ec);
            if (!ec) d.acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
            if (!ec) d.acceptor.bind(endpoint, ec);
            if (!ec) d.acceptor.listen(asio::socket_base::max_listen_connections, ec);
        }
        if (ec) return ec;
        return d.acceptor.local_endpoint().port();
    }

    boost::system::result<std::uint16_t> listen() {
        const auto bound =
            settings.listening >= 0 ? take_over(front, settings.listening) : bind(front, settings.port);
        if (bound) port = *bound;
        return bound;
    }

    boost::system::result<std::uint16_t> listen_to_redirect() {
        if (!settings.redirect_port || !speaks_tls) return std::uint16_t{0};
        return bind(side, *settings.redirect_port);
    }

    void accept() {
        accept(front);
        accept(side);
    }

    // One accept at a time at each door, none while the house is full.
    void accept(door& d) {
        if (drains) return finish_if_empty();
        if (d.accepting || !d.acceptor.is_open() || open() >= settings.connections_max) return;
        if (d.waiting) return admit(d, take_waiting(d));
        d.accepting = true;
        d.acceptor.async_accept(serving.emptiest(), [this, &d](error_code ec, connection::socket peer) {
            d.accepting = false;
            if (ec && ec != asio::error::operation_aborted && !drains) {
                // Out of descriptors, most likely: the tick tries again.
                log.warn("a connection could not be accepted", {{"reason", ec.message()}});
                return;
            }
            if (ec) return accept(d);
            // The last place may have gone to somebody at the other door meanwhile.
            if (!drains && open() >= settings.connections_max)
                d.waiting.emplace(std::move(peer));
            else
                admit(d, std::move(peer));
        });
    }

    static connection::socket take_waiting(door& d) {
        auto peer = std::move(*d.waiting);
        d.waiting.reset();
        return peer;
    }

    void admit(door& d, connection::socket peer) {
        connection::purpose what{.redirects = &d == &side};
        if (speaks_tls && !what.redirects) what.identity = settings.tls->current();
        auto made = std::make_shared<connection>(std::move(peer), *this, what);
        {
            const std::lock_guard lock(mutex);
            connections.insert(made);
        }
        serving.enter(made->loop());
        made->start();
        // Closing it would fail a request for having come a moment too early.
        if (drains) made->drain();
        accept(d);
    }

    std::size_t open() const {
        const std::lock_guard lock(mutex);
        return connections.size();
    }

    // Outside the lock: what they are told may make them end.
    std::vector<std::shared_ptr<connection>> all() const {
        const std::lock_guard lock(mutex);
        return {connections.begin(), connections.end()};
    }

    void expire_overdue() {
        std::vector<std::shared_ptr<connection>> late;
        const auto now = steady_ms();
        {
            const std::lock_guard lock(mutex);
            for (const auto& c : connections)
                if (c->overdue(now)) late.push_back(c);
        }
        for (const auto& c : late) c->expire();
    }

    void tick() {
        if (finished) return;
        timer.expires_after(tick_of(settings));
        timer.async_wait([this](error_code ec) {
            if (ec) return;
            expire_overdue();
            if (drains && steady_ms() >= drain_until) {
                serving.stop();
                return;
            }
            if (ticked) ticked();
            accept();
            tick();
        });
    }

    using signal_set = asio::basic_signal_set<loops::executor>;

    void await_signal(signal_set& of, std::function<void()> act) {
        if (finished) return;
        of.async_wait([this, &of, act = std::move(act)](error_code ec, int) {
            if (ec) return;
            act();
            await_signal(of, act);
        });
    }

    void drain() {
        asio::post(loop, [this] {
            if (drains) {
                serving.stop();
                return;
            }
            drains = true;
            drain_until = steady_ms() + settings.drain_ms;
            error_code ignored;
            for (auto* d : {&front, &side}) {
                d->acceptor.close(ignored);
                if (d->waiting) admit(*d, take_waiting(*d));
            }
            for (const auto& c : all()) c->drain();
            finish_if_empty();
        });
    }

    void finish_if_empty() {
        if (open() > 0 || front.accepting || side.accepting) return;
        // A tick or a signal that is already on its way must not arm itself again.
        finished = true;
        timer.cancel();
        stop_signals.cancel();
        reload_signals.cancel();
        serving.let_end();
    }

    void serve(asio::io_context& on) {
        for (;;) {
            try {
                on.run();
                return;
            } catch (const std::exception& e) {
                log.error("a callback failed", {{"error", e.what()}});
            }
        }
    }

    const server_options settings;
    const dispatcher& dispatch_to;
    logger& log;
    const bool speaks_tls;
    std::uint16_t port = 0;
    mutable std::mutex mutex;
    std::unordered_set<std::shared_ptr<connection>> connections;
    std::atomic<bool> drains{false};

    loops serving;
    asio::io_context& loop = serving.first();
    // Everything from here on is used on that loop.
    struct door {
        explicit door(asio::io_context& on) : acceptor(on) {}
        asio::basic_socket_acceptor<tcp, loops::executor> acceptor;
        bool accepting = false;
        std::optional<connection::socket> waiting{};  // accepted when the house had just become full
    };
    door front{loop};
    door side{loop};  // where peers are sent to the front; closed where there is no such port
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>,
                               loops::executor>
        timer{loop};
    signal_set stop_signals{loop};
    signal_set reload_signals{loop};
    std::function<void()> ticked;
    bool finished = false;
    std::int64_t drain_until = 0;
};

server::server(server_options options, const dispatcher& answers, logger& log)
    : impl_(std::make_unique<impl>(std::move(options), answers, log)) {}
server::~server() = default;

boost::system::result<std::uint16_t> server::listen() { return impl_->listen(); }
boost::system::result<std::uint16_t> server::listen_to_redirect() { return impl_->listen_to_redirect(); }

void server::on_stop_signals(std::function<void()> on_stop) {
    impl_->stop_signals.add(SIGTERM);
    impl_->stop_signals.add(SIGINT);
    impl_->await_signal(impl_->stop_signals, std::move(on_stop));
}

void server::on_reload_signal(std::function<void()> on_reload) {
    impl_->reload_signals.add(SIGHUP);
    impl_->await_signal(impl_->reload_signals, std::move(on_reload));
}

void server::on_tick(std::function<void()> on_tick) { impl_->ticked = std::move(on_tick); }

void server::post(std::function<void()> job) { asio::post(impl_->loop, std::move(job)); }

void server::run() {
    asio::post(impl_->loop, [this] {
        impl_->accept();
        impl_->tick();
    });
    impl_->serving.run([this](asio::io_context& on) { impl_->serve(on); });
}

void server::drain() { impl_->drain(); }

std::size_t server::open_connections() const { return impl_->open(); }

}  // namespace statetrackd
