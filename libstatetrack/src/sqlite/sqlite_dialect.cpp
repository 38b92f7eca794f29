#include "sqlite/sqlite_dialect.hpp"

namespace statetrack::sqlite {
namespace {

std::string_view type_of(column_kind kind) {
    switch (kind) {
        case column_kind::integer:
        case column_kind::boolean:
        case column_kind::time:
            return "INTEGER";
        case column_kind::uuid:
            return "BLOB";
        default:
            return "TEXT";
    }
}

void append_literal(std::string& out, const value& v) {
    if (const auto* number = std::get_if<std::int64_t>(&v)) {
        out += std::to_string(*number);
    } else if (const auto* truth = std::get_if<bool>(&v)) {
        out += *truth ? '1' : '0';
    } else if (const auto* text = std::get_if<std::string>(&v)) {
        out += '\'';
        for (const char c : *text) {
            if (c == '\'') out += '\'';
            out += c;
        }
        out += '\'';
    } else if (const auto* id = std::get_if<uuid>(&v)) {
        out += "x'";
        for (const char c : to_string(*id))
            if (c != '-') out += c;
        out += '\'';
    } else {
        out += "NULL";
    }
}

std::string type_check(column_kind kind, std::string_view quoted_column) {
    if (kind == column_kind::boolean) return std::string(quoted_column) + " IN (0, 1)";
    if (kind == column_kind::uuid) return "length(" + std::string(quoted_column) + ") = 16";
    return {};
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
