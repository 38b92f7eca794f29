// A peer's bytes, as they are or through TLS. Callers choose nothing but when to shake hands and how to part;
// without TLS every operation is the socket's own. Included by this folder's sources only.
#pragma once

#include <openssl/ssl.h>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <memory>
#include <new>
#include <utility>

#include "guard/tls_identity.hpp"

namespace statetrackd {

// One reader and one writer at a time, both on the socket's loop, which one thread runs.
class peer_stream {
public:
    using socket =
        boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;

    // `identity` null: no TLS.
    peer_stream(socket peer, const tls_identity* identity) : socket_(std::move(peer)) {
        if (identity == nullptr) return;
        // The stream frees the SSL, which holds its own reference to the context.
        SSL* const session = SSL_new(identity->native());
        if (session == nullptr) throw std::bad_alloc();
        tls_ = std::make_unique<boost::asio::ssl::stream<socket&>>(socket_, session);
    }
    peer_stream(const peer_stream&) = delete;
    peer_stream& operator=(const peer_stream&) = delete;

    bool has_tls() const noexcept { return tls_ != nullptr; }
    socket& raw() noexcept { return socket_; }
    auto get_executor() { return socket_.get_executor(); }

    // With TLS only, once, before anything else.
    template <class Handler>
    void async_handshake(Handler&& handler) {
        tls_->async_handshake(boost::asio::ssl::stream_base::server, std::forward<Handler>(handler));
    }
    template <class Handler>
    void async_read_some(const boost::asio::mutable_buffer& into, Handler&& handler) {
        if (tls_)
            tls_->async_read_some(into, std::forward<Handler>(handler));
        else
            socket_.async_read_some(into, std::forward<Handler>(handler));
    }
    // What the socket takes without waiting; nothing of what must go through TLS. How many bytes.
    std::size_t write_at_once(const boost::asio::const_buffer& from, boost::system::error_code& ec) {
        if (tls_) return 0;
        const auto written = socket_.write_some(from, ec);
        if (ec == boost::asio::error::would_block) ec = {};
        return written;
    }
    // All of it.
    template <class Handler>
    void async_write(const boost::asio::const_buffer& from, Handler&& handler) {
        if (tls_)
            boost::asio::async_write(*tls_, from, std::forward<Handler>(handler));
        else
            boost::asio::async_write(socket_, from, std::forward<Handler>(handler));
    }
    // With TLS only: says that nothing more comes (close_notify, RFC 8446, 6.1), and does not wait for the
    // peer to say so too. Nothing may be written behind it, nor read but from the raw socket.
    template <class Handler>
    void async_say_end(Handler&& handler) {
        // As if the peer had said it already: OpenSSL would wait for it, and take data in between for an
        // error.
        SSL* const session = tls_->native_handle();
        SSL_set_shutdown(session, SSL_get_shutdown(session) | SSL_RECEIVED_SHUTDOWN);
        tls_->async_shutdown(std::forward<Handler>(handler));
    }

    // The peer has sent all that it will. A TLS peer that just closes its socket instead of saying so
    // (RFC 9112, 9.8) cuts nothing off that matters: where a request ends is said within it.
    static bool is_end(const boost::system::error_code& ec) {
        return ec == boost::asio::error::eof || ec == boost::asio::ssl::error::stream_truncated;
    }

    // Nothing more can be read from the socket itself. Asio would wait for ever for an end that it has
    // reported once.
    bool socket_has_ended() {
        char byte = 0;
        const auto n = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        return n == 0 || (n < 0 && errno != EAGAIN);
    }

private:
    socket socket_;
    std::unique_ptr<boost::asio::ssl::stream<socket&>> tls_;  // null: none, and none of its memory
};

}  // namespace statetrackd
