#include "api/cursor.hpp"

#include "api/fnv1a.hpp"

namespace statetrackd {
namespace {

constexpr std::string_view digits = "0123456789abcdef";
constexpr std::size_t number_length = 16;

// No secret is in it: whoever makes up a cursor reaches nothing that an offset would not.
std::uint64_t seal(std::int64_t after, std::string_view filter) {
    fnv1a hash;
    hash.add(after);
    hash.add(filter);
    return hash.value();
}

void append_hex(std::string& out, std::uint64_t n) {
    for (int shift = 60; shift >= 0; shift -= 4) out += digits[(n >> shift) & 0xFu];
}

std::optional<std::uint64_t> parse_hex(std::string_view text) {
    std::uint64_t n = 0;
    for (const char c : text) {
        const auto digit = digits.find(c);
        if (digit == std::string_view::npos) return std::nullopt;
        n = n << 4 | digit;
    }
    return n;
}

}  // namespace

std::string make_cursor(std::int64_t after, std::string_view filter) {
    std::string text;
    append_hex(text, static_cast<std::uint64_t>(after));
    append_hex(text, seal(after, filter));
    return text;
}

std::optional<std::int64_t> read_cursor(std::string_view text, std::string_view filter) {
    if (text.size() != 2 * number_length) return std::nullopt;
    const auto after = parse_hex(text.substr(0, number_length));
    const auto sealed = parse_hex(text.substr(number_length));
    if (!after || !sealed) return std::nullopt;
    const auto position = static_cast<std::int64_t>(*after);
    if (*sealed != seal(position, filter)) return std::nullopt;
    return position;
}

}  // namespace statetrackd
