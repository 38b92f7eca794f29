#include "sql/verb_text.hpp"

namespace statetrack::sql {
namespace {

std::string where_is(const dialect& in, const std::string& quoted_column, std::size_t parameter) {
    std::string text = " WHERE " + quoted_column + " = ";
    append_placeholder(text, in, parameter);
    return text;
}

std::string where_key(const dialect& in, const table& of, std::size_t parameter) {
    return where_is(in, quoted(of.columns[of.key].name), parameter);
}

std::string update_text(const dialect& in, const table& of, std::span<const std::size_t> columns) {
    std::string text = "UPDATE " + quoted(of.name) + " SET ";
    std::size_t number = 0;
    for (const auto column : columns) {
        if (number > 0) text += ", ";
        text += quoted(of.columns[column].name) + " = ";
        append_placeholder(text, in, ++number);
    }
    return text;
}

}  // namespace

std::string column_list(const table& from) {
    std::string text = ordinal_of(from);
    for (const auto& c : from.columns) text += ", " + quoted(c.name);
    return text;
}

std::string column_list(const table& from, std::span<const std::size_t> only) {
    if (only.empty()) return column_list(from);
    std::string text = ordinal_of(from);
    for (const auto column : only) text += ", " + quoted(from.columns[column].name);
    return text;
}

std::string find_text(const dialect& in, const table& from) {
    return "SELECT " + column_list(from) + " FROM " + quoted(from.name) + where_key(in, from, 1);
}

std::string find_at_text(const dialect& in, const table& from) {
    return "SELECT " + column_list(from) + " FROM " + quoted(from.name) + where_is(in, ordinal_of(from), 1);
}

std::string ordinal_text(const dialect& in, const table& from) {
    return "SELECT " + ordinal_of(from) + " FROM " + quoted(from.name) + where_key(in, from, 1);
}

std::string erase_text(const dialect& in, const table& from) {
    return "DELETE FROM " + quoted(from.name) + where_key(in, from, 1);
}

std::string insert_text(const dialect& in, const table& into) {
    std::string columns, values;
    std::size_t number = 0;
    for (std::size_t i = 0; i < into.columns.size(); ++i) {
        if (into.key_is_ordinal && i == into.key) continue;
        if (number > 0) {
            columns += ", ";
            values += ", ";
        }
        columns += quoted(into.columns[i].name);
        append_placeholder(values, in, ++number);
    }
    return "INSERT INTO " + quoted(into.name) + " (" + columns + ") VALUES (" + values + ")";
}

std::string patch_text(const dialect& in, const table& of, column_mask changed, bool versioned,
                       bool at_ordinal) {
    std::vector<std::size_t> columns;
    for (std::size_t i = 0; i < of.columns.size(); ++i)
        if (changed >> i & 1) columns.push_back(i);
    std::size_t parameters = columns.size();
    std::string text = update_text(in, of, columns) + where_key(in, of, ++parameters);
    const auto add = [&](const std::string& quoted_column) {
        text += " AND " + quoted_column + " = ";
        append_placeholder(text, in, ++parameters);
    };
    if (versioned) add(quoted(of.columns[*of.version].name));
    if (at_ordinal) add(ordinal_of(of));
    return text;
}

std::string fold_text(const dialect& in, const table& of) {
    return update_text(in, of, of.beat_columns) + where_is(in, ordinal_of(of), of.beat_columns.size() + 1);
}

}  // namespace statetrack::sql
