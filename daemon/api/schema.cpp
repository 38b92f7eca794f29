#include "api/schema.hpp"

#include <boost/json/parse.hpp>

namespace statetrackd {

using boost::json::array;
using boost::json::object;

object text_schema(const statetrack::field_notes& notes) {
    object schema{{"type", "string"}};
    if (notes.length_min != 0) schema["minLength"] = notes.length_min;
    if (notes.length_max != 0) schema["maxLength"] = notes.length_max;
    return schema;
}

object integer_schema(const statetrack::field_notes& notes) {
    object schema{{"type", "integer"}, {"format", "int64"}};
    if (notes.min) schema["minimum"] = *notes.min;
    if (notes.max) schema["maximum"] = *notes.max;
    return schema;
}

object boolean_schema() { return {{"type", "boolean"}}; }
object uuid_schema() { return {{"type", "string"}, {"format", "uuid"}}; }
object time_schema() { return {{"type", "string"}, {"format", "date-time"}}; }

object enumeration_schema(const std::vector<std::string_view>& names) {
    array values;
    for (const auto name : names) values.emplace_back(name);
    return {{"type", "string"}, {"enum", std::move(values)}};
}

object free_object_schema(const statetrack::field_notes& notes) {
    object schema{{"type", "object"}, {"additionalProperties", true}};
    if (notes.bytes_max != 0) schema["x-bytes-max"] = notes.bytes_max;
    return schema;
}

object array_schema(object items) { return {{"type", "array"}, {"items", std::move(items)}}; }

object nullable(object schema) {
    if (!schema.contains("type")) return {{"anyOf", array{std::move(schema), object{{"type", "null"}}}}};
    const auto type = schema["type"];
    schema["type"] = array{type, "null"};
    if (auto* values = schema.if_contains("enum")) values->as_array().emplace_back(nullptr);
    return schema;
}

object with_words(object schema, const statetrack::field_notes& notes) {
    if (!notes.doc.empty()) schema["description"] = notes.doc;
    if (notes.example.empty()) return schema;
    const auto* type = schema.if_contains("type");
    const bool is_text = type != nullptr && (*type == "string" || *type == array{"string", "null"});
    const auto example =
        is_text ? boost::json::value(notes.example)
                : boost::json::parse(boost::json::string_view(notes.example.data(), notes.example.size()));
    schema["examples"] = array{example};
    return schema;
}

object_schema& object_schema::add(std::string_view name, object schema, bool required) {
    properties_[name] = std::move(schema);
    if (required) required_.emplace_back(name);
    return *this;
}

object object_schema::done() const {
    object schema{{"type", "object"}};
    if (!doc_.empty()) schema["description"] = doc_;
    schema["properties"] = properties_;
    if (!required_.empty()) schema["required"] = required_;
    if (closed_) schema["additionalProperties"] = false;
    return schema;
}

}  // namespace statetrackd
