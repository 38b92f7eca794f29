#include "net/request_reader.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <memory_resource>
#include <tuple>

#include "net/wire.hpp"

namespace statetrackd {
namespace {

namespace http = boost::beast::http;
using boost::beast::flat_buffer;
using event = request_reader::event;

constexpr std::size_t empty_lines_max = 8;
constexpr std::size_t field_bytes_likely = 2'048;
constexpr std::size_t reserved_bytes_max = 4'096;  // a length is only a promise
// Chunk headers, extensions and trailers come on top of a body; beyond this they are an attack.
constexpr std::size_t wire_overhead_bytes_max = 16'384;

std::string_view view_of(const flat_buffer& buffer) {
    return {static_cast<const char*>(buffer.data().data()), buffer.size()};
}

// What an answer and the log may repeat: other bytes would make JSON that is none.
bool is_path(std::string_view target) {
    return target.starts_with('/') &&
           std::all_of(target.begin(), target.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

// What can be made out of a header that is refused before it is parsed, of the bytes that were judged: what
// came behind them is a matter of how the peer's bytes were cut.
request request_line_of(std::string_view bytes) {
    const auto line_end = bytes.find("\r\n");
    const auto line = bytes.substr(0, line_end);
    const auto first = line.find(' ');
    if (first == std::string_view::npos) return {};
    const auto second = line.find(' ', first + 1);
    const bool whole = second != std::string_view::npos || line_end != std::string_view::npos;
    const auto target = line.substr(first + 1, second - first - 1);
    return {.method = verb_of(line.substr(0, first)),
            .target = std::string(whole && is_path(target) ? target : "")};
}

// A version as such, whichever it is (RFC 9112, 2.3).
bool ends_with_version(std::string_view bytes) {
    const auto line = bytes.substr(0, std::min(bytes.find("\r\n"), bytes.size()));
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    const auto second = line.find(' ', std::min(line.find(' '), line.size() - 1) + 1);
    if (second == std::string_view::npos) return false;
    const auto version = line.substr(second + 1);
    return version.size() == 8 && version.starts_with("HTTP/") && digit(version[5]) && version[6] == '.' &&
           digit(version[7]);
}

}  // namespace

event request_reader::step(flat_buffer& buffer) {
    switch (stage_) {
        case stage::idle:
            return begin(buffer);
        case stage::header:
            return read_header(buffer);
        case stage::body:
            break;
    }
    return read_body(buffer);
}

event request_reader::refuse(int status, std::string_view code, std::string message) {
    why_ = {.status = status, .code = code, .message = std::move(message)};
    return event::refused;
}

event request_reader::refuse_size() {
    return refuse(413, "payload_too_large",
                  "the request's body may have at most " + std::to_string(body_bytes_max_) + " bytes");
}

event request_reader::begin(flat_buffer& buffer) {
    // Empty lines before a request are passed over (RFC 9112, 2.2).
    while (view_of(buffer).starts_with("\r\n")) {
        buffer.consume(2);
        if (++empty_lines_ > empty_lines_max)
            return refuse(400, "bad_request", "nothing but empty lines came instead of a request");
    }
    if (buffer.size() == 0 || view_of(buffer) == "\r") return event::wants_more;
    stage_ = stage::header;
    empty_lines_ = 0;
    scanner_ = {};
    head_ = {};
    body_.clear();
    ignores_body_ = false;
    wire_bytes_ = 0;
    return read_header(buffer);
}

event request_reader::read_header(flat_buffer& buffer) {
    const auto size = scanner_.scan(view_of(buffer));
    if (size) return parse_header(buffer, *size);
    const auto& wrong = scanner_.refusal();
    if (!wrong) return event::wants_more;
    head_ = request_line_of(view_of(buffer).substr(0, scanner_.judged()));
    return refuse(*wrong);
}

event request_reader::parse_header(flat_buffer& buffer, std::size_t size) {
    std::array<std::byte, field_bytes_likely> room;  // most headers need no other
    std::pmr::monotonic_buffer_resource memory(room.data(), room.size());
    http::request_parser<http::empty_body, header_allocator> parser(std::piecewise_construct, std::tuple(),
                                                                    std::tuple(header_allocator(&memory)));
    parser.header_limit(header_bytes_max);
    parser.body_limit(boost::none);  // judged here
    boost::system::error_code ec;
    parser.put({buffer.data().data(), size}, ec);
    const auto& header = parser.get();
    if (ec || !parser.is_header_done()) {
        head_ = request_line_of(view_of(buffer).substr(0, size));
        take_fields(header, head_.fields);
        if (ec == http::error::bad_version && ends_with_version(view_of(buffer)))
            return refuse(505, "bad_request", "send HTTP/1.1 or HTTP/1.0");
        return refuse(400, "bad_request", "this is no valid HTTP request: " + ec.message());
    }
    view_header(header, view_);
    head_.method = verb_of(view_.method);
    const auto wrong = judge_header(view_, &framed_);
    if (is_path(view_.target)) head_.target = std::string(view_.target);
    const bool unambiguous = take_fields(header, head_.fields);
    if (wrong) return refuse(*wrong);
    if (!unambiguous)
        return refuse(
            400, "bad_request",
            "X-API-Key, Authorization, X-Request-Id, X-Session-Epoch, Idempotency-Key and Origin may be "
            "sent once each");
    http_1_0_ = header.version() == 10;
    keeps_alive_ = parser.keep_alive();
    const bool has_body = framed_.chunked || framed_.length > 0;
    const auto expect = header.find(http::field::expect);
    // HTTP/1.0 knows no expectations (RFC 9110, 10.1.1).
    const bool expects = expect != header.end() && !http_1_0_;
    if (expects && !same_field_name(expect->value(), "100-continue"))
        return refuse(417, "bad_request", "nothing but 100-continue can be expected");
    if (framed_.length > body_bytes_max_) return refuse_size();

    buffer.consume(size);
    waits_to_continue_ = expects && has_body && buffer.size() == 0;
    if (framed_.chunked)
        chunks_ = chunked_body(body_bytes_max_);
    else
        body_.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(framed_.length, reserved_bytes_max)));
    stage_ = stage::body;
    return event::header;
}

event request_reader::read_body(flat_buffer& buffer) {
    if (framed_.chunked) return read_chunks(buffer);
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(framed_.length, buffer.size()));
    if (!ignores_body_) body_.append(view_of(buffer).substr(0, n));
    buffer.consume(n);
    framed_.length -= n;
    if (framed_.length > 0) return event::wants_more;
    stage_ = stage::idle;
    return event::request;
}

event request_reader::read_chunks(flat_buffer& buffer) {
    auto left = view_of(buffer);
    const auto outcome = chunks_.take(left, body_);
    const auto used = buffer.size() - left.size();
    buffer.consume(used);
    wire_bytes_ += used;
    if (ignores_body_) body_.clear();
    if (outcome == chunked_body::outcome::wrong)
        return refuse(400, "bad_request", "the body is not in valid chunks");
    if (outcome == chunked_body::outcome::too_large) return refuse_size();
    if (wire_bytes_ > 2 * body_bytes_max_ + wire_overhead_bytes_max)
        return refuse(413, "payload_too_large", "the body's chunks take too many bytes");
    if (outcome == chunked_body::outcome::wants_more) return event::wants_more;
    stage_ = stage::idle;
    return event::request;
}

}  // namespace statetrackd
