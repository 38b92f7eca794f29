// What columns admit and conditions mean: one answer for every backend, the naive models in tests included.
#include "statetrack/table.hpp"

#include <algorithm>

namespace statetrack {

value_view view_of(const value& v) {
    return std::visit([](const auto& held) { return value_view(held); }, v);
}

value to_value(const value_view& v) {
    if (const auto* text = std::get_if<std::string_view>(&v)) return std::string(*text);
    if (const auto* number = std::get_if<std::int64_t>(&v)) return *number;
    if (const auto* id = std::get_if<uuid>(&v)) return *id;
    if (const auto* yes = std::get_if<bool>(&v)) return *yes;
    return {};
}

row to_values(row_view views) {
    row values;
    values.reserve(views.size());
    for (const auto& one : views) values.push_back(to_value(one));
    return values;
}

bool admits(const column& in, const value& v) {
    if (is_null(v)) return in.nullable;
    switch (in.kind) {
        case column_kind::text:
        case column_kind::json:
            return std::holds_alternative<std::string>(v);
        case column_kind::boolean:
            return std::holds_alternative<bool>(v);
        case column_kind::uuid:
            return std::holds_alternative<uuid>(v);
        case column_kind::integer:
        case column_kind::time: {
            const auto* number = std::get_if<std::int64_t>(&v);
            return number && (!in.min || *number >= *in.min);
        }
        case column_kind::enumeration: {
            const auto* name = std::get_if<std::string>(&v);
            return name && std::ranges::find(in.enumerators, *name) != in.enumerators.end();
        }
    }
    return false;
}

bool meets(const row& values, const condition& what) {
    const auto found = std::ranges::find(what.one_of, values[what.column]);
    return (found != what.one_of.end()) != what.negated;
}

bool meets(const row& values, std::span<const condition> all) {
    return std::ranges::all_of(all, [&](const condition& one) { return meets(values, one); });
}

}  // namespace statetrack
