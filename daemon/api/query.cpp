#include "api/query.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace statetrackd {

query_reader::query_reader(const call& asked) : asked_(asked) {
    const auto& all = asked.where.query;
    for (auto it = all.begin(); it != all.end(); ++it)
        if (std::any_of(all.begin(), it, [&](const auto& earlier) { return earlier.first == it->first; }))
            problems_.add(it->first, "is given twice");
}

bool query_reader::declares(std::string_view name) const {
    const auto& all = asked_.matched->notes.query;
    return std::any_of(all.begin(), all.end(), [&](const auto& p) { return p.name == name; });
}

const query_parameter& query_reader::declared(std::string_view name) const {
    for (const auto& p : asked_.matched->notes.query)
        if (p.name == name) return p;
    throw std::logic_error("the route table does not declare the parameter " + std::string(name));
}

std::optional<std::string> query_reader::text(std::string_view name) {
    declared(name);
    for (const auto& [key, value] : asked_.where.query) {
        if (key != name) continue;
        if (!value.empty()) return value;
        problems_.add(name, "must not be empty");
    }
    return std::nullopt;
}

std::optional<std::int64_t> query_reader::integer(std::string_view name) {
    const auto& within = declared(name);
    const auto given = text(name);
    if (!given) return within.standard;
    std::int64_t n = 0;
    const auto [end, ec] = std::from_chars(given->data(), given->data() + given->size(), n);
    if (ec == std::errc{} && end == given->data() + given->size() && n >= within.min && n <= within.max)
        return n;
    problems_.add(
        name, "must be an integer from " + std::to_string(within.min) + " to " + std::to_string(within.max));
    return std::nullopt;
}

std::optional<statetrack::uuid> query_reader::id(std::string_view name) {
    const auto given = text(name);
    if (!given) return std::nullopt;
    const auto parsed = statetrack::parse_uuid(*given);
    if (!parsed) problems_.add(name, "must be a UUID");
    return parsed;
}

std::optional<std::string> query_reader::one_of(std::string_view name) {
    const auto& values = declared(name).values;
    auto given = text(name);
    if (!given || std::find(values.begin(), values.end(), *given) != values.end()) return given;
    problems_.add(name, none_of_message(values));
    return std::nullopt;
}

std::vector<statetrack::field_problem> query_reader::problems() {
    for (const auto& [key, value] : asked_.where.query)
        if (!declares(key)) problems_.add(key, "is not a parameter of this route");
    return problems_.take();
}

}  // namespace statetrackd
