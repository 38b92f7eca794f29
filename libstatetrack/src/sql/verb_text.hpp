// The statements of the storage seam's verbs, made from table descriptions and queries.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "sql/condition_text.hpp"
#include "sql/dialect.hpp"
#include "statetrack/storage.hpp"

namespace statetrack::sql {

// Bit n stands for column n.
using column_mask = std::uint64_t;
inline constexpr std::size_t columns_max = 64;

// Every row that is read comes as its ordinal, then its columns in the table's order.

// The ordinal, then the columns: all, or only these.
std::string column_list(const table& from);
std::string column_list(const table& from, std::span<const std::size_t> only);

// Parameter 1: the key.
std::string find_text(const dialect& in, const table& from);
// Parameter 1: the ordinal.
std::string find_at_text(const dialect& in, const table& from);
std::string ordinal_text(const dialect& in, const table& from);  // the ordinal alone
std::string erase_text(const dialect& in, const table& from);
// Parameters: the columns in order, less the key where that is the ordinal. No hidden ordinal is given.
std::string insert_text(const dialect& in, const table& into);
// Parameters: the columns of the mask in order, the key, the version where it is `versioned`, and the ordinal
// where the row is looked for there.
std::string patch_text(const dialect& in, const table& of, column_mask changed, bool versioned,
                       bool at_ordinal = false);
// Parameters: the beat columns in the order of struct beat, then the ordinal.
std::string fold_text(const dialect& in, const table& of);

// What goes into a placeholder that stands for no value of a condition.
std::int64_t number_of(const query& what, parameter::source from);

// Where it is not `ordered` the rows of the page may come in any order: to be sorted by their ordinals.
statement_text select_text(const dialect& in, const table& from, const query& what);
// The ordinals alone, in the order asked for.
statement_text select_ordinals_text(const dialect& in, const table& from, const query& what);
// Counts rows one by one; where a tally knows, it is asked instead.
statement_text count_text(const dialect& in, const table& of, std::span<const condition> where);

}  // namespace statetrack::sql
