// How values stand in the file where that is not as they are: enumerators by their place, ids among texts as
// their bytes, JSON with our own words shortened. Frozen with the schema: what is written must be read for
// ever.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "statetrack/table.hpp"

namespace statetrack::sqlite {

// Of one of the column's enumerators.
std::int64_t place_of(const column& enumeration, std::string_view enumerator);

// The id that a text is all of, in lower case as to_string writes it. Sixteen bytes say the same.
std::optional<uuid> id_in_text(std::string_view text);

// The JSON text with a byte or two for `"name":` where the name is a word of ours, seven for a time and
// seventeen for an id, quotes included; nothing where that is not shorter. Control characters mark them: they
// cannot stand in JSON by themselves.
std::optional<std::string> shortened(std::string_view json);
// Makes the SQL functions by which a migration brings what it copies into these forms: kept_text(text) and
// kept_json(text). Anything else they are given comes back as it is. SQLite's code.
int add_stored_form_functions(sqlite3* on);

// The text again; false where it was not made by shortened().
bool lengthen(std::string_view shortened, std::string& to);

}  // namespace statetrack::sqlite
