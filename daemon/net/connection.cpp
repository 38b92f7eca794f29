#include "net/connection.hpp"

#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <chrono>

#include "net/wire.hpp"

namespace statetrackd {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t read_bytes = 8'192;
constexpr std::size_t write_bytes_enough = 262'144;
constexpr std::size_t linger_bytes_max = 1'048'576;
// A connection that waits keeps no more memory than this for what it writes next.
constexpr std::size_t written_bytes_kept_max = 16'384;
// Who was accepted just before a drain has his request on the way.
constexpr std::int64_t first_request_ms_max = 1'000;

}  // namespace

std::int64_t steady_ms() {
    const auto since = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}

connection::connection(socket peer, connection_host& host)
    : host_(host), socket_(std::move(peer)), reader_(host.options().body_bytes_max) {
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
        c.phase_began_ = steady_ms();
        if (c.next_number_ == 0) return c.rearm();
        // A request may have come that nobody has looked at yet: on_read knows.
        error_code ignored;
        c.socket_.cancel(ignored);
    });
}

// ---------------------------------------------------------------------------------------------- reading

// A request that has begun is read to its end; another one begins where those before it leave room.
bool connection::reads_on() const {
    if (finished_ || dropped_) return false;
    if (reader_.where() != request_reader::stage::idle) return true;
    std::size_t waiting = 0;
    for (const auto& s : slots_) waiting += s.body_bytes;
    return slots_.size() < pipelined_requests_max && waiting < host_.options().body_bytes_max;
}

// Does all that can be done with what is there.
void connection::proceed() {
    if (dropped_) return;
    if (!read_pending_ && !lingering_) {
        while (reads_on() && parse_some()) {}
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
    if (ec == asio::error::operation_aborted && leaving_) {
        error_code unknown;
        if (socket_.available(unknown) > 0) return read_more();
    }
    if (ec && ec != asio::error::eof) return drop();
    if (ec) peer_finished_ = true;
    if (lingering_) {
        lingered_bytes_ += bytes;
        if (ec || lingered_bytes_ > linger_bytes_max) return drop();
        return read_more();
    }
    if (ec) {
        // What is under way is still answered: a client may close its sending side early.
        finished_ = true;
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

// One step of the reader; whether there may be another.
bool connection::parse_some() {
    const bool was_idle = reader_.where() == request_reader::stage::idle;
    const auto found = reader_.step(buffer_);
    if (was_idle && reader_.where() != request_reader::stage::idle) phase_began_ = steady_ms();
    switch (found) {
        case request_reader::event::wants_more:
            return false;
        case request_reader::event::header:
            on_header();
            return true;
        case request_reader::event::request:
            on_request(!reader_.keeps_alive() || host_.draining());
            return true;
        case request_reader::event::refused:
            break;
    }
    refuse(reader_.why());
    return false;
}

// Key, role and budget are judged before a byte of the body is kept.
void connection::on_header() {
    auto head = reader_.take_head();
    head.remote = remote_;
    coming_ = host_.answers().admit(std::move(head));
    const bool body_matters = !coming_->refusal || coming_->sign_of_life;
    if (!body_matters) reader_.ignore_body();
    if (!reader_.waits_to_continue()) return;
    // Refused at once; whether the body comes all the same is the client's choice, so the connection ends.
    if (!body_matters) return on_request(true);
    // In its turn behind the answers before it; a client that will not wait sends its body anyway.
    slots_.push_back({.number = next_number_++, .ready = true, .answer = {.status = 100}});
}

void connection::on_request(bool last) {
    coming_->asked.body = reader_.take_body();
    slot s{
        .number = next_number_++, .asked = std::move(coming_), .last = last, .http_1_0 = reader_.http_1_0()};
    s.where = host_.answers().lane_of(*s.asked);
    s.body_bytes = s.asked->asked.body.size();
    coming_ = nullptr;
    finished_ = last;
    phase_began_ = steady_ms();
    slots_.push_back(std::move(s));
}

// Answers in its turn, then closes: where a next request would begin is not certain.
void connection::refuse(const failure& why) {
    if (!coming_) {
        auto head = reader_.take_head();
        head.remote = remote_;
        coming_ = host_.answers().identify(std::move(head));
    }
    slot s{.number = next_number_++, .asked = std::move(coming_), .ready = true, .last = true};
    s.answer = host_.answers().refuse(*s.asked, why);
    coming_ = nullptr;
    finished_ = true;
    slots_.push_back(std::move(s));
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
    s.answer = host_.answers().give_up(*s.asked);
    s.ready = true;
    s.last = true;
    finished_ = true;
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
    if (out_.capacity() > written_bytes_kept_max) std::string().swap(out_);
    if (reader_.where() == request_reader::stage::idle) phase_began_ = steady_ms();
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
    finished_ = true;
    phase_began_ = steady_ms();
    if (!read_pending_) {
        buffer_.clear();
        read_more();
    }
    rearm();
}

// Of what was written, whether the kernel still holds some for the peer.
bool connection::unread() {
    int bytes = 0;
    return ::ioctl(socket_.native_handle(), SIOCOUTQ, &bytes) == 0 && bytes > 0;
}

// The peer does not read: what the kernel still holds for it is thrown away, or it would hold that for
// minutes.
void connection::cut_off() {
    error_code ignored;
    socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    drop();
}

void connection::drop() {
    if (dropped_) return;
    dropped_ = true;
    for (auto& s : slots_)
        if (s.asked) s.asked->abandoned = true;
    slots_.clear();
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
    asio::post(socket_.get_executor(), [self = shared_from_this()] {
        auto& c = *self;
        const auto now = steady_ms();
        if (c.dropped_ || !c.overdue(now)) return;
        if (c.write_pending_ && now >= c.write_began_ + c.host_.options().request_timeout_ms)
            return c.cut_off();
        if (now >= c.read_deadline()) {
            if (c.lingering_ || c.reader_.where() == request_reader::stage::idle)
                return c.unread() ? c.cut_off() : c.drop();
            c.refuse({.status = 408, .code = "timeout", .message = "the request did not arrive in time"});
        }
        for (auto& s : c.slots_)
            if (s.running && !s.ready && now >= s.deadline) c.give_up(s);
        c.write_ready();
        c.rearm();
    });
}

}  // namespace statetrackd
