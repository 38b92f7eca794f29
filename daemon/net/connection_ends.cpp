// How a connection begins and ends, and the times that it has for everything.
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <ctime>

#include "net/connection.hpp"

namespace statetrackd {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t discard_bytes = 8'192;
constexpr std::size_t linger_bytes_max = 1'048'576;
// Who was accepted just before a drain has his request on the way.
constexpr std::int64_t first_request_ms_max = 1'000;

}  // namespace

std::int64_t steady_ms() {
    // To the kernel's tick, which is what deadlines of seconds need: each request asks some four times.
    timespec at{};
    ::clock_gettime(CLOCK_MONOTONIC_COARSE, &at);
    return std::int64_t{at.tv_sec} * 1'000 + at.tv_nsec / 1'000'000;
}

// ---------------------------------------------------------------------------------------------- opening

connection::connection(socket peer, connection_host& host, const purpose& what)
    : host_(host),
      stream_(std::move(peer), what.identity.get()),
      redirects_(what.redirects),
      reader_(host.options().body_bytes_max) {
    error_code ignored;
    stream_.raw().set_option(asio::ip::tcp::no_delay(true), ignored);
    stream_.raw().non_blocking(true, ignored);
    const auto endpoint = stream_.raw().remote_endpoint(ignored);
    if (!ignored) remote_ = endpoint.address().to_string(ignored);
}

void connection::start() {
    asio::dispatch(stream_.get_executor(), [self = shared_from_this()] { self->begin(); });
}

void connection::begin() {
    phase_began_ = steady_ms();
    if (stream_.has_tls())
        shake_hands();
    else
        proceed();
}

void connection::shake_hands() {
    handshaking_ = true;
    stream_.async_handshake([self = shared_from_this()](error_code ec) { self->on_handshake(ec); });
    rearm();
}

void connection::on_handshake(error_code ec) {
    if (dropped_) return;
    handshaking_ = false;
    phase_began_ = steady_ms();
    if (!ec) return proceed();
    // A client that speaks plain HTTP, or none of our protocols, or does not know our issuer. At debug only:
    // a scanner could fill the log.
    host_.journal().debug("handshake failed", {{"address", remote_}, {"reason", ec.message()}});
    if (peer_stream::is_end(ec) || ec == asio::error::timed_out) return drop();
    linger();
}

// ---------------------------------------------------------------------------------------------- closing

void connection::drain() {
    asio::post(stream_.get_executor(), [self = shared_from_this()] {
        auto& c = *self;
        if (c.dropped_ || c.lingering_ || c.finished_ || c.reader_.where() != request_reader::stage::idle)
            return;
        if (!c.slots_.empty() || c.write_pending_) {
            c.finished_ = true;
            if (!c.slots_.empty())
                c.slots_.back().last = true;
            else
                c.close_after_write_ = true;
            return;
        }
        c.leaving_ = true;
        if (c.handshaking_) return;
        c.phase_began_ = steady_ms();
        if (c.next_number_ == 0) return c.rearm();
        // A request may have come that nobody has looked at yet: on_read knows.
        error_code ignored;
        c.stream_.raw().cancel(ignored);
    });
}

// Without TLS, closing says it all.
void connection::part(parting how) {
    if (!stream_.has_tls()) return how == parting::at_once ? drop() : linger();
    finished_ = true;
    lingering_ = true;
    phase_began_ = steady_ms();
    stream_.async_say_end([self = shared_from_this(), how](error_code ec) {
        if (self->dropped_) return;
        if (ec || how == parting::at_once) return self->drop();
        self->linger();
    });
    rearm();
}

// Closing while the peer still sends would make the kernel throw away the answer that it has not read yet.
void connection::linger() {
    error_code ec;
    stream_.raw().shutdown(socket::shutdown_send, ec);
    if (ec) return drop();
    lingering_ = true;
    finished_ = true;
    phase_began_ = steady_ms();
    if (!read_pending_) discard_more(0);
    rearm();
}

// From the socket itself: what TLS would make of it is nobody's business any more.
void connection::discard_more(std::size_t bytes_before) {
    lingered_bytes_ += bytes_before;
    if (lingered_bytes_ > linger_bytes_max) return drop();
    buffer_.clear();
    read_pending_ = true;
    stream_.raw().async_read_some(buffer_.prepare(discard_bytes),
                                  [self = shared_from_this()](error_code ec, std::size_t bytes) {
                                      self->read_pending_ = false;
                                      if (self->dropped_) return;
                                      if (ec) return self->drop();
                                      self->discard_more(bytes);
                                  });
}

// Of what was written, whether the kernel still holds some for the peer.
bool connection::unread() {
    int bytes = 0;
    return ::ioctl(stream_.raw().native_handle(), SIOCOUTQ, &bytes) == 0 && bytes > 0;
}

// The peer does not read: what the kernel still holds for it is thrown away, or it would hold that for
// minutes.
void connection::cut_off() {
    error_code ignored;
    stream_.raw().set_option(asio::socket_base::linger(true, 0), ignored);
    drop();
}

void connection::drop() {
    if (dropped_) return;
    dropped_ = true;
    for (auto& s : slots_)
        if (s.asked) s.asked->abandoned = true;
    slots_.clear();
    error_code ignored;
    stream_.raw().close(ignored);
    deadline_.store(never, std::memory_order_relaxed);
    host_.closed(shared_from_this());
}

// ---------------------------------------------------------------------------------------------- limits in
// time

std::int64_t connection::read_deadline() const {
    const auto& o = host_.options();
    if (lingering_) return phase_began_ + linger_ms_max;
    if (handshaking_) return phase_began_ + o.header_timeout_ms;
    if (finished_) return never;
    switch (reader_.where()) {
        case request_reader::stage::idle:
            break;
        case request_reader::stage::header:
            return phase_began_ + o.header_timeout_ms;
        case request_reader::stage::body:
            return phase_began_ + o.request_timeout_ms;
    }
    if (!slots_.empty() || write_pending_) return never;
    return phase_began_ + (leaving_ ? std::min(first_request_ms_max, o.idle_timeout_ms) : o.idle_timeout_ms);
}

void connection::rearm() {
    if (dropped_) return;
    auto next = read_deadline();
    if (write_pending_) next = std::min(next, write_began_ + host_.options().request_timeout_ms);
    for (const auto& s : slots_)
        if (!s.ready) next = std::min(next, s.deadline);
    deadline_.store(next, std::memory_order_relaxed);
}

void connection::expire() {
    asio::post(stream_.get_executor(), [self = shared_from_this()] {
        auto& c = *self;
        const auto now = steady_ms();
        if (c.dropped_ || !c.overdue(now)) return;
        if (c.write_pending_ && now >= c.write_began_ + c.host_.options().request_timeout_ms)
            return c.cut_off();
        if (now >= c.read_deadline()) {
            if (c.handshaking_) return c.on_handshake(asio::error::timed_out);
            if (c.lingering_) return c.unread() ? c.cut_off() : c.drop();
            if (c.reader_.where() == request_reader::stage::idle)
                return c.unread() ? c.cut_off() : c.part(parting::at_once);
            c.refuse({.status = 408, .code = "timeout", .message = "the request did not arrive in time"});
        }
        for (auto& s : c.slots_)
            if (s.running && !s.ready && now >= s.deadline) c.give_up(s);
        if (c.write_ready()) return c.proceed();
        c.rearm();
    });
}

}  // namespace statetrackd
