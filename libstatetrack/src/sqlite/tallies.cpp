#include "sqlite/tallies.hpp"

#include <algorithm>

#include "sqlite/sqlite_dialect.hpp"

namespace statetrack::sqlite {
namespace {

constexpr std::size_t tallies_per_table_max = 1'000;
// Of one count: the product of how many values each of its conditions has.
constexpr std::size_t keys_max = 256;

std::string number_of(const table& of, std::size_t place) {
    return std::to_string(of.id * tallies_per_table_max + place);
}

// `prefix`: NEW., OLD. or nothing.
std::string key_of(const table& of, const tally& t, std::string_view prefix) {
    std::string text = "json_array(";
    for (std::size_t i = 0; i < t.columns.size(); ++i) {
        const auto& c = of.columns[t.columns[i]];
        if (i > 0) text += ", ";
        const std::string name = std::string(prefix) + sql::quoted(c.name);
        text += c.kind == column_kind::uuid ? "hex(" + name + ")" : name;  // JSON holds no blob
    }
    return text + ")";
}

std::string rows_where(const table& of, const tally& t, std::string_view prefix) {
    return t.where.empty() ? "1" : sql::literal_conditions(sqlite_dialect(), of, t.where, prefix);
}

const std::string insert_head = "INSERT INTO \"tallies\" (\"tally\", \"key\", \"n\") ";
const std::string on_conflict = " ON CONFLICT (\"tally\", \"key\") DO UPDATE SET \"n\" = \"n\" + 1; ";

std::string seek(const table& of, std::size_t place, std::string_view prefix) {
    return " WHERE \"tally\" = " + number_of(of, place) +
           " AND \"key\" = " + key_of(of, of.tallies[place], prefix);
}

std::string take_one_away(const table& of, std::size_t place) {
    return "UPDATE \"tallies\" SET \"n\" = \"n\" - 1" + seek(of, place, "OLD.");
}

std::string forget_zero(const table& of, std::size_t place) {
    return "DELETE FROM \"tallies\"" + seek(of, place, "OLD.") + " AND \"n\" = 0; ";
}

bool same_rows(const tally& a, const tally& b) {
    return std::ranges::equal(a.where, b.where, sql::same_condition);
}

trigger make_trigger(const table& of, std::size_t place, const std::string& event, const std::string& when,
                     const std::string& body) {
    std::string name =
        std::string(of.name) + "_tally_" + std::to_string(place) + "_" + event.substr(0, event.find(' '));
    std::string sql = "CREATE TRIGGER " + sql::quoted(name) + " AFTER " + event + " ON " +
                      sql::quoted(of.name) + " WHEN " + when + " BEGIN " + body + "END";
    return {std::move(name), std::move(sql)};
}

// One for all the tallies that count the same rows as the one at `first`.
void add_insert_and_delete(std::vector<trigger>& to, const table& of, std::size_t first) {
    std::string added = insert_head + "VALUES ", taken;
    for (std::size_t i = first; i < of.tallies.size(); ++i) {
        if (!same_rows(of.tallies[i], of.tallies[first])) continue;
        if (i > first) added += ", ";
        added += "(" + number_of(of, i) + ", " + key_of(of, of.tallies[i], "NEW.") + ", 1)";
        taken += take_one_away(of, i) + "; " + forget_zero(of, i);
    }
    const auto& t = of.tallies[first];
    to.push_back(make_trigger(of, first, "INSERT", rows_where(of, t, "NEW."), added + on_conflict));
    to.push_back(make_trigger(of, first, "DELETE", rows_where(of, t, "OLD."), taken));
}

void add_update(std::vector<trigger>& to, const table& of, std::size_t place) {
    const auto& t = of.tallies[place];
    std::vector<std::size_t> columns = t.columns;
    for (const auto& c : t.where) columns.push_back(c.column);
    if (columns.empty()) return;
    std::string event = "UPDATE OF ", changed;
    for (const auto column : columns) {
        const std::string name = sql::quoted(of.columns[column].name);
        if (!changed.empty()) {
            event += ", ";
            changed += " OR ";
        }
        event += name;
        changed += "OLD." + name + " IS NOT NEW." + name;
    }
    const std::string before = rows_where(of, t, "OLD."), after = rows_where(of, t, "NEW.");
    const std::string when = "(" + changed + ") AND ((" + before + ") OR (" + after + "))";
    const std::string body = take_one_away(of, place) + " AND " + before + "; " + insert_head + "SELECT " +
                             number_of(of, place) + ", " + key_of(of, t, "NEW.") + ", 1 WHERE " + after +
                             on_conflict + forget_zero(of, place);
    to.push_back(make_trigger(of, place, event, when, body));
}

// The conditions on the tally's columns, in their order; nothing where it does not fit.
std::optional<std::vector<const condition*>> fitting(const tally& t, std::span<const condition> where) {
    std::vector<const condition*> by_column(t.columns.size());
    std::vector<bool> met(t.where.size());
    for (const auto& c : where) {
        const auto part =
            std::ranges::find_if(t.where, [&](const auto& one) { return sql::same_condition(one, c); });
        if (part != t.where.end()) {
            met[static_cast<std::size_t>(part - t.where.begin())] = true;
            continue;
        }
        const auto at = std::ranges::find(t.columns, c.column);
        if (c.negated || at == t.columns.end()) return std::nullopt;
        auto*& place = by_column[static_cast<std::size_t>(at - t.columns.begin())];
        if (place) return std::nullopt;
        place = &c;
    }
    if (std::ranges::find(by_column, nullptr) != by_column.end()) return std::nullopt;
    if (std::ranges::find(met, false) != met.end()) return std::nullopt;
    return by_column;
}

sql::statement_text sum_text(const table& of, std::size_t place,
                             const std::vector<const condition*>& conditions) {
    std::vector<std::vector<const value*>> keys{{}};
    for (const auto* c : conditions) {
        std::vector<std::vector<const value*>> longer;
        for (const auto& key : keys) {
            for (const auto& v : c->one_of) {
                if (!admits(of.columns[c->column], v)) continue;
                longer.push_back(key);
                longer.back().push_back(&v);
            }
        }
        keys = std::move(longer);
    }
    sql::statement_text out{.sql = "SELECT coalesce(sum(\"n\"), 0) FROM \"tallies\" WHERE \"tally\" = " +
                                   number_of(of, place) + " AND \"key\" IN ("};
    for (const auto& key : keys) {
        if (&key != &keys.front()) out.sql += ", ";
        out.sql += "json_array(";
        for (std::size_t i = 0; i < key.size(); ++i) {
            const bool as_hex = of.columns[conditions[i]->column].kind == column_kind::uuid;
            if (i > 0) out.sql += ", ";
            if (as_hex) out.sql += "hex(";
            append_parameter(out, sqlite_dialect(), key[i]);
            if (as_hex) out.sql += ')';
        }
        out.sql += ')';
    }
    out.sql += ')';
    return out;
}

}  // namespace

std::string create_tallies() {
    return "CREATE TABLE \"tallies\" (\"tally\" INTEGER NOT NULL, \"key\" TEXT NOT NULL, \"n\" INTEGER NOT "
           "NULL, PRIMARY KEY (\"tally\", \"key\")) STRICT, WITHOUT ROWID";
}

std::vector<trigger> tally_triggers(const table& of) {
    std::vector<trigger> all;
    for (std::size_t i = 0; i < of.tallies.size(); ++i) {
        const auto first = std::ranges::find_if(
            of.tallies, [&](const tally& other) { return same_rows(other, of.tallies[i]); });
        if (&*first == &of.tallies[i]) add_insert_and_delete(all, of, i);
        add_update(all, of, i);
    }
    return all;
}

std::vector<std::string> fill_tallies(const table& of) {
    std::vector<std::string> all;
    for (std::size_t i = 0; i < of.tallies.size(); ++i)
        all.push_back(insert_head + "SELECT " + number_of(of, i) + ", " + key_of(of, of.tallies[i], "") +
                      ", count(*) FROM " + sql::quoted(of.name) + " WHERE " +
                      rows_where(of, of.tallies[i], "") + " GROUP BY 2");
    return all;
}

std::optional<sql::statement_text> tally_text(const table& of, std::span<const condition> where) {
    std::size_t keys = 1;
    for (const auto& c : where) {
        keys *= std::max<std::size_t>(c.one_of.size(), 1);
        if (keys > keys_max) return std::nullopt;
    }
    for (std::size_t i = 0; i < of.tallies.size(); ++i)
        if (const auto conditions = fitting(of.tallies[i], where)) return sum_text(of, i, *conditions);
    return std::nullopt;
}

}  // namespace statetrack::sqlite
