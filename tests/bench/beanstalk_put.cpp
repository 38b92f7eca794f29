// Load for beanstalkd: so many connections put jobs of 200 bytes, each its next one when the last is
// answered.
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <cstdio>
#include <deque>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include "arguments.hpp"
#include "figures.hpp"

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace statetrack::bench;

class producer {
public:
    producer(asio::io_context& loop, std::uint16_t port, steady::time_point end) : socket_(loop), end_(end) {
        socket_.connect({asio::ip::address_v4::loopback(), port});
        socket_.set_option(tcp::no_delay(true));
    }

    void put() {
        began_ = steady::now();
        if (began_ >= end_) return;
        asio::async_write(socket_, asio::buffer(job_), [this](boost::system::error_code ec, std::size_t) {
            if (ec) throw boost::system::system_error(ec);
            await_answer();
        });
    }

    std::vector<double> delays{};

private:
    void await_answer() {
        asio::async_read_until(socket_, asio::dynamic_buffer(answer_), "\r\n",
                               [this](boost::system::error_code ec, std::size_t) {
                                   if (ec) throw boost::system::system_error(ec);
                                   if (!answer_.starts_with("INSERTED ")) throw std::runtime_error(answer_);
                                   delays.push_back(ms_since(began_));
                                   answer_.clear();
                                   put();
                               });
    }

    tcp::socket socket_;
    steady::time_point end_;
    steady::time_point began_{};
    std::string job_ = "put 0 0 3600 200\r\n" + std::string(200, 'x') + "\r\n";
    std::string answer_;
};

void run(const arguments& given) {
    asio::io_context loop(1);
    const auto port = static_cast<std::uint16_t>(std::stoi(given.at(0, "the port")));
    const auto began = steady::now();
    const auto end = began + std::chrono::seconds(given.number("seconds", 3));
    std::deque<producer> producers;
    for (std::size_t i = 0; i < given.number("connections", 64); ++i) producers.emplace_back(loop, port, end);
    for (auto& one : producers) one.put();
    loop.run();
    const double seconds = ms_since(began) / 1'000;
    std::vector<double> all;
    for (const auto& one : producers) all.insert(all.end(), one.delays.begin(), one.delays.end());
    print_figures(rate_figures(all, seconds));
}

}  // namespace

int main(int argc, char** argv) {
    try {
        run({argc, argv});
    } catch (const std::exception& e) {
        std::fprintf(
            stderr,
            "bench_beanstalk_put: %s\nusage: bench_beanstalk_put PORT [--connections N] [--seconds S]\n",
            e.what());
        return 1;
    }
}
