#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "api/openapi.hpp"

namespace statetrackd {
namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;

constexpr std::string_view sample_id = "7f2c9a04-5b1e-4c8d-9e3f-2a6b8d0c4e11";
constexpr std::string_view sample_time = "2026-01-19T10:00:00.000Z";

bool has_type(const object& schema, std::string_view name) {
    const auto* type = schema.if_contains("type");
    if (type == nullptr) return false;
    if (const auto* one = type->if_string()) return std::string_view(*one) == name;
    const auto& several = type->as_array();
    return std::any_of(several.begin(), several.end(),
                       [&](const value& t) { return std::string_view(t.as_string()) == name; });
}

value sample_text(const object& schema) {
    const auto* format = schema.if_contains("format");
    if (format == nullptr) return "text";
    return *format == "uuid" ? value(sample_id) : value(sample_time);
}

bool is_required(const object& schema, std::string_view name) {
    const auto* list = schema.if_contains("required");
    if (list == nullptr) return false;
    const auto& names = list->as_array();
    return std::any_of(names.begin(), names.end(),
                       [&](const value& n) { return std::string_view(n.as_string()) == name; });
}

value sample_object(const object& schema, const object& schemas, sampling which) {
    object sample;
    const auto* properties = schema.if_contains("properties");
    if (properties == nullptr) return sample;
    for (const auto& [name, member] : properties->as_object()) {
        const auto& one = member.as_object();
        const bool required = is_required(schema, name);
        if (which == sampling::telling ? required || one.contains("examples") : required)
            sample[name] = sample_of(one, schemas, which);
    }
    return sample;
}

}  // namespace

value sample_of(const object& schema, const object& schemas, sampling which) {
    if (const auto* examples = schema.if_contains("examples")) return examples->as_array().at(0);
    if (const auto* ref = schema.if_contains("$ref")) {
        const std::string_view path(ref->as_string());
        return sample_of(schemas.at(path.substr(path.rfind('/') + 1)).as_object(), schemas, which);
    }
    if (has_type(schema, "null")) return nullptr;
    if (const auto* choices = schema.if_contains("anyOf")) {
        const auto& all = choices->as_array();
        const bool may_be_null = std::any_of(
            all.begin(), all.end(), [](const value& choice) { return has_type(choice.as_object(), "null"); });
        return may_be_null ? value(nullptr) : sample_of(all.at(0).as_object(), schemas, which);
    }
    if (const auto* names = schema.if_contains("enum")) return names->as_array().at(0);
    if (has_type(schema, "string")) return sample_text(schema);
    if (has_type(schema, "boolean")) return false;
    if (has_type(schema, "integer")) {
        const auto* least = schema.if_contains("minimum");
        return least ? *least : value(0);
    }
    if (has_type(schema, "array")) return array{sample_of(schema.at("items").as_object(), schemas, which)};
    return sample_object(schema, schemas, which);
}

}  // namespace statetrackd
