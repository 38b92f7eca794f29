// Takes one request after another out of a connection's bytes: its header is scanned, parsed and judged, then
// its body is read by its framing. Does no I/O and knows no time. Included by this folder's sources only.
#pragma once

#include <boost/beast/core/flat_buffer.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/problem.hpp"
#include "guard/chunked_body.hpp"
#include "guard/framing.hpp"

namespace statetrackd {

class request_reader {
public:
    enum class stage : std::uint8_t { idle, header, body };
    enum class event : std::uint8_t {
        wants_more,
        header,   // whole and sound: take_head()
        request,  // whole: take_body()
        refused,  // why(); nothing after it can be read
    };

    explicit request_reader(std::size_t body_bytes_max) : body_bytes_max_(body_bytes_max) {}

    // One step with what the buffer holds; what belongs to the request is consumed.
    event step(boost::beast::flat_buffer& buffer);
    stage where() const noexcept { return stage_; }

    // Method, target and the fields that decide anything; of a refused header, what could be made out.
    request take_head() { return std::move(head_); }
    bool http_1_0() const noexcept { return http_1_0_; }
    bool keeps_alive() const noexcept { return keeps_alive_; }
    // The client waits for an interim response before it sends the body.
    bool waits_to_continue() const noexcept { return waits_to_continue_; }
    // What comes of the body is counted and dropped.
    void ignore_body() noexcept { ignores_body_ = true; }
    std::string take_body() { return std::move(body_); }

    const failure& why() const noexcept { return why_; }

private:
    event begin(boost::beast::flat_buffer& buffer);
    event read_header(boost::beast::flat_buffer& buffer);
    event parse_header(boost::beast::flat_buffer& buffer, std::size_t size);
    event read_body(boost::beast::flat_buffer& buffer);
    event read_chunks(boost::beast::flat_buffer& buffer);
    event refuse(int status, std::string_view code, std::string message);
    event refuse(const header_refusal& what) { return refuse(what.status, what.code, what.message); }
    event refuse_size();

    const std::size_t body_bytes_max_;
    stage stage_ = stage::idle;
    std::size_t empty_lines_ = 0;
    header_scanner scanner_;
    header_view view_;  // kept for its memory
    request head_;
    bool http_1_0_ = false;
    bool keeps_alive_ = false;
    bool waits_to_continue_ = false;
    body_framing framed_;
    chunked_body chunks_{0};
    std::size_t wire_bytes_ = 0;  // of a chunked body
    bool ignores_body_ = false;
    std::string body_;
    failure why_;
};

}  // namespace statetrackd
