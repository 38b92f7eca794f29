#include "api/header_fields.hpp"

#include <algorithm>

namespace statetrackd {
namespace {

// More than the fields of nearly any response.
constexpr std::size_t bytes_likely = 480;
constexpr std::string_view between = ": ";
constexpr std::string_view line_end = "\r\n";

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

// All are looked at, so that the compiler does it many at a time.
bool has_control(std::string_view value) {
    bool found = false;
    for (const char c : value) found |= is_control(c);
    return found;
}

// The lines one after the other, up to the first for which `at` is true.
template <class At>
bool any_line(std::string_view lines, At at) {
    while (!lines.empty()) {
        const auto end = lines.find(line_end);
        if (at(lines.substr(0, end))) return true;
        lines.remove_prefix(end + line_end.size());
    }
    return false;
}

}  // namespace

void header_fields::add(std::string_view name, std::string_view value) {
    if (lines_.empty()) lines_.reserve(bytes_likely);
    lines_ += name;
    lines_ += between;
    lines_ += value;
    if (has_control(value))
        std::replace_if(lines_.end() - static_cast<std::ptrdiff_t>(value.size()), lines_.end(), is_control,
                        ' ');
    lines_ += line_end;
}

bool header_fields::has(std::string_view name) const {
    return any_line(lines_, [&](std::string_view line) {
        return line.starts_with(name) && line.substr(name.size()).starts_with(between);
    });
}

std::vector<header_fields::field> header_fields::all() const {
    std::vector<field> found;
    any_line(lines_, [&](std::string_view line) {
        const auto colon = line.find(between);
        found.emplace_back(line.substr(0, colon), line.substr(colon + between.size()));
        return false;
    });
    return found;
}

}  // namespace statetrackd
