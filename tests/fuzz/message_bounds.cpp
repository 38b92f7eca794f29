#include "message_bounds.hpp"

#include <charconv>
#include <string>

namespace statetrackd::fuzz {
namespace {

constexpr std::string_view line_end = "\r\n";

std::string_view take_line(std::string_view& bytes) {
    const auto end = bytes.find(line_end);
    const auto line = bytes.substr(0, end);
    bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + line_end.size());
    return line;
}

std::optional<std::size_t> number(std::string_view text, int base) {
    std::size_t n = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n, base);
    if (ec != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
    return n;
}

std::string lowered(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

std::string_view trimmed(std::string_view text) {
    const auto from = text.find_first_not_of(" \t");
    if (from == std::string_view::npos) return {};
    return text.substr(from, text.find_last_not_of(" \t") - from + 1);
}

// Consumes chunks, trailers and the empty line behind them; false where they are none.
bool take_chunks(std::string_view& bytes) {
    for (;;) {
        if (bytes.find(line_end) == std::string_view::npos) return false;
        const auto line = take_line(bytes);
        const auto size = number(trimmed(line.substr(0, line.find(';'))), 16);
        if (!size) return false;
        if (*size == 0) break;
        if (bytes.size() < 2 || *size > bytes.size() - 2 || bytes.substr(*size, 2) != line_end) return false;
        bytes.remove_prefix(*size + 2);
    }
    for (;;) {
        if (bytes.find(line_end) == std::string_view::npos) return false;
        if (take_line(bytes).empty()) return true;
    }
}

}  // namespace

std::optional<std::size_t> request_size(std::string_view bytes) {
    const auto whole = bytes.size();
    while (bytes.starts_with(line_end)) bytes.remove_prefix(line_end.size());
    if (bytes.find("\r\n\r\n") == std::string_view::npos) return std::nullopt;
    take_line(bytes);  // the request line
    std::optional<std::string> length, coding;
    for (auto line = take_line(bytes); !line.empty(); line = take_line(bytes)) {
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) return std::nullopt;
        const auto name = lowered(line.substr(0, colon));
        auto* into = name == "content-length" ? &length : name == "transfer-encoding" ? &coding : nullptr;
        if (into == nullptr) continue;
        if (*into) return std::nullopt;
        *into = lowered(trimmed(line.substr(colon + 1)));
    }
    if (length && coding) return std::nullopt;
    if (coding) {
        if (*coding != "chunked" || !take_chunks(bytes)) return std::nullopt;
    } else if (length) {
        const auto n = number(*length, 10);
        if (!n || *n > bytes.size()) return std::nullopt;
        bytes.remove_prefix(*n);
    }
    return whole - bytes.size();
}

}  // namespace statetrackd::fuzz
