#include "net/connection.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "net/wire.hpp"

namespace statetrackd {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t read_bytes = 8'192;
constexpr std::size_t write_bytes_enough = 262'144;
// A connection that waits keeps no more memory than this for what it writes next.
constexpr std::size_t written_bytes_kept_max = 16'384;

}  // namespace

// ---------------------------------------------------------------------------------------------- reading

// A request that has begun is read to its end; another one begins where those before it leave room.
bool connection::reads_on() const {
    if (finished_ || dropped_) return false;
    if (reader_.where() != request_reader::stage::idle) return true;
    std::size_t waiting = 0;
    for (const auto& s : slots_) waiting += s.body_bytes;
    return slots_.size() < pipelined_requests_max && waiting < host_.options().body_bytes_max;
}

// A peer whose writes are under way mostly waits for them: what else it sends can be read when they are
// answered.
bool connection::reads_later() const {
    return !slots_.empty() && slots_.back().where == lane::queue && !filled_ &&
           reader_.where() == request_reader::stage::idle;
}

// Does all that can be done with what is there.
void connection::proceed() {
    bool wrote = false;
    for (;; wrote = true) {
        if (!read_pending_ && !lingering_)
            while (reads_on() && parse_some()) {}
        pump();
        if (!write_ready()) break;
    }
    if (!read_pending_ && !lingering_ && reads_on() && !reads_later()) wrote ? read_soon() : read_more();
    rearm();
}

// When the answers that are ready have been sent, those of other connections too: by then the peer may have
// sent its next request, and nothing has to wait for it.
void connection::read_soon() {
    read_pending_ = true;
    asio::post(loop(), [self = shared_from_this()] {
        if (self->leaving_) return self->on_read(asio::error::operation_aborted, 0);
        if (!self->dropped_) self->read_more();
    });
}

void connection::read_more() {
    read_pending_ = true;
    stream_.async_read_some(
        buffer_.prepare(read_bytes),
        [self = shared_from_this()](error_code ec, std::size_t n) { self->on_read(ec, n); });
}

void connection::on_read(error_code ec, std::size_t bytes) {
    read_pending_ = false;
    if (dropped_) return;
    // TLS that was ended here reports whatever comes as an end; only the socket knows.
    if (lingering_) return ec && stream_.socket_has_ended() ? drop() : discard_more(bytes);
    if (peer_stream::is_end(ec)) {
        // What is under way is still answered: a client may close its sending side early.
        peer_finished_ = true;
        finished_ = true;
        if (slots_.empty() && !write_pending_) return part(parting::at_once);
        if (!slots_.empty())
            slots_.back().last = true;
        else
            close_after_write_ = true;
        return rearm();
    }
    if (ec == asio::error::operation_aborted && leaving_) {
        error_code unknown;
        return stream_.raw().available(unknown) > 0 ? read_more() : part(parting::at_once);
    }
    if (ec) return drop();
    filled_ = bytes == read_bytes;
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
    if (redirects_) return redirect(std::move(head));
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

// The one answer of a connection that came to the wrong port; nothing of the body is waited for.
void connection::redirect(request head) {
    const auto to = redirect_target(head.fields.host, host_.tls_port(), head.target);
    coming_ = host_.answers().identify(std::move(head));
    if (to.empty())
        return refuse(
            {.status = 400, .code = "bad_request", .message = "send a Host field: it says where to go"});
    slot s{.number = next_number_++, .asked = std::move(coming_), .ready = true, .last = true};
    s.answer = host_.answers().finish(*s.asked, {.status = 308, .headers = header_fields({"Location", to})});
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
    host_.answers().run(s.asked, weak_from_this(), s.number);
}

connection::slot* connection::waiting_under(std::uint64_t number) {
    if (dropped_ || slots_.empty() || number < slots_.front().number) return nullptr;
    const auto at = number - slots_.front().number;
    return at < slots_.size() && !slots_[at].ready ? &slots_[at] : nullptr;
}

// Nearly always on its own loop: a function that is called is cheaper than one that is handed on.
void connection::answered(std::uint64_t number, response made) {
    if (!loop().running_in_this_thread())
        return asio::post(loop(), [self = shared_from_this(), number, made = std::move(made)]() mutable {
            self->answered(number, std::move(made));
        });
    slot* const s = waiting_under(number);
    if (!s) return;
    s->answer = host_.answers().finish(*s->asked, std::move(made));
    s->ready = true;
    if (!pumping_) proceed();
}

// What stands behind others waits for them anyway.
bool connection::take_early(std::uint64_t number, response& likely) {
    if (!loop().running_in_this_thread()) return false;
    slot* const s = waiting_under(number);
    if (!s || s != &slots_.front()) return false;
    auto taken = std::move(likely);
    host_.answers().complete(*s->asked, taken);
    early_.bytes.clear();
    early_.status = taken.status;
    early_.says_close = s->last;
    early_.connection_field = render(*s, taken, early_.bytes);
    return true;
}

void connection::answered_early(std::uint64_t number) {
    if (!loop().running_in_this_thread())
        return asio::post(loop(), [self = shared_from_this(), number] { self->answered_early(number); });
    slot* const s = waiting_under(number);
    if (!s) return;
    host_.answers().tell(*s->asked, early_.status);
    s->ready = true;
    s->early = true;
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

// Whether there may be more to do: all that was ready has been written.
bool connection::write_ready() {
    if (write_pending_ || lingering_ || dropped_) return false;
    render_ready();
    if (out_.empty()) return false;
    error_code ec;
    const auto written = stream_.write_at_once(asio::buffer(out_), ec);
    if (ec) {
        drop();
        return false;
    }
    if (written == out_.size()) return all_written();
    write_pending_ = true;
    write_began_ = steady_ms();
    stream_.async_write(
        asio::buffer(out_) + written,
        [self = shared_from_this()](error_code failed, std::size_t) { self->on_written(failed); });
    return false;
}

std::size_t connection::render(const slot& s, const response& answer, std::string& to) {
    return append_wire(to, answer,
                       {.without_body = s.asked && s.asked->asked.method == verb::head,
                        .http_1_0 = s.http_1_0,
                        .close = s.last,
                        .over_tls = stream_.has_tls()});
}

void connection::take_prepared(bool last) {
    out_.swap(early_.bytes);
    if (last && !early_.says_close) say_close(out_, early_.connection_field);
}

void connection::render_ready() {
    out_.clear();
    while (!slots_.empty() && slots_.front().ready && out_.size() < write_bytes_enough) {
        auto& s = slots_.front();
        close_after_write_ = s.last;
        if (s.early)
            take_prepared(s.last);  // nothing stands before it
        else
            (void)render(s, s.answer, out_);
        slots_.pop_front();
        if (!close_after_write_) continue;
        for (auto& rest : slots_)
            if (rest.asked) rest.asked->abandoned = true;
        slots_.clear();
    }
}

void connection::on_written(error_code ec) {
    write_pending_ = false;
    if (dropped_) return;
    if (ec) return drop();
    if (all_written()) proceed();
}

// Whether the connection goes on.
bool connection::all_written() {
    if (out_.capacity() > written_bytes_kept_max) std::string().swap(out_);
    if (reader_.where() == request_reader::stage::idle) phase_began_ = steady_ms();
    if (!close_after_write_) return true;
    part(peer_finished_ ? parting::at_once : parting::patiently);
    return false;
}

}  // namespace statetrackd
