#include "sqlite/sqlite_dialect.hpp"

#include <algorithm>

#include "sqlite/stored_form.hpp"

namespace statetrack::sqlite {
namespace {

// ANY: as it is given, an id among texts as its bytes, JSON with our own words shortened as bytes too.
std::string_view type_of(const column& of) {
    switch (of.kind) {
        case column_kind::integer:
        case column_kind::boolean:
        case column_kind::time:
        case column_kind::enumeration:
            return "INTEGER";
        case column_kind::uuid:
            return "BLOB";
        case column_kind::json:
            return "ANY";
        case column_kind::text:
            break;
    }
    return of.recurring ? "INTEGER" : "ANY";
}

void append_blob(std::string& out, std::span<const std::uint8_t> bytes) {
    constexpr char digits[] = "0123456789abcdef";
    out += "x'";
    for (const auto byte : bytes) {
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
    out += '\'';
}

void append_text(std::string& out, std::string_view text) {
    out += '\'';
    for (const char c : text) {
        if (c == '\'') out += '\'';
        out += c;
    }
    out += '\'';
}

// Descriptions compare no recurring text: its number is the file's own.
void append_literal(std::string& out, const column& of, const value& v) {
    if (const auto* number = std::get_if<std::int64_t>(&v)) {
        out += std::to_string(*number);
    } else if (const auto* truth = std::get_if<bool>(&v)) {
        out += *truth ? '1' : '0';
    } else if (const auto* text = std::get_if<std::string>(&v)) {
        if (of.kind == column_kind::enumeration)
            out += std::to_string(place_of(of, *text));
        else if (const auto id = id_in_text(*text))
            append_blob(out, id->bytes);
        else
            append_text(out, *text);
    } else if (const auto* id = std::get_if<uuid>(&v)) {
        append_blob(out, id->bytes);
    } else {
        out += "NULL";
    }
}

// A null is unknown to each of these, which no check refuses.
std::string type_check(const column& of, std::string_view quoted_column) {
    const std::string name(quoted_column);
    switch (of.kind) {
        case column_kind::boolean:
            return name + " BETWEEN 0 AND 1";
        case column_kind::uuid:
            return "length(" + name + ") = 16";
        case column_kind::enumeration:
            return name + " BETWEEN 0 AND " + std::to_string(of.enumerators.size() - 1);
        case column_kind::json:
        case column_kind::text:
            if (of.recurring) return name + " > 0";
            // Text or bytes: every number comes before every text (https://sqlite.org/datatype3.html, 4.1).
            return name + " >= ''";
        default:
            return {};
    }
}

}  // namespace

const sql::dialect& sqlite_dialect() {
    static const sql::dialect instance{.ordinal_type = "INTEGER PRIMARY KEY AUTOINCREMENT",
                                       .table_options = " STRICT",
                                       .placeholder = '?',
                                       .index_hint = " INDEXED BY ",
                                       .type_of = type_of,
                                       .append_literal = append_literal,
                                       .type_check = type_check};
    return instance;
}

}  // namespace statetrack::sqlite
