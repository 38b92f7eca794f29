#include "sqlite/broken_constraint.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <string>

#include "sql/schema_text.hpp"

namespace statetrack::sqlite {
namespace {

// SQLite does not name a unique index: it lists the columns.
std::string as_sqlite_says(const table& in, const index_description& index) {
    std::string text;
    for (const auto part : index.parts) {
        if (!text.empty()) text += ", ";
        text.append(in.name).append(".").append(in.columns[part].name);
    }
    return text;
}

}  // namespace

error key_exists(const table& in) {
    return error(errc::already_exists, std::string(in.name) + ": " + sql::key_index_name(in));
}

error broken_constraint(const table& in, int code, std::string_view message) {
    const auto colon = message.find(": ");
    const std::string_view what =
        colon == std::string_view::npos ? std::string_view() : message.substr(colon + 2);
    const std::string prefix = std::string(in.name) + ": ";
    switch (code) {
        case SQLITE_CONSTRAINT_UNIQUE:
        case SQLITE_CONSTRAINT_PRIMARYKEY:
        case SQLITE_CONSTRAINT_ROWID: {
            const std::string key_name = sql::key_index_name(in);
            if (what == as_sqlite_says(in, {.name = key_name, .parts = {in.key}})) return key_exists(in);
            for (const auto& index : in.indexes)
                if (index.unique && what == as_sqlite_says(in, index))
                    return error(index.violation, prefix + std::string(index.name));
            return error(errc::conflict, prefix + "not unique");
        }
        case SQLITE_CONSTRAINT_CHECK:  // every check is named, so this is no SQL
            for (const auto& check : in.same_checks)
                if (what == check.name) return error(check.violation, prefix + std::string(what));
            [[fallthrough]];
        case SQLITE_CONSTRAINT_NOTNULL:
            return error(errc::conflict, prefix + std::string(what));
        default:
            return error(errc::conflict, prefix + "a constraint was broken");
    }
}

}  // namespace statetrack::sqlite
