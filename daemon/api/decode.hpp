// Request bodies into described structs (requests.hpp): every wrong field is listed, not only the first.
// Types, nulls and unknown fields are judged here, bounds by the library's own check of the same struct.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "statetrack/fields.hpp"
#include "statetrack/requests.hpp"

namespace statetrackd {

// Keeps the first problem of a field, and a bounded number in all: a body of thousands of wrong fields gets
// no answer many times its size.
class problem_list {
public:
    void add(std::string_view field, std::string message);
    bool names(std::string_view field) const;
    bool empty() const { return problems_.empty(); }
    std::vector<statetrack::field_problem> take() { return std::move(problems_); }

private:
    std::vector<statetrack::field_problem> problems_;
};

// One JSON value into one field. Where they do not fit, the problem is added under `name`.
void decode_value(const boost::json::value& from, std::string& to, const std::string& name,
                  problem_list& problems);
void decode_value(const boost::json::value& from, std::int64_t& to, const std::string& name,
                  problem_list& problems);
void decode_value(const boost::json::value& from, bool& to, const std::string& name, problem_list& problems);
void decode_value(const boost::json::value& from, statetrack::uuid& to, const std::string& name,
                  problem_list& problems);
void decode_value(const boost::json::value& from, statetrack::json_text& to, const std::string& name,
                  problem_list& problems);
// `must be one of a, b` where the name is not among these.
std::string none_of_message(const std::vector<std::string_view>& names);

template <class E>
requires std::is_enum_v<E>
void decode_value(const boost::json::value& from, E& to, const std::string& name, problem_list& problems) {
    const auto* text = from.if_string();
    const auto found = text ? statetrack::enum_from_name<E>(*text) : std::nullopt;
    if (found)
        to = *found;
    else
        problems.add(name, none_of_message(statetrack::enum_names<E>()));
}

enum class nesting : std::uint8_t { whole_body, element };
template <class T>
requires boost::describe::has_describe_members<T>::value void decode_value(const boost::json::value& from,
                                                                           T& to, const std::string& name,
                                                                           problem_list& problems);

template <class T>
void decode_value(const boost::json::value& from, std::vector<T>& to, const std::string& name,
                  problem_list& problems) {
    const auto* array = from.if_array();
    if (array == nullptr) return problems.add(name, "must be an array");
    to.resize(array->size());
    for (std::size_t i = 0; i < array->size(); ++i)
        decode_value((*array)[i], to[i], name + '[' + std::to_string(i) + ']', problems);
}

template <class T>
void decode_value(const boost::json::value& from, std::optional<T>& to, const std::string& name,
                  problem_list& problems) {
    if (from.is_null()) return problems.add(name, "must not be null; leave it out instead");
    decode_value(from, to.emplace(), name, problems);
}

// Of a PATCH or a heartbeat: null clears.
template <class T>
void decode_value(const boost::json::value& from, statetrack::change<T>& to, const std::string& name,
                  problem_list& problems) {
    to.given = true;
    if (!from.is_null()) decode_value(from, to.to.emplace(), name, problems);
}

// Every member of the object into its field. Members that the path names are no fields of a whole body, but
// are of an element in a list.
template <class T>
void decode_members(const boost::json::object& from, T& to, nesting where, const std::string& prefix,
                    problem_list& problems) {
    std::size_t known = 0;
    const auto is_taken = [&](const statetrack::field_notes& notes) {
        return !notes.in_path || where != nesting::whole_body;
    };
    statetrack::for_each_member<T>([&](std::string_view name, auto member) {
        constexpr auto& notes = statetrack::notes_of<member.value>;
        if (!is_taken(notes)) return;
        const auto* value = from.if_contains(name);
        if (value != nullptr) {
            ++known;
            decode_value(*value, to.*member.value, prefix + std::string(name), problems);
        } else if (notes.required) {
            problems.add(prefix + std::string(name), "is required");
        }
    });
    if (known == from.size()) return;
    for (const auto& member : from) {
        bool is_field = false;
        statetrack::for_each_member<T>([&](std::string_view name, auto field) {
            is_field |= is_taken(statetrack::notes_of<field.value>) && name == member.key();
        });
        if (!is_field) problems.add(prefix + std::string(member.key()), "is not a field of this request");
    }
}

template <class T>
requires boost::describe::has_describe_members<T>::value void decode_value(const boost::json::value& from,
                                                                           T& to, const std::string& name,
                                                                           problem_list& problems) {
    if (const auto* object = from.if_object())
        decode_members(*object, to, nesting::element, name + '.', problems);
    else
        problems.add(name, "must be an object");
}

// The body into the request, then the library's own check of it, in one list.
template <class Request>
void decode_request(const boost::json::object& from, Request& to, problem_list& problems) {
    decode_members(from, to, nesting::whole_body, {}, problems);
    for (auto& p : statetrack::check(to)) problems.add(p.field, std::move(p.message));
}

}  // namespace statetrackd
