#include "statetrack/fields.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <charconv>

namespace statetrack {
namespace {

bool stands_for_itself(char c) { return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\'; }

void append_escaped(std::string& out, char c) {
    constexpr char digits[] = "0123456789abcdef";
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
            out += "\\u00";
            out += digits[static_cast<unsigned char>(c) >> 4];
            out += digits[static_cast<unsigned char>(c) & 0x0F];
    }
}

template <std::size_t Size, class T>
void append_quoted(std::string& out, const T& what) {
    char text[Size + 2];
    text[0] = text[Size + 1] = '"';
    write_text(what, text + 1);
    out.append(text, sizeof text);
}

}  // namespace

value projection<std::vector<std::int64_t>>::to(const std::vector<std::int64_t>& v) {
    std::string text;
    append(text, v);
    return text;
}

void projection<std::vector<std::int64_t>>::append(std::string& out, const std::vector<std::int64_t>& v) {
    out += '[';
    for (std::size_t i = 0; i < v.size(); ++i) {
        if (i > 0) out += ',';
        append_json(out, v[i]);
    }
    out += ']';
}

std::vector<std::int64_t> projection<std::vector<std::int64_t>>::from(std::string_view list) {
    std::vector<std::int64_t> numbers;
    const boost::json::value parsed = parse_trusted(list);
    for (const auto& n : parsed.as_array()) numbers.push_back(n.to_number<std::int64_t>());
    return numbers;
}

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    while (!text.empty()) {
        const auto plain =
            static_cast<std::size_t>(std::ranges::find_if_not(text, stands_for_itself) - text.begin());
        out.append(text.substr(0, plain));
        text.remove_prefix(plain);
        if (text.empty()) break;
        append_escaped(out, text.front());
        text.remove_prefix(1);
    }
    out += '"';
}

void append_json(std::string& out, std::int64_t number) {
    char digits[20];
    out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

void append_json(std::string& out, timestamp at) { append_quoted<24>(out, at); }

void append_json(std::string& out, const uuid& id) { append_quoted<36>(out, id); }

void append_json(std::string& out, column_kind kind, const value& v) {
    if (is_null(v)) {
        out += "null";
    } else if (kind == column_kind::json) {
        out += std::get<std::string>(v);
    } else if (const auto* text = std::get_if<std::string>(&v)) {
        append_json_string(out, *text);
    } else if (const auto* number = std::get_if<std::int64_t>(&v)) {
        if (kind == column_kind::time)
            append_json(out, timestamp{*number});
        else
            append_json(out, *number);
    } else if (const auto* id = std::get_if<uuid>(&v)) {
        append_json(out, *id);
    } else {
        out += std::get<bool>(v) ? "true" : "false";
    }
}

}  // namespace statetrack
