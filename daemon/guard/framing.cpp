#include "guard/framing.hpp"

#include <algorithm>
#include <limits>

#include "api/ascii.hpp"
#include "api/http_message.hpp"

namespace statetrackd {
namespace {

constexpr std::size_t port_digits_max = 5;

bool is_port(std::string_view text) {
    return text.size() <= port_digits_max && std::all_of(text.begin(), text.end(), is_digit);
}

// An IP-literal of RFC 3986, 3.2.2, without its brackets; which addresses there are is not our business.
bool is_ip_literal(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return is_hex(c) || c == ':' || c == '.' || c == 'v' || c == 'V';
    });
}

bool is_registered_name(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%') {
            if (i + 2 >= text.size() || !is_hex(text[i + 1]) || !is_hex(text[i + 2])) return false;
            i += 2;
        } else if (!is_letter(text[i]) && !is_digit(text[i]) &&
                   std::string_view("-._~!$&'()*+,;=").find(text[i]) == std::string_view::npos) {
            return false;
        }
    }
    return !text.empty();
}

// uri-host [ ":" port ] (RFC 9110, 7.2). An empty one names nobody; http has no use for it.
bool is_host(std::string_view value) {
    if (value.starts_with('[')) {
        const auto end = value.find(']');
        if (end == std::string_view::npos || !is_ip_literal(value.substr(1, end - 1))) return false;
        const auto rest = value.substr(end + 1);
        return rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)));
    }
    const auto colon = std::min(value.find(':'), value.size());
    return is_registered_name(value.substr(0, colon)) &&
           (colon == value.size() || is_port(value.substr(colon + 1)));
}

bool is_visible_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

// Where the run of characters that stand for themselves wherever they are, most of a header, ends.
std::size_t end_of_visible(std::string_view text, std::size_t at) {
    while (at < text.size() && (text[at] < 0 || (text[at] > 0x20 && text[at] != 0x7F))) ++at;
    return at;
}

// One run of digits; a number beyond 64 bits is a large number, not a small one.
std::optional<std::uint64_t> length_of(std::string_view value) {
    if (value.empty() || !std::all_of(value.begin(), value.end(), is_digit)) return std::nullopt;
    constexpr auto max = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t n = 0;
    for (const char c : value) {
        const auto digit = static_cast<std::uint64_t>(c - '0');
        if (n > (max - digit) / 10) return max;
        n = 10 * n + digit;
    }
    return n;
}

std::optional<header_refusal> bad(std::string message) {
    return header_refusal{400, "bad_request", std::move(message)};
}

}  // namespace

bool same_field_name(std::string_view a, std::string_view b) {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::optional<std::size_t> header_scanner::refuse(int status, std::string_view code, std::string message) {
    refusal_ = header_refusal{status, code, std::move(message)};
    return std::nullopt;
}

std::optional<std::size_t> header_scanner::scan(std::string_view bytes) {
    if (refusal_) return std::nullopt;
    const auto end = std::min(bytes.size(), header_bytes_max);
    for (; at_ < end; ++at_) {
        const bool after_return = at_ > 0 && bytes[at_ - 1] == '\r';
        if (!after_return) at_ = end_of_visible(bytes.substr(0, end), at_);
        if (at_ == end) break;
        const char c = bytes[at_];
        if (c == '\n') {
            if (!after_return) return refuse(400, "bad_request", "lines end with CRLF, not with LF");
            const bool empty = at_ - line_began_ == 1;
            if (empty && lines_ > 0) return ++at_;
            line_began_ = at_ + 1;
            if (++lines_ > 1 + header_fields_max)
                return refuse(431, "header_too_large", "send at most 64 header fields");
        } else if (after_return) {
            return refuse(400, "bad_request", "a CR stands before LF only");
        } else if (c == ' ' || c == '\t') {
            if (at_ == line_began_)
                return refuse(400, "bad_request", "no line of the header begins with white space");
        } else if (c != '\r' && ((c >= 0 && c < 0x20) || c == 0x7F)) {
            return refuse(400, "bad_request", "the header holds a control character");
        }
    }
    if (bytes.size() < header_bytes_max) return std::nullopt;
    const auto limit = "may have at most " + std::to_string(header_bytes_max) + " bytes";
    if (lines_ == 0) return refuse(414, "target_too_long", "the request line " + limit);
    return refuse(431, "header_too_large", "the request's header " + limit);
}

std::optional<header_refusal> judge_header(const header_view& header, body_framing* framed) {
    if (header.version != 11 && header.version != 10)
        return header_refusal{505, "bad_request", "send HTTP/1.1 or HTTP/1.0"};
    if (verb_of(header.method) == verb::other)
        return header_refusal{501, "not_implemented", "this method is not known here"};
    if (header.target.empty() || header.target.front() != '/' || !is_visible_ascii(header.target))
        return bad("the request target must start with / and hold visible ASCII characters only");
    if (header.fields.size() > header_fields_max)
        return header_refusal{431, "header_too_large", "send at most 64 header fields"};

    std::size_t hosts = 0, codings = 0, lengths = 0;
    std::optional<std::uint64_t> length;
    for (const auto& [name, value] : header.fields) {
        if (same_field_name(name, "host")) {
            if (++hosts > 1 || !is_host(value)) return bad("send exactly one valid Host field");
        } else if (same_field_name(name, "transfer-encoding")) {
            if (++codings > 1 || !same_field_name(value, "chunked"))
                return bad("Transfer-Encoding may be chunked, once, and nothing else");
        } else if (same_field_name(name, "content-length")) {
            length = length_of(value);
            if (++lengths > 1 || !length) return bad("Content-Length must be one run of digits, once");
        }
    }
    if (header.version == 11 && hosts == 0) return bad("send exactly one valid Host field");
    if (codings > 0 && lengths > 0) return bad("send Content-Length or Transfer-Encoding, not both");
    if (codings > 0 && header.version == 10) return bad("HTTP/1.0 has no Transfer-Encoding");
    if (framed != nullptr) *framed = {.chunked = codings > 0, .length = length.value_or(0)};
    return std::nullopt;
}

}  // namespace statetrackd
