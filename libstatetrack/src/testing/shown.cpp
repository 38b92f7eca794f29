#include "testing/shown.hpp"

namespace statetrack::testing {

std::string shown(std::string_view text) {
    constexpr std::size_t shown_max = 80;
    std::string out;
    append_json_string(out, text.substr(0, shown_max));
    if (text.size() > shown_max) out += "... (" + std::to_string(text.size()) + " bytes)";
    return out;
}

std::string shown(const value& v) {
    if (const auto* text = std::get_if<std::string>(&v)) return shown(std::string_view(*text));
    std::string out;
    append_json(out, column_kind::integer, v);
    return out;
}

std::string shown(const row& values) {
    std::string text = "(";
    for (const auto& v : values) text += (text.size() > 1 ? ", " : "") + shown(v);
    return text + ")";
}

std::string shown(const stored_row& stored) {
    return "#" + std::to_string(stored.ordinal) + " " + shown(stored.values);
}

std::string shown(const error& e) {
    const bool own = e.code.category() == statetrack_category();
    std::string text(own ? name_of(static_cast<errc>(e.code.value()))
                         : std::string_view(e.code.category().name()));
    if (!own) text += " " + std::to_string(e.code.value());
    if (!e.detail.empty()) text += " (" + e.detail + ")";
    return text;
}

}  // namespace statetrack::testing
