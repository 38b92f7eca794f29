#include "statetrack/fields.hpp"

#include <boost/json/array.hpp>

namespace statetrack {

value projection<std::vector<std::int64_t>>::to(const std::vector<std::int64_t>& v) {
    std::string text = "[";
    for (const auto n : v) {
        if (text.size() > 1) text += ',';
        text += std::to_string(n);
    }
    text += ']';
    return text;
}

std::vector<std::int64_t> projection<std::vector<std::int64_t>>::from(const value& v) {
    std::vector<std::int64_t> numbers;
    const boost::json::value list = parse_trusted(std::get<std::string>(v));
    for (const auto& n : list.as_array()) numbers.push_back(n.to_number<std::int64_t>());
    return numbers;
}

void append_json_string(std::string& out, std::string_view text) {
    constexpr char digits[] = "0123456789abcdef";
    out += '"';
    for (const char c : text) {
        switch (c) {
            case '"':
                out += "\\\"";
                break;
            case '\\':
                out += "\\\\";
                break;
            case '\n':
                out += "\\n";
                break;
            case '\r':
                out += "\\r";
                break;
            case '\t':
                out += "\\t";
                break;
            default:
                if (static_cast<unsigned char>(c) < 0x20) {
                    out += "\\u00";
                    out += digits[static_cast<unsigned char>(c) >> 4];
                    out += digits[static_cast<unsigned char>(c) & 0x0F];
                } else {
                    out += c;
                }
        }
    }
    out += '"';
}

void append_json(std::string& out, column_kind kind, const value& v) {
    if (is_null(v)) {
        out += "null";
    } else if (kind == column_kind::json) {
        out += std::get<std::string>(v);
    } else if (kind == column_kind::time) {
        out += '"';
        out += to_string(timestamp{std::get<std::int64_t>(v)});
        out += '"';
    } else if (const auto* text = std::get_if<std::string>(&v)) {
        append_json_string(out, *text);
    } else if (const auto* number = std::get_if<std::int64_t>(&v)) {
        out += std::to_string(*number);
    } else if (const auto* id = std::get_if<uuid>(&v)) {
        char text_form[36];
        write_text(*id, text_form);
        out += '"';
        out.append(text_form, sizeof text_form);
        out += '"';
    } else {
        out += std::get<bool>(v) ? "true" : "false";
    }
}

}  // namespace statetrack
