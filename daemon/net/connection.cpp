#include "net/connection.hpp"

#include <algorithm>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <chrono>

#include "net/wire.hpp"
#include "statetrack/utf8.hpp"

namespace statetrackd {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::size_t read_bytes = 8'192;
constexpr std::size_t write_bytes_enough = 262'144;
constexpr std::size_t linger_bytes_max = 1'048'576;
// Chunk headers, extensions and trailers come on top of a body; beyond this they are an attack.
constexpr std::size_t wire_overhead_bytes_max = 16'384;

}  // namespace

std::int64_t steady_ms() {
    const auto since = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}

connection::connection(socket peer, connection_host& host) : host_(host), socket_(std::move(peer)) {
    error_code ignored;
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    const auto endpoint = socket_.remote_endpoint(ignored);
    if (!ignored) remote_ = endpoint.address().to_string(ignored);
}

void connection::start() {
    asio::dispatch(socket_.get_executor(), [self = shared_from_this()] {
        self->phase_began_ = steady_ms();
        self->proceed();
    });
}

void connection::drain() {
    asio::post(socket_.get_executor(), [self = shared_from_this()] {
        auto& c = *self;
        if (c.dropped_ || c.lingering_ || c.reading_ != reading::idle) return;
        c.reading_ = reading::finished;
        if (!c.slots_.empty())
            c.slots_.back().last = true;
        else if (c.write_pending_)
            c.close_after_write_ = true;
        else
            c.drop();
    });
}

// ---------------------------------------------------------------------------------------------- reading

bool connection::reads_on() const {
    if (reading_ == reading::finished || dropped_) return false;
    return reading_ != reading::idle || slots_.size() < pipelined_requests_max;
}

// Does all that can be done with what is there.
void connection::proceed() {
    if (dropped_) return;
    if (!read_pending_ && !lingering_) {
        while (reads_on() && buffer_.size() > 0 && parse_some()) {}
        if (reads_on()) read_more();
    }
    pump();
    write_ready();
    rearm();
}

void connection::read_more() {
    read_pending_ = true;
    socket_.async_read_some(
        buffer_.prepare(read_bytes),
        [self = shared_from_this()](error_code ec, std::size_t n) { self->on_read(ec, n); });
}

void connection::on_read(error_code ec, std::size_t bytes) {
    read_pending_ = false;
    if (dropped_) return;
    if (ec && ec != asio::error::eof) return drop();
    if (ec) peer_finished_ = true;
    if (lingering_) {
        lingered_bytes_ += bytes;
        if (ec || lingered_bytes_ > linger_bytes_max) return drop();
        return read_more();
    }
    if (ec) {
        // What is under way is still answered: a client may close its sending side early.
        reading_ = reading::finished;
        parser_.reset();
        if (slots_.empty() && !write_pending_) return drop();
        if (!slots_.empty())
            slots_.back().last = true;
        else
            close_after_write_ = true;
        return rearm();
    }
    buffer_.commit(bytes);
    proceed();
}

// Feeds the parser once; whether to go on with what is left in the buffer.
bool connection::parse_some() {
    if (!parser_) {
        // Empty lines before a request are passed over (RFC 9112, 2.2).
        while (buffer_.size() > 0 && (*static_cast<const char*>(buffer_.data().data()) == '\r' ||
                                      *static_cast<const char*>(buffer_.data().data()) == '\n'))
            buffer_.consume(1);
        if (buffer_.size() == 0) return false;
        parser_.emplace();
        parser_->header_limit(header_bytes_max);
        parser_->body_limit(host_.options().body_bytes_max);
        reading_ = reading::header;
        phase_began_ = steady_ms();
        body_wire_bytes_ = 0;
    }
    error_code ec;
    const auto used = parser_->put(buffer_.data(), ec);
    buffer_.consume(used);
    const bool wants_more = ec == http::error::need_more;
    if (ec && !wants_more) {
        refuse_syntax(ec);
        return false;
    }
    if (reading_ == reading::header) {
        if (!parser_->is_header_done() || !on_header()) return false;
    } else {
        body_wire_bytes_ += used;
        if (body_wire_bytes_ > 2 * host_.options().body_bytes_max + wire_overhead_bytes_max) {
            refuse_syntax(http::error::body_limit);
            return false;
        }
    }
    if (parser_->is_done()) {
        on_request();
        return true;
    }
    return !wants_more;
}

// Before a byte of the body is read: is the header sound, and what does it say? False: refused.
bool connection::on_header() {
    const auto& header = parser_->get();
    if (const auto wrong = judge_header(view_of(header))) {
        refuse({.status = wrong->status, .code = wrong->code, .message = wrong->message});
        return false;
    }
    if (!take_fields(header, fields_)) {
        refuse(
            {.status = 400,
             .code = "bad_request",
             .message = "X-API-Key, Authorization, X-Request-Id and X-Session-Epoch may be sent once each"});
        return false;
    }
    const auto expect = header.find(http::field::expect);
    if (expect != header.end()) {
        if (!same_field_name(expect->value(), "100-continue")) {
            refuse({.status = 417,
                    .code = "bad_request",
                    .message = "nothing but 100-continue can be expected"});
            return false;
        }
        // In its turn behind the answers before it; a client that will not wait sends its body anyway.
        if (!parser_->is_done())
            slots_.push_back({.number = next_number_++, .ready = true, .answer = {.status = 100}});
    }
    reading_ = reading::body;
    parser_->eager(true);
    return true;
}

void connection::on_request() {
    auto& message = parser_->get();
    request asked{.method = verb_of(message.method_string()),
                  .target = std::string(message.target()),
                  .fields = std::move(fields_),
                  .body = std::move(message.body()),
                  .remote = remote_};
    slot s{.number = next_number_++,
           .asked = host_.answers().admit(std::move(asked)),
           .last = !parser_->keep_alive() || host_.draining(),
           .http_1_0 = message.version() == 10};
    s.where = host_.answers().lane_of(*s.asked);
    parser_.reset();
    reading_ = s.last ? reading::finished : reading::idle;
    phase_began_ = steady_ms();
    slots_.push_back(std::move(s));
}

// Answers in its turn, then closes: where a next request would begin is not certain.
void connection::refuse(const failure& why) {
    request asked{.fields = std::move(fields_), .remote = remote_};
    if (parser_) {
        asked.method = verb_of(parser_->get().method_string());
        const std::string_view target = parser_->get().target();
        // It may be the very thing that is wrong.
        if (statetrack::count_code_points(target)) asked.target = std::string(target);
    }
    slot s{.number = next_number_++,
           .asked = host_.answers().admit(std::move(asked)),
           .ready = true,
           .last = true};
    s.answer = host_.answers().refuse(*s.asked, why);
    parser_.reset();
    reading_ = reading::finished;
    slots_.push_back(std::move(s));
}

void connection::refuse_syntax(error_code ec) {
    if (reading_ == reading::header) take_fields(parser_->get(), fields_);
    if (ec == http::error::header_limit)
        refuse({.status = 431,
                .code = "header_too_large",
                .message =
                    "the request's header may have at most " + std::to_string(header_bytes_max) + " bytes"});
    else if (ec == http::error::body_limit)
        refuse({.status = 413,
                .code = "payload_too_large",
                .message = "the request's body may have at most " +
                           std::to_string(host_.options().body_bytes_max) + " bytes"});
    else if (ec == http::error::bad_version)
        refuse({.status = 505, .code = "bad_request", .message = "send HTTP/1.1 or HTTP/1.0"});
    else
        refuse({.status = 400,
                .code = "bad_request",
                .message = "this is no valid HTTP request: " + ec.message()});
}

// -------------------------------------------------------------------------------------------- answering

// Starts what may run: calls of one lane together, any other behind those before it.
void connection::pump() {
    pumping_ = true;
    const slot* before = nullptr;  // the nearest one that is not answered yet
    for (auto& s : slots_) {
        if (s.ready) continue;
        if (!s.running) {
            if (before != nullptr && (s.where != before->where || s.where == lane::alone)) break;
            run(s);
        }
        if (!s.ready) before = &s;
    }
    pumping_ = false;
}

void connection::run(slot& s) {
    const auto& o = host_.options();
    s.running = true;
    s.deadline = steady_ms() + std::min(o.request_timeout_ms, o.answer_timeout_ms);
    host_.answers().run(s.asked, [to = weak_from_this(), number = s.number](rendering show) {
        const auto self = to.lock();
        if (!self) return;
        asio::dispatch(self->socket_.get_executor(),
                       [self, number, show = std::move(show)] { self->answered(number, show); });
    });
}

void connection::answered(std::uint64_t number, const rendering& show) {
    if (dropped_ || slots_.empty() || number < slots_.front().number) return;
    const auto at = number - slots_.front().number;
    if (at >= slots_.size() || slots_[at].ready) return;
    auto& s = slots_[at];
    s.answer = host_.answers().finish(*s.asked, show);
    s.ready = true;
    if (!pumping_) proceed();
}

void connection::give_up(slot& s) {
    s.asked->abandoned = true;
    s.answer = host_.answers().refuse(
        *s.asked,
        {.status = 504,
         .code = "timeout",
         .message = "the store did not answer in time; whether a write took effect is unknown, ask again"});
    s.ready = true;
    s.last = true;
    reading_ = reading::finished;
}

// ---------------------------------------------------------------------------------------------- writing

void connection::write_ready() {
    if (write_pending_ || lingering_ || dropped_) return;
    out_.clear();
    while (!slots_.empty() && slots_.front().ready && out_.size() < write_bytes_enough) {
        auto& s = slots_.front();
        close_after_write_ = s.last;
        append_wire(out_, s.answer,
                    {.without_body = s.asked && s.asked->asked.method == verb::head,
                     .http_1_0 = s.http_1_0,
                     .close = s.last});
        slots_.pop_front();
        if (!close_after_write_) continue;
        for (auto& rest : slots_)
            if (rest.asked) rest.asked->abandoned = true;
        slots_.clear();
    }
    if (out_.empty()) return;
    write_pending_ = true;
    write_began_ = steady_ms();
    asio::async_write(socket_, asio::buffer(out_),
                      [self = shared_from_this()](error_code ec, std::size_t) { self->on_written(ec); });
}

void connection::on_written(error_code ec) {
    write_pending_ = false;
    if (dropped_) return;
    if (ec) return drop();
    phase_began_ = reading_ == reading::idle ? steady_ms() : phase_began_;
    if (close_after_write_) return linger();
    proceed();
}

// Closing while the peer still sends would make the kernel throw away the answer that it has not read yet.
void connection::linger() {
    if (peer_finished_) return drop();
    error_code ec;
    socket_.shutdown(socket::shutdown_send, ec);
    if (ec) return drop();
    lingering_ = true;
    reading_ = reading::finished;
    phase_began_ = steady_ms();
    if (!read_pending_) {
        buffer_.clear();
        read_more();
    }
    rearm();
}

void connection::drop() {
    if (dropped_) return;
    dropped_ = true;
    for (auto& s : slots_)
        if (s.asked) s.asked->abandoned = true;
    slots_.clear();
    parser_.reset();
    error_code ignored;
    socket_.close(ignored);
    deadline_.store(never, std::memory_order_relaxed);
    host_.closed(shared_from_this());
}

// ---------------------------------------------------------------------------------------------- limits in
// time

std::int64_t connection::read_deadline() const {
    const auto& o = host_.options();
    if (lingering_) return phase_began_ + linger_ms_max;
    switch (reading_) {
        case reading::idle:
            return slots_.empty() && !write_pending_ ? phase_began_ + o.idle_timeout_ms : never;
        case reading::header:
            return phase_began_ + o.header_timeout_ms;
        case reading::body:
            return phase_began_ + o.request_timeout_ms;
        case reading::finished:
            break;
    }
    return never;
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
    asio::post(socket_.get_executor(), [self = shared_from_this()] {
        auto& c = *self;
        const auto now = steady_ms();
        if (c.dropped_ || !c.overdue(now)) return;
        if (c.write_pending_ && now >= c.write_began_ + c.host_.options().request_timeout_ms) return c.drop();
        if (now >= c.read_deadline()) {
            if (c.lingering_ || c.reading_ == reading::idle) return c.drop();
            c.refuse({.status = 408, .code = "timeout", .message = "the request did not arrive in time"});
        }
        for (auto& s : c.slots_)
            if (s.running && !s.ready && now >= s.deadline) c.give_up(s);
        c.write_ready();
        c.rearm();
    });
}

}  // namespace statetrackd
