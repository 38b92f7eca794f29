#include "statetrack/utf8.hpp"

#include <cstdint>

namespace statetrack {
namespace {

// Bytes of the code point that the text begins with; 0: it begins with none.
std::size_t bytes_of_first(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text.front());
    std::size_t length = 1;
    std::uint32_t point = lead;
    std::uint32_t least = 0;
    if (lead >= 0xF0 && lead <= 0xF4) {
        length = 4, point = lead & 0x07, least = 0x10000;
    } else if (lead >= 0xE0 && lead < 0xF0) {
        length = 3, point = lead & 0x0F, least = 0x800;
    } else if (lead >= 0xC2 && lead < 0xE0) {
        length = 2, point = lead & 0x1F, least = 0x80;
    } else if (lead >= 0x80) {
        return 0;
    }
    if (length > text.size()) return 0;
    for (std::size_t k = 1; k < length; ++k) {
        const auto next = static_cast<unsigned char>(text[k]);
        if ((next & 0xC0) != 0x80) return 0;
        point = point << 6 | (next & 0x3F);
    }
    const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
    return point < least || point > 0x10FFFF || surrogate ? 0 : length;
}

}  // namespace

std::optional<std::size_t> count_code_points(std::string_view text) {
    std::size_t count = 0;
    for (; !text.empty(); ++count) {
        const std::size_t length = bytes_of_first(text);
        if (length == 0) return std::nullopt;
        text.remove_prefix(length);
    }
    return count;
}

std::size_t valid_utf8_bytes(std::string_view text) {
    std::size_t bytes = 0;
    while (bytes < text.size()) {
        const std::size_t length = bytes_of_first(text.substr(bytes));
        if (length == 0) break;
        bytes += length;
    }
    return bytes;
}

}  // namespace statetrack
