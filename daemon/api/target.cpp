#include "api/target.hpp"

#include <algorithm>
#include <boost/url/encode.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/pct_string_view.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>
#include <boost/url/url_view.hpp>

#include "statetrack/utf8.hpp"

namespace statetrackd {
namespace {

constexpr std::size_t segments_likely = 5;

bool is_sane(std::string_view text) {
    return text.find('\0') == std::string_view::npos && statetrack::count_code_points(text).has_value();
}

bool is_unreserved(char c) { return boost::urls::unreserved_chars(static_cast<unsigned char>(c)); }

// A path of nothing but unreserved characters and single slashes between them, as nearly all are: there is
// nothing to decode.
bool take_plain_path(std::string_view text, target& into) {
    if (!text.starts_with('/')) return false;
    into.segments.reserve(segments_likely);
    for (std::size_t at = 1;;) {
        const auto end = std::min(text.find('/', at), text.size());
        const auto segment = text.substr(at, end - at);
        if (segment.empty() || !std::ranges::all_of(segment, is_unreserved)) return false;
        into.segments.emplace_back(segment);
        if (end == text.size()) return true;
        at = end + 1;
    }
}

// Boost's own segments leave out a `.` at the beginning.
bool take_path(std::string_view encoded, target& into) {
    encoded.remove_prefix(1);
    while (!encoded.empty() || !into.segments.empty()) {
        const auto end = std::min(encoded.find('/'), encoded.size());
        auto segment = boost::urls::pct_string_view(encoded.substr(0, end)).decode();
        if (!is_sane(segment)) return false;
        into.segments.push_back(std::move(segment));
        if (end == encoded.size()) break;
        encoded.remove_prefix(end + 1);
    }
    return true;
}

}  // namespace

std::optional<target> parse_target(std::string_view text) {
    target parsed;
    if (take_plain_path(text, parsed)) return parsed;
    parsed = {};
    const auto url = boost::urls::parse_origin_form(text);
    if (!url) return std::nullopt;
    if (!take_path(url->encoded_path(), parsed)) return std::nullopt;
    for (const auto& p : url->params()) {
        if (!is_sane(p.key) || !is_sane(p.value)) return std::nullopt;
        parsed.query.emplace_back(p.key, p.value);
    }
    return parsed;
}

std::string_view path_of(std::string_view text) { return text.substr(0, text.find('?')); }

std::string encode_segment(std::string_view text) {
    return boost::urls::encode(text, boost::urls::unreserved_chars);
}

}  // namespace statetrackd
