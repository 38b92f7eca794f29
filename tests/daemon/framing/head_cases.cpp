// The header: message syntax (RFC 9112, 2), request line (3), Host (3.2), fields (5), connection (9).
#include "framing_cases.hpp"

namespace statetrackd::testing {
namespace {

using namespace std::string_literals;

std::string with_line(std::string_view line) { return std::string(line) + "\r\nHost: h\r\n\r\n"; }
std::string with_host(std::string_view lines) {
    return "GET /read HTTP/1.1\r\n" + std::string(lines) + "\r\n";
}
std::string with_field(std::string_view lines) {
    return "GET /read HTTP/1.1\r\nHost: h\r\n" + std::string(lines) + "\r\n";
}
std::string fields(int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all += "X-" + std::to_string(i) + ": v\r\n";
    return all;
}

}  // namespace

std::vector<framing_case> message_cases() {
    return {
        {"a request is served", with_field(""), 200, then::keeps},
        {"2.2: an empty line before a request is passed over", "\r\n" + with_field(""), 200, then::keeps},
        {"2.2: so are a few", "\r\n\r\n\r\n" + with_field(""), 200, then::keeps},
        {"empty lines without end are no request", "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n" + with_field("")},
        {"2.2: LF alone ends no line", "GET /read HTTP/1.1\nHost: h\n\n"},
        {"2.2: LF alone ends no request line", "GET /read HTTP/1.1\nHost: h\r\n\r\n"},
        {"2.2: LF alone ends no field", "GET /read HTTP/1.1\r\nHost: h\nX: y\r\n\r\n"},
        {"2.2: LF alone ends no header", "GET /read HTTP/1.1\r\nHost: h\r\n\n"},
        {"2.2: LF alone is no empty line", "\n" + with_field("")},
        {"2.2: a bare CR in the request line", "GET /read\r HTTP/1.1\r\nHost: h\r\n\r\n"},
        {"2.2: a bare CR in a field name", with_field("X\r: y\r\n")},
        {"2.2: a bare CR in a field value", with_field("X: y\rz\r\n")},
        {"2.2: a bare CR before CRLF", with_field("X: y\r\r\n")},
        {"2.2: a bare CR before the request", "\r" + with_field("")},
        {"2.2: white space before the first field", "GET /read HTTP/1.1\r\n Host: h\r\n\r\n"},
        {"2.2: a tab before the first field", "GET /read HTTP/1.1\r\n\tHost: h\r\n\r\n"},
        {"2.2: a line of white space before the first field", "GET /read HTTP/1.1\r\n \r\nHost: h\r\n\r\n"},
        {"NUL in a field value", with_field("X: a\0b\r\n"s)},
        {"NUL in a field name", with_field("X\0: b\r\n"s)},
        {"NUL in the target", with_line("GET /re\0ad HTTP/1.1"s)},
        {"a control character in a field value", with_field("X: a\x01z\r\n")},
        {"DEL in a field value", with_field("X: a\x7Fz\r\n")},
        {"a vertical tab in the request line", with_line("GET\v/read HTTP/1.1")},
    };
}

std::vector<framing_case> request_line_cases() {
    return {
        {"3: a query belongs to the target", with_line("GET /read?x=1 HTTP/1.1"), 200, then::keeps},
        {"3.1: methods are case-sensitive", with_line("get /read HTTP/1.1"), 501},
        {"3.1: an unknown method", with_line("BREW /read HTTP/1.1"), 501},
        {"3.1: TRACE is not implemented", with_line("TRACE /read HTTP/1.1"), 501},
        {"3.1: CONNECT is not implemented", with_line("CONNECT h:80 HTTP/1.1"), 501},
        {"3.1: a method is a token", with_line("G(T /read HTTP/1.1")},
        {"3.1: a method is not empty", with_line("/read HTTP/1.1")},
        {"3: white space before the method", with_line(" GET /read HTTP/1.1")},
        {"3: two spaces behind the method", with_line("GET  /read HTTP/1.1")},
        {"3: a tab behind the method", with_line("GET\t/read HTTP/1.1")},
        {"3: two spaces before the version", with_line("GET /read  HTTP/1.1")},
        {"3: a tab before the version", with_line("GET /read\tHTTP/1.1")},
        {"3: a space behind the version", with_line("GET /read HTTP/1.1 ")},
        {"3: a word too many", with_line("GET /read x HTTP/1.1")},
        {"3: no version", with_line("GET /read")},
        {"3: no target", with_line("GET HTTP/1.1")},
        {"3: nothing but a method", with_line("GET")},
        {"3: a request line beyond the limit", with_line("GET /" + std::string(9'000, 'a') + " HTTP/1.1"),
         414},
        {"3: so long that it has no end", "GET /" + std::string(9'000, 'a'), 414},
        {"2.3: the version is case-sensitive", with_line("GET /read http/1.1")},
        {"2.3: two digits before the dot", with_line("GET /read HTTP/01.1")},
        {"2.3: two digits behind the dot", with_line("GET /read HTTP/1.10")},
        {"2.3: no minor version", with_line("GET /read HTTP/1")},
        {"2.3: another name", with_line("GET /read HTTPS/1.1")},
        {"2.3: a space in the version", with_line("GET /read HTTP /1.1")},
        {"2.3: major version 2", with_line("GET /read HTTP/2.0"), 505},
        {"2.3: major version 3", with_line("GET /read HTTP/3.0"), 505},
        {"2.3: major version 0", with_line("GET /read HTTP/0.9"), 505},
        {"2.3: a minor version to come", with_line("GET /read HTTP/1.2"), 505},
        {"3.2: a target without a slash", with_line("GET read HTTP/1.1")},
        {"3.2: a space in the target", with_line("GET /re ad HTTP/1.1")},
        {"3.2: a byte beyond ASCII in the target", with_line("GET /re\xC3\xA4 HTTP/1.1")},
        {"3.2: DEL in the target", with_line("GET /re\x7F HTTP/1.1")},
        {"3.2: a fragment is no part of a target", with_line("GET /read#x HTTP/1.1"), 400, then::keeps},
        {"3.2: a quote in the target", with_line("GET /re\"d HTTP/1.1"), 400, then::keeps},
        {"3.2: a percent sign that encodes nothing", with_line("GET /read%4 HTTP/1.1"), 400, then::keeps},
        {"an encoded NUL in the target", with_line("GET /read%00 HTTP/1.1"), 400, then::keeps},
        // RFC 9112, 3.2.2 would have a server take the absolute form too; the contract takes the origin form
        // only, and refuses soundly what it does not take.
        {"3.2.2: the absolute form is not taken", with_line("GET http://h/read HTTP/1.1")},
        {"3.2.3: the authority form is CONNECT's", with_line("GET h:80 HTTP/1.1")},
        {"3.2.4: the asterisk form is OPTIONS'", with_line("GET * HTTP/1.1")},
        {"3.2.4: the asterisk form is not taken", with_line("OPTIONS * HTTP/1.1")},
    };
}

std::vector<framing_case> host_cases() {
    return {
        {"3.2: no Host", with_host("")},
        {"3.2: two equal Hosts", with_host("Host: h\r\nHost: h\r\n")},
        {"3.2: two different Hosts", with_host("Host: h\r\nX: y\r\nHOST: g\r\n")},
        {"3.2: an empty Host", with_host("Host:\r\n")},
        {"3.2: two Hosts on HTTP/1.0", "GET /read HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n"},
        {"3.2: HTTP/1.0 needs none", "GET /read HTTP/1.0\r\n\r\n", 200, then::closes},
        {"3.2: a port", with_host("Host: h:8080\r\n"), 200, then::keeps},
        {"3.2: an empty port", with_host("Host: h:\r\n"), 200, then::keeps},
        {"3.2: a port that is no number", with_host("Host: h:http\r\n")},
        {"3.2: a port of six digits", with_host("Host: h:123456\r\n")},
        {"3.2: two ports", with_host("Host: h:1:2\r\n")},
        {"3.2: an IPv6 address", with_host("Host: [::1]:8080\r\n"), 200, then::keeps},
        {"3.2: an IPv6 address that does not end", with_host("Host: [::1\r\n")},
        {"3.2: something behind an IPv6 address", with_host("Host: [::1]x\r\n")},
        {"3.2: an IPv6 address without brackets", with_host("Host: ::1\r\n")},
        {"3.2: user information", with_host("Host: u@h\r\n")},
        {"3.2: a path", with_host("Host: h/read\r\n")},
        {"3.2: a scheme", with_host("Host: http://h\r\n")},
        {"3.2: a list", with_host("Host: h, g\r\n")},
        {"3.2: a space", with_host("Host: h g\r\n")},
        {"3.2: a byte beyond ASCII", with_host("Host: h\xC3\xA4\r\n")},
        {"3.2: an encoded byte", with_host("Host: h%41\r\n"), 200, then::keeps},
        {"3.2: a percent sign in a Host that encodes nothing", with_host("Host: h%4\r\n")},
        {"5.1: field names ignore case", with_host("hOST: h\r\n"), 200, then::keeps},
        {"5.1: white space around the value", with_host("Host: \t h\t \r\n"), 200, then::keeps},
    };
}

std::vector<framing_case> field_cases() {
    return {
        {"5.1: a space before the colon", with_field("X : y\r\n")},
        {"5.1: a tab before the colon", with_field("X\t: y\r\n")},
        {"5.1: a space before the colon of Content-Length", with_field("Content-Length : 0\r\n")},
        {"5.1: no colon", with_field("X\r\n")},
        {"5.1: no name", with_field(": y\r\n")},
        {"5.1: a space in the name", with_field("X Y: z\r\n")},
        {"5.1: a name is a token", with_field("X(Y): z\r\n")},
        {"5.1: a byte beyond ASCII in the name", with_field("X\xC3\xA4: z\r\n")},
        {"5.1: an empty value", with_field("X:\r\n"), 200, then::keeps},
        {"5.1: no space behind the colon", with_field("X:y\r\n"), 200, then::keeps},
        {"5.5: bytes beyond ASCII in a value", with_field("X: \xC3\xA4\r\n"), 200, then::keeps},
        {"5.5: a tab in a value", with_field("X: a\tb\r\n"), 200, then::keeps},
        {"5.2: a folded value", with_field("X: a\r\n b\r\n")},
        {"5.2: a value folded by a tab", with_field("X: a\r\n\tb\r\n")},
        {"5.2: a folded Transfer-Encoding", with_field("Transfer-Encoding:\r\n chunked\r\n")},
        {"5.2: a fold at the end", with_field("X: a\r\n \r\n")},
        {"64 fields", with_field(fields(63)), 200, then::keeps},
        {"65 fields", with_field(fields(64)), 431},
        {"a field beyond the limit", with_field("X: " + std::string(8'200, 'x') + "\r\n"), 431},
        {"a field without end", "GET /read HTTP/1.1\r\nHost: h\r\nX: " + std::string(8'200, 'x'), 431},
        {"the same key twice", with_field("X-API-Key: a\r\nX-API-Key: b\r\n")},
        {"two idempotency keys", with_field("Idempotency-Key: a\r\nIdempotency-Key: a\r\n")},
        {"the same epoch twice", with_field("X-Session-Epoch: 1\r\nX-Session-Epoch: 2\r\n")},
    };
}

std::vector<framing_case> connection_cases() {
    return {
        {"9.6: close", with_field("Connection: close\r\n"), 200, then::closes},
        {"9.6: close in any case", with_field("Connection: CLOSE\r\n"), 200, then::closes},
        {"9.6: close in a list", with_field("Connection: x, close\r\n"), 200, then::closes},
        {"9.6: close in a second field", with_field("Connection: x\r\nConnection: close\r\n"), 200,
         then::closes},
        {"9.3: keep-alive is the default", with_field("Connection: x\r\n"), 200, then::keeps},
        {"9.3: HTTP/1.0 closes", "GET /read HTTP/1.0\r\nHost: h\r\n\r\n", 200, then::closes},
        {"9.3: HTTP/1.0 with keep-alive", "GET /read HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200,
         then::keeps},
        {"9.9: an upgrade that is not offered is passed over",
         with_field("Connection: upgrade\r\nUpgrade: websocket\r\n"), 200, then::keeps},
        {"an expectation that nobody meets", with_field("Expect: miracles\r\n"), 417},
        {"an expectation without a body", with_field("Expect: 100-continue\r\n"), 200, then::keeps},
        {"HTTP/1.0 knows no expectations",
         "POST /echo HTTP/1.0\r\nExpect: miracles\r\nContent-Length: 2\r\n\r\nab", 200, then::closes, "<ab>"},
    };
}

}  // namespace statetrackd::testing
