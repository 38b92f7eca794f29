#include "api/decode.hpp"

#include <algorithm>

#include "statetrack/utf8.hpp"

namespace statetrackd {
namespace {

constexpr std::size_t problems_max = 100;
constexpr std::size_t field_name_shown_max = 128;  // bytes

// Not cut within a character.
std::string_view shown(std::string_view field) {
    if (field.size() <= field_name_shown_max) return field;
    field = field.substr(0, field_name_shown_max);
    return field.substr(0, statetrack::valid_utf8_bytes(field));
}

}  // namespace

void problem_list::add(std::string_view field, std::string message) {
    if (problems_.size() >= problems_max || names(field)) return;
    problems_.push_back({std::string(shown(field)), std::move(message)});
}

bool problem_list::names(std::string_view field) const {
    return std::any_of(problems_.begin(), problems_.end(),
                       [name = shown(field)](const auto& p) { return p.field == name; });
}

void decode_value(const boost::json::value& from, std::string& to, const std::string& name,
                  problem_list& problems) {
    if (const auto* text = from.if_string())
        to.assign(text->data(), text->size());
    else
        problems.add(name, "must be a string");
}

void decode_value(const boost::json::value& from, std::int64_t& to, const std::string& name,
                  problem_list& problems) {
    if (const auto* number = from.if_int64())
        to = *number;
    else
        problems.add(name, "must be an integer");
}

void decode_value(const boost::json::value& from, bool& to, const std::string& name, problem_list& problems) {
    if (const auto* truth = from.if_bool())
        to = *truth;
    else
        problems.add(name, "must be true or false");
}

void decode_value(const boost::json::value& from, statetrack::uuid& to, const std::string& name,
                  problem_list& problems) {
    const auto* text = from.if_string();
    const auto id = text ? statetrack::parse_uuid(*text) : std::nullopt;
    if (id)
        to = *id;
    else
        problems.add(name, "must be a UUID");
}

void decode_value(const boost::json::value& from, statetrack::json_text& to, const std::string& name,
                  problem_list& problems) {
    if (const auto* object = from.if_object())
        to = statetrack::json_text(*object);
    else
        problems.add(name, "must be an object");
}

std::string none_of_message(const std::vector<std::string_view>& names) {
    std::string message = "must be one of ";
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (i > 0) message += ", ";
        message += names[i];
    }
    return message;
}

}  // namespace statetrackd
