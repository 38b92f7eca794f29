#include "sql/dialect.hpp"

namespace statetrack::sql {

std::string quoted(std::string_view name) {
    std::string out = "\"";
    for (const char c : name) {
        if (c == '"') out += '"';
        out += c;
    }
    out += '"';
    return out;
}

std::string ordinal_of(const table& in) {
    return quoted(in.key_is_ordinal ? in.columns[in.key].name : ordinal_name);
}

}  // namespace statetrack::sql
