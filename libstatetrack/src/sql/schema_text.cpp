#include "sql/schema_text.hpp"

#include <cassert>

#include "sql/condition_text.hpp"

namespace statetrack::sql {
namespace {

const table& table_named(std::string_view name) {
    for (const auto* t : schema())
        if (t->name == name) return *t;
    assert(false && "a reference names no table");
    return *schema().front();
}

// Checks are named, so that an error can say which without quoting SQL.
void append_check(std::string& out, std::string_view name, std::string_view expression) {
    out.append(" CONSTRAINT ").append(quoted(name)).append(" CHECK (").append(expression) += ')';
}

std::string column_definition(const dialect& in, const table& of, std::size_t at) {
    const auto& c = of.columns[at];
    const std::string name = quoted(c.name);
    if (of.key_is_ordinal && at == of.key) return name + " " + std::string(in.ordinal_type);
    std::string text = name + " " + std::string(in.type_of(c));
    if (!c.nullable) text += " NOT NULL";
    const std::string check_name = std::string(of.name) + "_" + std::string(c.name) + "_";
    const auto check = in.type_check(c, name);
    if (!check.empty()) append_check(text, check_name + "type", check);
    if (!c.enumerators.empty() && check.empty()) {
        condition names{.column = at};
        for (const auto one : c.enumerators) names.one_of.emplace_back(std::string(one));
        append_check(text, check_name + "values", literal_conditions(in, of, {&names, 1}));
    }
    if (c.min) append_check(text, check_name + "min", name + " >= " + std::to_string(*c.min));
    for (const auto& to : of.references) {
        if (to.column != at) continue;
        const auto& parent = table_named(to.table);
        text += " REFERENCES " + quoted(parent.name) + " (" + quoted(parent.columns[parent.key].name) +
                ") ON DELETE CASCADE";
    }
    return text;
}

std::string create_table(const dialect& in, const table& described) {
    std::string text = "CREATE TABLE " + quoted(described.name) + " (";
    if (!described.key_is_ordinal) text += quoted(ordinal_name) + " " + std::string(in.ordinal_type) + ", ";
    for (std::size_t i = 0; i < described.columns.size(); ++i) {
        if (i > 0) text += ", ";
        text += column_definition(in, described, i);
    }
    for (const auto& check : described.null_checks) {
        text += ',';
        append_check(text, check.name,
                     "(" + quoted(described.columns[check.column].name) + " IS NULL) = ((" +
                         literal_conditions(in, described, {&check.when, 1}) + ") IS TRUE)");
    }
    for (const auto& check : described.same_checks) {
        text += ',';
        append_check(text, check.name,
                     "(" + literal_conditions(in, described, {&check.when, 1}) + ") IS NOT TRUE OR " +
                         quoted(described.columns[check.column].name) + " = " +
                         quoted(described.columns[check.same_as].name));
    }
    return text + ")" + std::string(in.table_options);
}

std::string create_index(const dialect& in, const table& on, const index_description& index) {
    std::string text = index.unique ? "CREATE UNIQUE INDEX " : "CREATE INDEX ";
    text += quoted(index.name) + " ON " + quoted(on.name) + " (";
    bool first = true;
    for (const auto part : index.parts) {
        if (!first) text += ", ";
        first = false;
        text += quoted(on.columns[part].name);
    }
    if (index.parts.empty()) text += ordinal_of(on);
    text += ')';
    if (!index.where.empty()) text += " WHERE " + literal_conditions(in, on, index.where);
    return text;
}

}  // namespace

std::string key_index_name(const table& described) { return std::string(described.name) + "_key"; }

std::vector<std::string> create_statements(const dialect& in, const table& described) {
    std::vector<std::string> all{create_table(in, described)};
    if (!described.key_is_ordinal) {
        const std::string name = key_index_name(described);
        all.push_back(create_index(in, described, {.name = name, .parts = {described.key}, .unique = true}));
    }
    for (const auto& index : described.indexes) all.push_back(create_index(in, described, index));
    return all;
}

}  // namespace statetrack::sql
