// How a stored entity looks to a backend: columns of four primitives and an id, indexes, references, checks,
// tallies. Made from the entities' descriptions (fields.hpp); a backend knows tables, never entities.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "statetrack/error.hpp"
#include "statetrack/ids.hpp"

namespace statetrack {

// What a column can hold: null, a 64-bit integer, a boolean, text, a uuid. (A uuid could be text; held by
// value it costs no allocation, and every row has several.)
using value = std::variant<std::monostate, std::int64_t, bool, std::string, uuid>;
using row = std::vector<value>;  // one value a column, in the table's order

// The same where it lies, for as long as it lies there: its text is not copied.
using value_view = std::variant<std::monostate, std::int64_t, bool, std::string_view, uuid>;
using row_view = std::span<const value_view>;

inline bool is_null(const value& v) { return std::holds_alternative<std::monostate>(v); }
inline std::string_view text_of(const value& v) { return std::get<std::string>(v); }
inline std::string_view text_of(const value_view& v) { return std::get<std::string_view>(v); }
value_view view_of(const value& v);
value to_value(const value_view& v);
row to_values(row_view views);

// The meaning beside the primitive, so that a backend can choose its own type for it.
enum class column_kind : std::uint8_t { text, integer, boolean, uuid, time, json, enumeration };

struct column {
    std::string_view name;
    column_kind kind = column_kind::text;
    bool nullable = false;
    std::vector<std::string_view> enumerators{};  // of an enumeration: its only values
    std::optional<std::int64_t> min{};            // of an integer
    bool recurring = false;                       // of text: most rows have one of few; may be kept once each
};

// Whether the column can hold the value: its own type, null where nullable, its enumerators, not below min.
bool admits(const column& in, const value& v);

// The one kind of predicate that indexes, queries and checks need: a column holds one of these values; a null
// among them means IS NULL. `negated` turns it round: {column, {null}, true} is IS NOT NULL, and
// {column, {5}, true} holds for nulls too.
struct condition {
    std::size_t column = 0;
    std::vector<value> one_of{};
    bool negated = false;
};

bool meets(const row& values, const condition& what);
bool meets(const row& values, std::span<const condition> all);

// Rows with one value of the first parts and any of a last part that is an enumeration are found by the index
// too, in the order of insertion: one ordered run a value, merged. So are those of several indexes with the
// same first parts, where the predicates of these are about one enumeration and leave none of its values out.
struct index_description {
    std::string_view name;
    std::vector<std::size_t> parts{};  // columns; none: rows that meet `where`, in the order of insertion
    bool unique = false;               // but for nulls, which equal nothing
    std::vector<condition> where{};    // rows outside are not in the index
    errc violation = errc::conflict;   // what breaking a unique index is called
};

struct reference {
    std::size_t column = 0;
    std::string_view table;  // whose key it names; erasing the row there erases this one too
    errc violation = errc::conflict;
};

// `column` is null exactly in the rows for which `when` holds.
struct null_check {
    std::string_view name;
    std::size_t column = 0;
    condition when;
};

// `column` holds what `same_as` does in every row for which `when` holds.
struct same_check {
    std::string_view name;
    std::size_t column = 0;
    std::size_t same_as = 0;
    condition when;
    errc violation = errc::conflict;
};

// Rows are counted per combination of values of these columns, kept with every write, so that count() never
// counts. Only rows that meet `where` are counted.
struct tally {
    std::vector<std::size_t> columns;
    std::vector<condition> where{};
};

// Beside its columns every row has an ordinal: a 64-bit number, growing in the order of insertion, never used
// twice. Where `key` is the ordinal itself (`key_is_ordinal`) the backend fills that column on insert.
struct table {
    std::size_t id = 0;  // its place in schema()
    std::string_view name;
    std::vector<column> columns;
    std::size_t key = 0;
    bool key_is_ordinal = false;
    std::optional<std::size_t> version{};     // the column that a patch compares
    std::vector<std::size_t> beat_columns{};  // written by transaction::beat, in the order of struct beat
    std::vector<condition> beaten_where{};    // rows outside get no beats
    std::vector<index_description> indexes{};
    std::vector<reference> references{};
    std::vector<null_check> null_checks{};
    std::vector<same_check> same_checks{};
    std::vector<tally> tallies{};

    std::size_t column_named(std::string_view column_name) const;  // must exist
};

// Every table of the library, referenced ones first. The version is raised whenever one of them changes.
const std::vector<const table*>& schema();
inline constexpr std::int64_t schema_version = 5;

}  // namespace statetrack
