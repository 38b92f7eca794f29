#include "api/target.hpp"

#include <boost/url/encode.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>
#include <boost/url/url_view.hpp>

#include "statetrack/utf8.hpp"

namespace statetrackd {
namespace {

bool is_sane(std::string_view text) {
    return text.find('\0') == std::string_view::npos && statetrack::count_code_points(text).has_value();
}

}  // namespace

std::optional<target> parse_target(std::string_view text) {
    const auto url = boost::urls::parse_origin_form(text);
    if (!url) return std::nullopt;
    target parsed;
    for (auto segment : url->segments()) {
        if (!is_sane(segment)) return std::nullopt;
        parsed.segments.push_back(std::move(segment));
    }
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
