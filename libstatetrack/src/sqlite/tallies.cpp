#include "sqlite/tallies.hpp"

#include <algorithm>

#include "sql/condition_text.hpp"
#include "sqlite/sqlite_dialect.hpp"

namespace statetrack::sqlite {
namespace {

using boost::container::small_vector;

constexpr std::size_t tallies_per_table_max = 1'000;
// Of one count: the product of how many values each of its conditions has.
constexpr std::size_t entries_max = 256;

std::int64_t number_of(const table& of, std::size_t place) {
    return static_cast<std::int64_t>(of.id * tallies_per_table_max + place);
}

// What is counted is few: enumerators and recurring texts, whose stored forms are numbers. As SQLite's
// quote() writes them. A text that no row has makes a key that no tally has.
void append_key_part(std::string& out, const column& of, const value& v, const name_book& names) {
    const auto* text = of.recurring ? std::get_if<std::string>(&v) : nullptr;
    if (text)
        out += std::to_string(names.number_of(*text).value_or(0));
    else
        sqlite_dialect().append_literal(out, of, v);
}

std::string key_text(const table& of, const tally& t) {
    std::string text;
    for (const auto column : t.columns) {
        if (!text.empty()) text += " || ',' || ";
        text += "quote(" + sql::quoted(of.columns[column].name) + ")";
    }
    return text.empty() ? "''" : text;
}

using conditions_lying = small_vector<const condition*, 4>;

// The conditions on the tally's columns, in their order; nothing where it does not fit.
std::optional<conditions_lying> fitting(const tally& t, std::span<const condition> where) {
    conditions_lying by_column(t.columns.size());
    small_vector<char, 4> met(t.where.size());
    for (const auto& c : where) {
        const auto part =
            std::ranges::find_if(t.where, [&](const auto& one) { return sql::same_condition(one, c); });
        if (part != t.where.end()) {
            met[static_cast<std::size_t>(part - t.where.begin())] = 1;
            continue;
        }
        const auto at = std::ranges::find(t.columns, c.column);
        if (c.negated || at == t.columns.end()) return std::nullopt;
        auto*& place = by_column[static_cast<std::size_t>(at - t.columns.begin())];
        if (place) return std::nullopt;
        place = &c;
    }
    if (std::ranges::find(by_column, nullptr) != by_column.end()) return std::nullopt;
    if (std::ranges::find(met, 0) != met.end()) return std::nullopt;
    return by_column;
}

using tally_keys = small_vector<std::string, 4>;

// Every combination of the conditions' values, each once.
tally_keys keys_of(const table& of, const conditions_lying& conditions, const name_book& names) {
    tally_keys keys{""};
    for (const auto* c : conditions) {
        tally_keys longer;
        for (const auto& key : keys) {
            for (const auto& v : c->one_of) {
                if (!admits(of.columns[c->column], v)) continue;
                std::string next = key;
                if (c != conditions.front()) next += ',';
                append_key_part(next, of.columns[c->column], v, names);
                if (std::ranges::find(longer, next) == longer.end()) longer.push_back(std::move(next));
            }
        }
        keys = std::move(longer);
    }
    return keys;
}

}  // namespace

std::string create_tallies() {
    return "CREATE TABLE \"tallies\" (\"tally\" INTEGER NOT NULL, \"key\" TEXT NOT NULL, \"n\" INTEGER NOT "
           "NULL, PRIMARY KEY (\"tally\", \"key\")) STRICT, WITHOUT ROWID";
}

std::vector<std::string> fill_tallies(const table& of) {
    std::vector<std::string> all;
    for (std::size_t i = 0; i < of.tallies.size(); ++i) {
        const auto& t = of.tallies[i];
        const std::string rows =
            t.where.empty() ? "1" : sql::literal_conditions(sqlite_dialect(), of, t.where);
        all.push_back("INSERT INTO \"tallies\" (\"tally\", \"key\", \"n\") SELECT " +
                      std::to_string(number_of(of, i)) + ", " + key_text(of, t) + ", count(*) FROM " +
                      sql::quoted(of.name) + " WHERE " + rows + " GROUP BY 2");
    }
    return all;
}

const std::vector<std::int64_t>& tallies_with_few_entries() {
    static const std::vector<std::int64_t> found = [] {
        std::vector<std::int64_t> all;
        for (const auto* of : schema())
            for (std::size_t i = 0; i < of->tallies.size(); ++i)
                if (std::ranges::all_of(of->tallies[i].columns, [&](const auto column) {
                        return of->columns[column].kind == column_kind::enumeration;
                    }))
                    all.push_back(number_of(*of, i));
        return all;
    }();
    return found;
}

tally_entry entry_of(const table& of, std::size_t place, std::span<const value* const> values,
                     const name_book& names) {
    tally_entry entry{.tally = number_of(of, place)};
    const auto& columns = of.tallies[place].columns;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        if (i > 0) entry.key += ',';
        append_key_part(entry.key, of.columns[columns[i]], *values[columns[i]], names);
    }
    return entry;
}

std::optional<std::vector<tally_entry>> tally_entries(const table& of, std::span<const condition> where,
                                                      const name_book& names) {
    std::size_t entries = 1;
    for (const auto& c : where) {
        entries *= std::max<std::size_t>(c.one_of.size(), 1);
        if (entries > entries_max) return std::nullopt;
    }
    for (std::size_t i = 0; i < of.tallies.size(); ++i) {
        const auto conditions = fitting(of.tallies[i], where);
        if (!conditions) continue;
        std::vector<tally_entry> all;
        for (auto& key : keys_of(of, *conditions, names)) all.push_back({number_of(of, i), std::move(key)});
        return all;
    }
    return std::nullopt;
}

}  // namespace statetrack::sqlite
