// Responses as bytes, and Beast's header as what the guard judges.
#pragma once

#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>
#include <string>

#include "api/http_message.hpp"
#include "guard/framing.hpp"

namespace statetrackd {

struct wire_form {
    bool without_body = false;  // the answer to a HEAD
    bool http_1_0 = false;      // keep-alive has to be said
    bool close = false;
};
void append_wire(std::string& out, const response& answer, wire_form form);

// Views into the message; valid as long as it is.
void view_header(const boost::beast::http::request_header<>& header, header_view& into);

// The fields that decide anything. False: one that may come once came twice.
bool take_fields(const boost::beast::http::request_header<>& header, request_fields& into);

}  // namespace statetrackd
