// Responses as bytes, and Beast's header as what the guard judges.
#pragma once

#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>
#include <cstdint>
#include <memory_resource>
#include <string>
#include <string_view>

#include "api/http_message.hpp"
#include "guard/framing.hpp"

namespace statetrackd {

struct wire_form {
    bool without_body = false;  // the answer to a HEAD
    bool http_1_0 = false;      // keep-alive has to be said
    bool close = false;
    bool over_tls = false;  // the client is to stay with it (RFC 6797, 7.1)
};
// Answers where in `out` the last field, Connection, stands or would.
std::size_t append_wire(std::string& out, const response& answer, wire_form form);
// Has an answer that was appended, and is the last one in `out`, say that the connection closes behind it.
void say_close(std::string& out, std::size_t connection_field);

// Where the same is to be had through TLS; empty where the request does not say on which host it was asked.
// `host` is a Host field that judge_header found fine, so it holds nothing that ends a header's line.
std::string redirect_target(std::string_view host, std::uint16_t tls_port, std::string_view target);

// Its fields stand in memory of the reader's.
using header_allocator = std::pmr::polymorphic_allocator<char>;
using received_header =
    boost::beast::http::request_header<boost::beast::http::basic_fields<header_allocator>>;

// Views into the message; valid as long as it is.
void view_header(const received_header& header, header_view& into);

// The fields that decide anything. False: one that may come once came twice.
bool take_fields(const received_header& header, request_fields& into);

}  // namespace statetrackd
