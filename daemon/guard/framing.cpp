#include "guard/framing.hpp"

#include <algorithm>

#include "api/http_message.hpp"

namespace statetrackd {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_host(std::string_view value) {
    return !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
        return lower(c) != c || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               std::string_view("-._~:[]%!$&'()*+,;=").find(c) != std::string_view::npos;
    });
}

bool is_visible_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

bool is_length(std::string_view value) {
    return !value.empty() && value.size() <= 18 &&
           std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<header_refusal> bad(std::string message) {
    return header_refusal{400, "bad_request", std::move(message)};
}

}  // namespace

bool same_field_name(std::string_view a, std::string_view b) {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::optional<header_refusal> judge_header(const header_view& header) {
    if (header.version != 11 && header.version != 10)
        return header_refusal{505, "bad_request", "send HTTP/1.1 or HTTP/1.0"};
    if (verb_of(header.method) == verb::other)
        return header_refusal{501, "not_implemented", "this method is not known here"};
    if (header.target.empty() || header.target.front() != '/' || !is_visible_ascii(header.target))
        return bad("the request target must start with / and hold visible ASCII characters only");
    if (header.fields.size() > header_fields_max)
        return header_refusal{431, "header_too_large", "send at most 64 header fields"};

    std::size_t hosts = 0, codings = 0, lengths = 0;
    for (const auto& [name, value] : header.fields) {
        if (same_field_name(name, "host")) {
            if (++hosts > 1 || !is_host(value)) return bad("send exactly one valid Host field");
        } else if (same_field_name(name, "transfer-encoding")) {
            if (++codings > 1 || !same_field_name(value, "chunked"))
                return bad("Transfer-Encoding may be chunked, once, and nothing else");
        } else if (same_field_name(name, "content-length")) {
            if (++lengths > 1 || !is_length(value))
                return bad("Content-Length must be one run of digits, once");
        }
    }
    if (header.version == 11 && hosts == 0) return bad("send exactly one valid Host field");
    if (codings > 0 && lengths > 0) return bad("send Content-Length or Transfer-Encoding, not both");
    if (codings > 0 && header.version == 10) return bad("HTTP/1.0 has no Transfer-Encoding");
    return std::nullopt;
}

}  // namespace statetrackd
