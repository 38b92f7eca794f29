#include "guard/chunked_body.hpp"

#include <algorithm>

namespace statetrackd {
namespace {

using outcome = chunked_body::outcome;

constexpr int no_digit = -1;

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return no_digit;
}

bool is_token(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

// What may stand in a field value or an extension: no control character but the tab.
bool is_text(char c) { return c == '\t' || c < 0 || (c >= 0x20 && c != 0x7F); }

}  // namespace

outcome chunked_body::take(std::string_view& bytes, std::string& data) {
    while (!bytes.empty()) {
        if (part_ == part::data) {
            const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
            data.append(bytes.substr(0, n));
            bytes.remove_prefix(n);
            left_ -= n;
            if (left_ == 0) part_ = part::data_return;
            continue;
        }
        const char c = bytes.front();
        bytes.remove_prefix(1);
        if (const auto now = take_one(c); now != outcome::wants_more) return now;
    }
    return outcome::wants_more;
}

outcome chunked_body::take_one(char c) {
    switch (part_) {
        case part::size_begin:
            left_ = 0;
            [[fallthrough]];
        case part::size: {
            const int digit = hex_value(c);
            if (digit == no_digit) return part_ == part::size ? size_ended(c) : outcome::wrong;
            left_ = 16 * left_ + static_cast<std::uint64_t>(digit);
            if (left_ > bytes_max_ - taken_) return outcome::too_large;
            return go(part::size);
        }
        case part::space:
            return size_ended(c);
        case part::extension:
            return in_extension(c);
        case part::size_end:
            if (c != '\n') return outcome::wrong;
            taken_ += static_cast<std::size_t>(left_);
            return go(left_ > 0 ? part::data : part::trailer_begin);
        case part::data:
            break;
        case part::data_return:
            return c == '\r' ? go(part::data_end) : outcome::wrong;
        case part::data_end:
            return c == '\n' ? go(part::size_begin) : outcome::wrong;
        case part::trailer_begin:
        case part::trailer_name:
        case part::trailer_value:
        case part::trailer_end:
            return in_trailer(c);
        case part::last_end:
            return c == '\n' ? outcome::done : outcome::wrong;
    }
    return outcome::wrong;
}

outcome chunked_body::size_ended(char c) {
    if (c == ';')
        return ++extension_bytes_ > chunk_extension_bytes_max ? outcome::too_large : go(part::extension);
    if (c == ' ' || c == '\t')
        return ++extension_bytes_ > chunk_extension_bytes_max ? outcome::too_large : go(part::space);
    return c == '\r' && part_ == part::size ? go(part::size_end) : outcome::wrong;
}

outcome chunked_body::in_extension(char c) {
    if (c == '\r') return go(part::size_end);
    if (!is_text(c)) return outcome::wrong;
    return ++extension_bytes_ > chunk_extension_bytes_max ? outcome::too_large : outcome::wants_more;
}

outcome chunked_body::in_trailer(char c) {
    if (++trailer_bytes_ > trailer_bytes_max) return outcome::too_large;
    switch (part_) {
        case part::trailer_begin:
            if (c == '\r') return go(part::last_end);
            if (!is_token(c)) return outcome::wrong;  // folded lines among them
            return ++trailer_fields_ > trailer_fields_max ? outcome::too_large : go(part::trailer_name);
        case part::trailer_name:
            if (c == ':') return go(part::trailer_value);
            return is_token(c) ? outcome::wants_more : outcome::wrong;
        case part::trailer_value:
            if (c == '\r') return go(part::trailer_end);
            return is_text(c) ? outcome::wants_more : outcome::wrong;
        default:
            return c == '\n' ? go(part::trailer_begin) : outcome::wrong;
    }
}

}  // namespace statetrackd
