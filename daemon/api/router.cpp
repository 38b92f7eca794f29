#include "api/router.hpp"

#include <algorithm>

namespace statetrackd {
namespace {

std::vector<std::string> split(std::string_view path) {
    std::vector<std::string> segments;
    for (std::size_t at = 1; at <= path.size();) {
        const auto end = std::min(path.find('/', at), path.size());
        const auto segment = path.substr(at, end - at);
        segments.emplace_back(segment.starts_with('{') ? std::string_view{} : segment);
        at = end + 1;
    }
    return segments;
}

std::string allowed(const std::array<const route*, verbs>& by_verb) {
    std::string list;
    const auto add = [&](verb v) {
        if (!list.empty()) list += ", ";
        list += name_of(v);
    };
    for (const auto v : {verb::get, verb::post, verb::patch, verb::put, verb::del}) {
        if (by_verb[static_cast<std::size_t>(v)] == nullptr) continue;
        add(v);
        if (v == verb::get) add(verb::head);
    }
    add(verb::options);
    return list;
}

}  // namespace

router::router(const std::vector<route>& routes) {
    for (const auto& r : routes) {
        const auto segments = split(r.path);
        auto at =
            std::find_if(nodes_.begin(), nodes_.end(), [&](const node& n) { return n.segments == segments; });
        if (at == nodes_.end()) at = nodes_.insert(at, node{segments, {}});
        at->by_verb[static_cast<std::size_t>(r.method)] = &r;
    }
    std::stable_sort(nodes_.begin(), nodes_.end(), [](const node& a, const node& b) {
        return std::lexicographical_compare(
            a.segments.begin(), a.segments.end(), b.segments.begin(), b.segments.end(),
            [](const std::string& x, const std::string& y) { return !x.empty() && y.empty(); });
    });
}

bool router::matches(const node& candidate, const std::vector<std::string>& segments) {
    return std::equal(candidate.segments.begin(), candidate.segments.end(), segments.begin(), segments.end(),
                      [](const std::string& fixed, const std::string& given) {
                          return fixed.empty() ? !given.empty() : fixed == given;
                      });
}

routing router::find(verb method, std::vector<std::string> segments) const {
    routing result;
    const auto at =
        std::find_if(nodes_.begin(), nodes_.end(), [&](const node& n) { return matches(n, segments); });
    if (at == nodes_.end()) return result;
    result.path_known = true;
    const auto served_as = method == verb::head ? verb::get : method;
    result.found = at->by_verb[static_cast<std::size_t>(served_as)];
    if (result.found == nullptr) result.allow = allowed(at->by_verb);
    for (std::size_t i = 0; i < segments.size(); ++i)
        if (at->segments[i].empty()) result.parameters.push_back(std::move(segments[i]));
    return result;
}

}  // namespace statetrackd
