// A blocking HTTP client for tests: sends bytes as they are, reads whole responses.
#pragma once

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cctype>
#include <cstdint>
#include <string>
#include <string_view>

namespace statetrackd::testing {

struct http_reply {
    int status = 0;
    std::string head{};
    std::string body{};

    bool has(std::string_view text) const { return head.find(text) != std::string::npos; }
};

class http_client {
public:
    static constexpr int patience_ms = 20'000;

    explicit http_client(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
        // A server that never answers ends the test instead of hanging it.
        const timeval patience{.tv_sec = patience_ms / 1'000, .tv_usec = 0};
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        const int on = 1;
        ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
    }
    virtual ~http_client() { close(); }
    http_client(const http_client&) = delete;
    http_client& operator=(const http_client&) = delete;

    bool connected() const { return connected_; }
    void close() {
        if (socket_ >= 0) ::close(socket_);
        socket_ = -1;
    }
    void finish_sending() { ::shutdown(socket_, SHUT_WR); }

    // False: the server has closed.
    bool send(std::string_view bytes) {
        while (!bytes.empty()) {
            const auto n = put(bytes.data(), bytes.size());
            if (n <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(n));
        }
        return true;
    }

    // status 0: the connection ended before a whole response.
    http_reply receive(bool without_body = false) {
        http_reply reply;
        std::size_t end = 0;
        while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
            if (!read()) return {};
        reply.head = buffer_.substr(0, end + 2);
        buffer_.erase(0, end + 4);
        reply.status = std::stoi(reply.head.substr(9, 3));
        const auto at = reply.head.find("Content-Length: ");
        if (without_body || at == std::string::npos) return reply;
        const auto length = std::stoul(reply.head.substr(at + 16));
        while (buffer_.size() < length)
            if (!read()) return {};
        reply.body = buffer_.substr(0, length);
        buffer_.erase(0, length);
        return reply;
    }
    http_reply ask(std::string_view bytes) {
        send(bytes);
        return receive();
    }
    // Waits, without reading anything, until the server has cut the connection off.
    bool is_cut_off() const {
        pollfd waiting{.fd = socket_, .events = 0, .revents = 0};
        return ::poll(&waiting, 1, patience_ms) == 1 && (waiting.revents & (POLLHUP | POLLERR)) != 0;
    }
    // The server ends the connection in order: what it sent before would not be lost.
    bool ends_orderly() {
        char byte = 0;
        return ::recv(socket_, &byte, 1, 0) == 0;
    }
    // The server closes, and sends nothing more before.
    bool ends() { return buffer_.empty() && !read(); }

protected:
    int descriptor() const { return socket_; }

private:
    // As send and recv; replaced where the bytes are wrapped.
    virtual ssize_t put(const char* bytes, std::size_t size) {
        return ::send(socket_, bytes, size, MSG_NOSIGNAL);
    }
    virtual ssize_t take(char* bytes, std::size_t size) { return ::recv(socket_, bytes, size, 0); }

    bool read() {
        char chunk[4096];
        const auto n = take(chunk, sizeof chunk);
        if (n <= 0) return false;
        buffer_.append(chunk, static_cast<std::size_t>(n));
        return true;
    }

    int socket_;
    bool connected_ = false;
    std::string buffer_;
};

}  // namespace statetrackd::testing
