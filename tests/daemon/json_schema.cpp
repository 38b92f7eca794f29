#include "json_schema.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <stdexcept>

#include "statetrack/clock.hpp"
#include "statetrack/ids.hpp"
#include "statetrack/utf8.hpp"

namespace statetrackd::testing {
namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;

constexpr std::string_view annotations[] = {"description", "examples", "default", "x-bytes-max"};

bool is_integer(const value& v) { return v.is_int64() || v.is_uint64(); }

bool is_of_type(const value& v, std::string_view type) {
    if (type == "null") return v.is_null();
    if (type == "boolean") return v.is_bool();
    if (type == "integer") return is_integer(v);
    if (type == "string") return v.is_string();
    if (type == "array") return v.is_array();
    if (type == "object") return v.is_object();
    throw std::out_of_range("no such type: " + std::string(type));
}

bool is_date_time(std::string_view text) {
    constexpr std::string_view shape = "dddd-dd-ddTdd:dd:dd.dddZ";
    return text.size() == shape.size() &&
           std::equal(text.begin(), text.end(), shape.begin(),
                      [](char c, char s) { return s == 'd' ? c >= '0' && c <= '9' : c == s; });
}

class checker {
public:
    checker(const object& document, strangers beside) : document_(document), beside_(beside) {}

    void check(const value& schema, const value& v, const std::string& at) {
        const auto& rules = schema.as_object();
        for (const auto& [key, rule] : rules) apply(key, rule, rules, v, at);
    }
    std::vector<std::string> found{};

private:
    void fail(const std::string& at, const std::string& why) { found.push_back(at + ": " + why); }

    bool fits(const value& schema, const value& v) const {
        checker one(document_, beside_);
        one.check(schema, v, "");
        return one.found.empty();
    }

    void apply(std::string_view key, const value& rule, const object& rules, const value& v,
               const std::string& at) {
        if (std::find(std::begin(annotations), std::end(annotations), key) != std::end(annotations)) return;
        if (key == "$ref") return check(resolved(object{{"$ref", rule}}, document_), v, at);
        if (key == "type") return check_type(rule, v, at);
        if (key == "enum") return check_enum(rule.as_array(), v, at);
        if (key == "anyOf") return check_any(rule.as_array(), v, at);
        if (key == "allOf") {
            for (const auto& one : rule.as_array()) check(one, v, at);
            return;
        }
        if (key == "format") return check_format(rule.as_string(), v, at);
        if (key == "minimum" || key == "maximum") return check_bound(key, rule, v, at);
        if (key == "minLength" || key == "maxLength") return check_length(key, rule, v, at);
        if (key == "items" || key == "maxItems" || key == "uniqueItems") return check_list(key, rule, v, at);
        if (key == "properties" || key == "required" || key == "additionalProperties")
            return check_object(key, rule, rules, v, at);
        fail(at, "a keyword that this checker does not know: " + std::string(key));
    }

    void check_type(const value& rule, const value& v, const std::string& at) {
        const array several = rule.is_array() ? rule.as_array() : array{rule.as_string()};
        if (std::none_of(several.begin(), several.end(),
                         [&](const value& type) { return is_of_type(v, type.as_string()); }))
            fail(at, "is no " + boost::json::serialize(rule) + ": " + boost::json::serialize(v));
    }

    void check_enum(const array& values, const value& v, const std::string& at) {
        if (std::find(values.begin(), values.end(), v) == values.end())
            fail(at, "is none of " + boost::json::serialize(values) + ": " + boost::json::serialize(v));
    }

    void check_any(const array& choices, const value& v, const std::string& at) {
        if (std::none_of(choices.begin(), choices.end(), [&](const value& one) { return fits(one, v); }))
            fail(at, "fits none of the choices: " + boost::json::serialize(v));
    }

    void check_format(std::string_view format, const value& v, const std::string& at) {
        if (format == "int64") {
            if (v.is_uint64()) fail(at, "is no 64-bit integer");
            return;
        }
        if (!v.is_string()) return;
        const std::string_view text(v.as_string());
        if (format == "uuid" ? statetrack::parse_uuid(text).has_value()
                             : format == "date-time" && is_date_time(text))
            return;
        fail(at, "is no " + std::string(format) + ": " + std::string(text));
    }

    void check_bound(std::string_view key, const value& rule, const value& v, const std::string& at) {
        if (!v.is_int64()) return;
        const auto bound = rule.to_number<std::int64_t>();
        if (key == "minimum" ? v.as_int64() < bound : v.as_int64() > bound)
            fail(at, std::string(key) + " is " + std::to_string(bound));
    }

    void check_length(std::string_view key, const value& rule, const value& v, const std::string& at) {
        if (!v.is_string()) return;
        const auto length = statetrack::count_code_points(std::string_view(v.as_string())).value_or(0);
        const auto bound = rule.to_number<std::size_t>();
        if (key == "minLength" ? length < bound : length > bound)
            fail(at, std::string(key) + " is " + std::to_string(bound));
    }

    void check_list(std::string_view key, const value& rule, const value& v, const std::string& at) {
        if (!v.is_array()) return;
        const auto& list = v.as_array();
        if (key == "maxItems" && list.size() > rule.to_number<std::size_t>())
            fail(at, "has too many elements");
        for (std::size_t i = 0; i < list.size(); ++i) {
            if (key == "items") check(rule, list[i], at + '[' + std::to_string(i) + ']');
            if (key == "uniqueItems" && std::find(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(i),
                                                  list[i]) != list.begin() + static_cast<std::ptrdiff_t>(i))
                fail(at, "holds something twice");
        }
    }

    void check_object(std::string_view key, const value& rule, const object& rules, const value& v,
                      const std::string& at) {
        if (!v.is_object()) return;
        const auto& members = v.as_object();
        if (key == "required")
            for (const auto& name : rule.as_array())
                if (!members.contains(name.as_string())) fail(at, "has no " + std::string(name.as_string()));
        if (key == "additionalProperties" && rule == false) check_strangers(rules, members, at);
        if (key != "properties") return;
        for (const auto& [name, schema] : rule.as_object())
            if (const auto* member = members.if_contains(name))
                check(schema, *member, at + '.' + std::string(name));
        // What only narrows another schema (allOf) has no type.
        if (beside_ == strangers::none && rules.contains("type") && !rules.contains("additionalProperties"))
            check_strangers(rules, members, at);
    }

    void check_strangers(const object& rules, const object& members, const std::string& at) {
        const auto* known = rules.if_contains("properties");
        for (const auto& member : members)
            if (known == nullptr || !known->as_object().contains(member.key()))
                fail(at, "has " + std::string(member.key()) + ", which the schema does not name");
    }

    const object& document_;
    strangers beside_;
};

}  // namespace

const value& resolved(const value& schema, const object& document) {
    const auto* ref = schema.as_object().if_contains("$ref");
    if (ref == nullptr) return schema;
    std::string_view path(ref->as_string());
    if (!path.starts_with("#/")) throw std::out_of_range("leads out of the document: " + std::string(path));
    path.remove_prefix(2);
    const object* at = &document;
    for (;;) {
        const auto end = std::min(path.find('/'), path.size());
        const auto* next = at->if_contains(path.substr(0, end));
        if (next == nullptr) throw std::out_of_range("leads nowhere: " + std::string(ref->as_string()));
        if (end == path.size()) return *next;
        at = &next->as_object();
        path.remove_prefix(end + 1);
    }
}

std::vector<std::string> breaks_of(const value& schema, const value& instance, const object& document,
                                   strangers beside) {
    checker whole(document, beside);
    whole.check(schema, instance, "$");
    return whole.found;
}

}  // namespace statetrackd::testing
