// The yardstick for HTTP: a Beast server that reads each request as statetrackd does, header and body, and
// then answers the same bytes every time: those of the file that it is given. One thread, no coroutines (g++
// 12 miscompiles them).
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>

#include "arguments.hpp"

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t read_bytes = 8'192;

class connection : public std::enable_shared_from_this<connection> {
public:
    connection(tcp::socket peer, const std::string& answer) : socket_(std::move(peer)), answer_(answer) {
        socket_.set_option(tcp::no_delay(true));
    }

    void read() {
        socket_.async_read_some(buffer_.prepare(read_bytes),
                                [self = shared_from_this()](error_code ec, std::size_t bytes) {
                                    if (ec) return;
                                    self->buffer_.commit(bytes);
                                    self->proceed();
                                });
    }

private:
    // Answers once for each whole request that has arrived, then goes on reading.
    void proceed() {
        out_.clear();
        while (buffer_.size() > 0) {
            if (!parser_) {
                parser_.emplace();
                parser_->eager(true);
            }
            error_code ec;
            buffer_.consume(parser_->put(buffer_.data(), ec));
            if (ec && ec != http::error::need_more) return;
            if (!parser_->is_done()) break;
            parser_.reset();
            out_ += answer_;
        }
        if (out_.empty()) return read();
        asio::async_write(socket_, asio::buffer(out_),
                          [self = shared_from_this()](error_code ec, std::size_t) {
                              if (!ec) self->read();
                          });
    }

    tcp::socket socket_;
    const std::string& answer_;
    boost::beast::flat_buffer buffer_;
    std::optional<http::request_parser<http::string_body>> parser_;
    std::string out_;
};

void accept(tcp::acceptor& from, const std::string& answer) {
    from.async_accept([&](error_code ec, tcp::socket peer) {
        if (!ec) std::make_shared<connection>(std::move(peer), answer)->read();
        accept(from, answer);
    });
}

void serve(const statetrack::bench::arguments& given) {
    std::ifstream file(given.at(1, "the file with the answer"), std::ios::binary);
    const std::string answer((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    if (answer.empty()) throw std::runtime_error("the file with the answer is empty");
    asio::io_context loop(1);
    tcp::acceptor acceptor(loop, {asio::ip::address_v4::loopback(),
                                  static_cast<std::uint16_t>(std::stoi(given.at(0, "the port")))});
    accept(acceptor, answer);
    loop.run();
}

}  // namespace

int main(int argc, char** argv) {
    try {
        serve({argc, argv});
    } catch (const std::exception& e) {
        std::fprintf(stderr, "bench_bare_beast: %s\nusage: bench_bare_beast PORT FILE\n", e.what());
        return 1;
    }
}
