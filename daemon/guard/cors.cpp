#include "guard/cors.hpp"

#include <algorithm>

#include "api/ascii.hpp"

namespace statetrackd {
namespace {

constexpr std::size_t origin_length_max = 256;

bool is_small_letter(char c) { return c >= 'a' && c <= 'z'; }

bool is_scheme(std::string_view text) {
    return !text.empty() && is_small_letter(text.front()) &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return is_small_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
           });
}

bool is_pattern(std::string_view text) {
    if (text == "*") return true;
    const auto at = text.find("://");
    if (text.size() > origin_length_max || at == std::string_view::npos || !is_scheme(text.substr(0, at)))
        return false;
    const auto host = text.substr(at + 3);
    return !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
        return is_small_letter(c) || is_digit(c) ||
               std::string_view("-._~:[]*").find(c) != std::string_view::npos;
    });
}

// Linear in the text for each star: the last one is widened where the rest does not fit.
bool matches(std::string_view pattern, std::string_view text) {
    std::size_t p = 0, t = 0, star = std::string_view::npos, resumed = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resumed = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos && text[resumed] != '/') {
            p = star + 1;
            t = ++resumed;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

std::string lower(std::string_view text) {
    std::string lowered(text);
    std::transform(lowered.begin(), lowered.end(), lowered.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return lowered;
}

}  // namespace

std::vector<std::string> origin_list::assign(std::string_view text) {
    std::vector<std::string> problems, taken;
    for (std::size_t at = 0; at <= text.size();) {
        const auto end = std::min(text.find(',', at), text.size());
        auto entry = text.substr(at, end - at);
        at = end + 1;
        const auto from = std::min(entry.find_first_not_of(" \t"), entry.size());
        entry = entry.substr(from, entry.find_last_not_of(" \t") + 1 - from);
        if (entry.empty()) continue;
        auto pattern = lower(entry);
        if (is_pattern(pattern))
            taken.push_back(std::move(pattern));
        else
            problems.push_back("\"" + std::string(entry) + "\" is no origin");
    }
    if (problems.empty()) patterns_ = std::move(taken);
    return problems;
}

bool origin_list::allows(std::string_view origin) const {
    // It is sent back in a header field: no more than an origin can hold.
    if (origin.empty() || origin.size() > origin_length_max ||
        !std::all_of(origin.begin(), origin.end(), [](char c) { return c > 0x20 && c < 0x7F; }))
        return false;
    return std::any_of(patterns_.begin(), patterns_.end(), [&](const std::string& pattern) {
        return pattern == "*" || matches(pattern, origin);
    });
}

std::string origin_list::text() const {
    std::string all;
    for (const auto& pattern : patterns_) {
        if (!all.empty()) all += ',';
        all += pattern;
    }
    return all;
}

}  // namespace statetrackd
