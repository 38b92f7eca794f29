// The yardstick for HTTP: a Beast server that does nothing else. It reads each request into a message and
// answers with a message of the fields and the body that the file it is given holds, byte for byte. With
// --ready-made it sends that file's bytes as they are, and parses requests as statetrackd does: less than
// Beast's own reading and writing takes, and the most that can be had. One thread, no coroutines (g++ 12
// miscompiles them).
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
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
using message = http::response<http::string_body>;

constexpr std::size_t read_bytes = 8'192;

// The file's bytes, and the message that they are.
struct given_answer {
    std::string bytes;
    message parsed;
};

given_answer read_answer(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    given_answer answer{{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()}, {}};
    http::response_parser<http::string_body> parser;
    parser.eager(true);
    error_code ec;
    parser.put(asio::buffer(answer.bytes), ec);
    if (ec || !parser.is_done()) throw std::runtime_error("the file holds no whole answer");
    answer.parsed = parser.release();
    return answer;
}

class connection : public std::enable_shared_from_this<connection> {
public:
    connection(tcp::socket peer, const given_answer& answer) : socket_(std::move(peer)), answer_(answer) {
        socket_.set_option(tcp::no_delay(true));
    }

    void read() {
        request_ = {};
        http::async_read(socket_, buffer_, request_, [self = shared_from_this()](error_code ec, std::size_t) {
            if (!ec) self->respond();
        });
    }

private:
    void respond() {
        response_ = message(http::status::ok, request_.version());
        for (const auto& field : answer_.parsed)
            response_.insert(field.name(), field.name_string(), field.value());
        response_.body() = answer_.parsed.body();
        http::async_write(socket_, response_, [self = shared_from_this()](error_code ec, std::size_t) {
            if (!ec) self->read();
        });
    }

    tcp::socket socket_;
    const given_answer& answer_;
    boost::beast::flat_buffer buffer_;
    http::request<http::string_body> request_;
    message response_;
};

class ready_made_connection : public std::enable_shared_from_this<ready_made_connection> {
public:
    ready_made_connection(tcp::socket peer, const given_answer& answer)
        : socket_(std::move(peer)), answer_(answer) {
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
            out_ += answer_.bytes;
        }
        if (out_.empty()) return read();
        asio::async_write(socket_, asio::buffer(out_),
                          [self = shared_from_this()](error_code ec, std::size_t) {
                              if (!ec) self->read();
                          });
    }

    tcp::socket socket_;
    const given_answer& answer_;
    boost::beast::flat_buffer buffer_;
    std::optional<http::request_parser<http::string_body>> parser_;
    std::string out_;
};

template <class Connection>
void accept(tcp::acceptor& from, const given_answer& answer) {
    from.async_accept([&](error_code ec, tcp::socket peer) {
        if (!ec) std::make_shared<Connection>(std::move(peer), answer)->read();
        accept<Connection>(from, answer);
    });
}

void serve(const statetrack::bench::arguments& given) {
    const auto answer = read_answer(given.at(1, "the file with the answer"));
    asio::io_context loop(1);
    tcp::acceptor acceptor(loop, {asio::ip::address_v4::loopback(),
                                  static_cast<std::uint16_t>(std::stoi(given.at(0, "the port")))});
    if (given.number("ready-made", 0) != 0)
        accept<ready_made_connection>(acceptor, answer);
    else
        accept<connection>(acceptor, answer);
    loop.run();
}

}  // namespace

int main(int argc, char** argv) {
    try {
        serve({argc, argv});
    } catch (const std::exception& e) {
        std::fprintf(stderr, "bench_bare_beast: %s\nusage: bench_bare_beast PORT FILE [--ready-made 1]\n",
                     e.what());
        return 1;
    }
}
