#include "sqlite/connection.hpp"

#include <algorithm>

#include "sql/query_shape.hpp"
#include "sqlite/broken_constraint.hpp"
#include "sqlite/sqlite_dialect.hpp"

namespace statetrack::sqlite {
namespace {

// Shapes of queries and patches kept prepared. Far more than the library has; a host's own queries with lists
// of ever new lengths start over.
constexpr std::size_t statements_max = 512;
// A page mostly has no more, and what is asked for may be very many.
constexpr std::size_t rows_expected_max = 64;

constexpr const char* control_texts[controls] = {
    "BEGIN", "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK", "SAVEPOINT unit", "RELEASE unit", "ROLLBACK TO unit"};

std::string reading(const table& in) { return "reading " + std::string(in.name); }
std::string writing(const table& in) { return "writing " + std::string(in.name); }

error not_found_in(const table& in) {
    return error(errc::not_found, "no such row in " + std::string(in.name));
}

error cannot_hold(const table& in, std::size_t column) {
    return error(errc::conflict, std::string(in.name) + "." +
                                     (column < in.columns.size() ? std::string(in.columns[column].name)
                                                                 : std::to_string(column)) +
                                     " cannot hold that");
}

// As they come from SQLite they mostly are.
void put_in_order(std::vector<stored_row>& page, direction by) {
    const auto before = [&](const stored_row& a, const stored_row& b) {
        return by == direction::ascending ? a.ordinal < b.ordinal : a.ordinal > b.ordinal;
    };
    if (!std::ranges::is_sorted(page, before)) std::ranges::sort(page, before);
}

bool fits(const table& in, const assignment& one) {
    return one.column < in.columns.size() && admits(in.columns[one.column], one.to);
}

}  // namespace

// A number of no name at all: rows have numbers above it.
constexpr std::int64_t no_name = 0;

void connection::bind_known(run& to, const column& as, const value& v) const {
    const auto* text = as.recurring ? std::get_if<std::string>(&v) : nullptr;
    if (!text) return to.bind(as, v);
    to.bind(names_.number_of(*text).value_or(no_name));
}

void connection::bind_new(run& to, const column& as, const value& v) {
    const auto* text = as.recurring ? std::get_if<std::string>(&v) : nullptr;
    if (!text) return to.bind(as, v);
    const auto number = names_.number_for(*text);
    if (!names_.is_written(number))
        if (const int code = add_name(number, *text); code != SQLITE_OK) to.fail(code);
    to.bind(number);
}

int connection::add_name(std::int64_t number, std::string_view text) {
    if (!add_name_.get()) {
        auto made = statement::prepare(on_, add_name_text, "");
        if (!made) return sqlite3_extended_errcode(on_.get());
        add_name_ = std::move(*made);
    }
    run one(add_name_);
    one.bind(number);
    one.bind_text(text);
    const int code = one.step();
    if (code != SQLITE_DONE) return code;
    names_.wrote(number);
    return SQLITE_OK;
}

bool connection::read(const run& from, int column, const struct column& as, value& to) const {
    if (!as.recurring) return from.read(column, as, to);
    value number;
    if (!from.read(column, {.name = as.name, .kind = column_kind::integer, .nullable = as.nullable}, number))
        return false;
    if (is_null(number)) {
        to = {};
        return true;
    }
    return names_.read(std::get<std::int64_t>(number), to.emplace<std::string>());
}

void connection::bind_all(run& to, const prepared_query& by, const table& in,
                          std::span<const condition> where, const query& what) const {
    for (const auto& p : by.parameters) {
        if (p.from != sql::parameter::source::value) {
            to.bind(sql::number_of(what, p.from));
        } else {
            const auto& c = where[p.condition];
            bind_known(to, in.columns[c.column], c.one_of[p.place]);
        }
    }
}

int connection::take(control step) {
    auto& by = controls_[static_cast<std::size_t>(step)];
    if (!by.get()) {
        auto made = statement::prepare(on_, control_texts[static_cast<std::size_t>(step)], "");
        if (!made) return sqlite3_extended_errcode(on_.get());
        by = std::move(*made);
    }
    run one(by);
    const int code = one.step();
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

result<const statement*> connection::prepared(by_table& all, const table& in,
                                              std::string (*text)(const sql::dialect&, const table&)) {
    if (all.size() <= in.id) all.resize(in.id + 1);
    auto& kept = all[in.id];
    if (!kept.get()) {
        auto made =
            statement::prepare(on_, text(sqlite_dialect(), in), "preparing for " + std::string(in.name));
        if (!made) return made.error();
        kept = std::move(*made);
    }
    return &kept;
}

template <class Text>
result<const connection::prepared_query*> connection::prepared(query_verb verb, std::string shape,
                                                               const table& in, Text text) {
    shape += static_cast<char>(verb);
    if (const auto kept = queries_.find(shape); kept != queries_.end()) return &kept->second;
    auto written = text();
    auto made = statement::prepare(on_, written.sql, reading(in));
    if (!made) return made.error();
    if (queries_.size() >= statements_max) queries_.clear();
    prepared_query one{std::move(*made), std::move(written.parameters), written.ordered};
    return &queries_.emplace(std::move(shape), std::move(one)).first->second;
}

result<const statement*> connection::prepared_patch(const table& in, sql::column_mask changed, bool versioned,
                                                    bool at_ordinal) {
    const patch_shape shape{in.id, changed, versioned, at_ordinal};
    if (const auto kept = patches_.find(shape); kept != patches_.end()) return &kept->second;
    auto made = statement::prepare(on_, patch_text(sqlite_dialect(), in, changed, versioned, at_ordinal),
                                   writing(in));
    if (!made) return made.error();
    if (patches_.size() >= statements_max) patches_.clear();
    return &patches_.emplace(shape, std::move(*made)).first->second;
}

result<stored_row> connection::row_of(const run& from, const table& in,
                                      std::span<const std::size_t> only) const {
    stored_row found{.ordinal = from.integer(0),
                     .values = row(only.empty() ? in.columns.size() : only.size())};
    for (std::size_t at = 0; at < found.values.size(); ++at) {
        const std::size_t i = only.empty() ? at : only[at];
        if (read(from, static_cast<int>(at) + 1, in.columns[i], found.values[at])) continue;
        if (sqlite3_errcode(on_.get()) == SQLITE_NOMEM) return failure(on_.get(), SQLITE_NOMEM, reading(in));
        return error(errc::store_corrupt, std::string(in.name) + "." + std::string(in.columns[i].name) +
                                              " of row " + std::to_string(found.ordinal) +
                                              " holds what it should not");
    }
    return found;
}

result<std::optional<stored_row>> connection::find(const table& in, const value& key) {
    if (!admits(in.columns[in.key], key)) return std::optional<stored_row>{};
    const auto by = prepared(finds_, in, sql::find_text);
    if (!by) return by.error();
    run one(**by);
    bind_known(one, in.columns[in.key], key);
    const int code = one.step();
    if (code == SQLITE_DONE) return std::optional<stored_row>{};
    if (code != SQLITE_ROW) return failure(on_.get(), code, reading(in));
    auto found = row_of(one, in, {});
    if (!found) return found.error();
    return std::optional<stored_row>(std::move(*found));
}

result<std::optional<std::int64_t>> connection::ordinal_of(const table& in, const value& key) {
    if (!admits(in.columns[in.key], key)) return std::optional<std::int64_t>{};
    const auto by = prepared(ordinals_, in, sql::ordinal_text);
    if (!by) return by.error();
    run one(**by);
    bind_known(one, in.columns[in.key], key);
    const int code = one.step();
    if (code == SQLITE_DONE) return std::optional<std::int64_t>{};
    if (code != SQLITE_ROW) return failure(on_.get(), code, reading(in));
    return std::optional<std::int64_t>(one.integer(0));
}

result<std::vector<stored_row>> connection::select(const table& in, const query& what) {
    const auto by = prepared(query_verb::select, sql::shape_of(in, what), in,
                             [&] { return sql::select_text(sqlite_dialect(), in, what); });
    if (!by) return by.error();
    run all((*by)->by);
    bind_all(all, **by, in, what.where, what);
    std::vector<stored_row> page;
    int code = all.step();
    for (; code == SQLITE_ROW; code = all.step()) {
        auto found = row_of(all, in, what.columns);
        if (!found) return found.error();
        page.push_back(std::move(*found));
    }
    if (code != SQLITE_DONE) return failure(on_.get(), code, reading(in));
    if (!(*by)->ordered) put_in_order(page, what.order);
    return page;
}

result<std::vector<std::int64_t>> connection::select_ordinals(const table& in, const query& what) {
    const auto by = prepared(query_verb::ordinals, sql::shape_of(in, what), in,
                             [&] { return sql::select_ordinals_text(sqlite_dialect(), in, what); });
    if (!by) return by.error();
    run all((*by)->by);
    bind_all(all, **by, in, what.where, what);
    std::vector<std::int64_t> page;
    page.reserve(std::min(what.limit, rows_expected_max));
    int code = all.step();
    for (; code == SQLITE_ROW; code = all.step()) page.push_back(all.integer(0));
    if (code != SQLITE_DONE) return failure(on_.get(), code, reading(in));
    return page;
}

result<stored_row> connection::find_at(const table& in, std::int64_t ordinal) {
    const auto by = prepared(finds_at_, in, sql::find_at_text);
    if (!by) return by.error();
    run one(**by);
    one.bind(ordinal);
    const int code = one.step();
    if (code == SQLITE_DONE)
        return error(errc::store_corrupt, "an index of " + std::string(in.name) + " has a row too many");
    if (code != SQLITE_ROW) return failure(on_.get(), code, reading(in));
    return row_of(one, in, {});
}

result<std::int64_t> connection::count(const table& in, std::span<const condition> where) {
    if (const auto kept = tally_entries(in, where, names_)) return sum(in, *kept);
    const auto by = prepared(query_verb::count, sql::shape_of(in, where), in,
                             [&] { return sql::count_text(sqlite_dialect(), in, where); });
    if (!by) return by.error();
    run one((*by)->by);
    bind_all(one, **by, in, where, {});
    if (const int code = one.step(); code != SQLITE_ROW) return failure(on_.get(), code, reading(in));
    return one.integer(0);
}

result<std::int64_t> connection::sum(const table& in, std::span<const tally_entry> entries) {
    if (!sum_.get()) {
        auto made = statement::prepare(on_, std::string(tally_text), reading(in));
        if (!made) return made.error();
        sum_ = std::move(*made);
    }
    std::int64_t all = 0;
    for (const auto& entry : entries) {
        run one(sum_);
        one.bind(entry.tally);
        one.bind_text(entry.key);
        const int code = one.step();
        if (code == SQLITE_ROW)
            all += one.integer(0);
        else if (code != SQLITE_DONE)
            return failure(on_.get(), code, reading(in));
    }
    return all;
}

result<std::int64_t> connection::insert(const table& in, const row& values) {
    const auto filled = [&](std::size_t column) { return in.key_is_ordinal && column == in.key; };
    if (values.size() != in.columns.size())
        return error(errc::conflict, std::string(in.name) + " has another number of columns");
    for (std::size_t i = 0; i < values.size(); ++i)
        if (!filled(i) && !admits(in.columns[i], values[i])) return cannot_hold(in, i);
    const auto by = prepared(inserts_, in, sql::insert_text);
    if (!by) return by.error();
    int code = SQLITE_OK;
    {
        run one(**by);
        for (std::size_t i = 0; i < values.size(); ++i)
            if (!filled(i)) bind_new(one, in.columns[i], values[i]);
        code = one.step();
        if (code == SQLITE_DONE) return std::int64_t{sqlite3_last_insert_rowid(on_.get())};
    }
    const auto refused = refusal(code, in, writing(in), [&](std::size_t column) { return &values[column]; });
    // Of several broken constraints SQLite names the one that it came to first: checks before indexes.
    if ((code & 0xFF) == SQLITE_CONSTRAINT && !in.key_is_ordinal && !refused.is(errc::already_exists) &&
        !refused.is(errc::conflict)) {
        const auto there = find(in, values[in.key]);
        if (there && *there) return key_exists(in);
    }
    return refused;
}

result<> connection::patch(const table& in, const value& key, std::optional<std::int64_t> version,
                           std::span<const assignment> changes, std::optional<std::int64_t> ordinal) {
    const bool sound = std::ranges::all_of(changes, [&](const auto& one) {
        return fits(in, one) && !(in.key_is_ordinal && one.column == in.key);
    });
    const bool versioned = version && in.version;
    if (!sound || changes.empty() || !admits(in.columns[in.key], key))
        return refused_patch(in, key, version, changes);
    std::array<const value*, sql::columns_max> to{};
    sql::column_mask mask = 0;
    for (const auto& one : changes) {
        to[one.column] = &one.to;
        mask |= sql::column_mask{1} << one.column;
    }
    const auto by = prepared_patch(in, mask, versioned, ordinal.has_value());
    if (!by) return by.error();
    int code = SQLITE_OK;
    {
        run one(**by);
        for (std::size_t i = 0; i < to.size(); ++i)
            if (to[i]) bind_new(one, in.columns[i], *to[i]);
        bind_known(one, in.columns[in.key], key);
        if (versioned) one.bind(*version);
        if (ordinal) one.bind(*ordinal);
        code = one.step();
    }
    if (code != SQLITE_DONE)
        return refusal(code, in, writing(in), [&](std::size_t column) { return to[column]; });
    if (sqlite3_changes(on_.get()) > 0) return {};
    return ordinal ? patch(in, key, version, changes) : refused_patch(in, key, version, {});
}

result<> connection::refused_patch(const table& in, const value& key, std::optional<std::int64_t> version,
                                   std::span<const assignment> changes) {
    const auto found = find(in, key);
    if (!found) return found.error();
    if (!*found) return not_found_in(in);
    if (version && in.version && (*found)->values[*in.version] != value{*version})
        return error(errc::version_mismatch, "the row has another version");
    for (const auto& one : changes) {
        if (in.key_is_ordinal && one.column == in.key)
            return error(errc::conflict, "an ordinal stays what it is");
        if (!fits(in, one)) return cannot_hold(in, one.column);
    }
    return {};
}

result<> connection::erase(const table& in, const value& key) {
    if (!admits(in.columns[in.key], key)) return not_found_in(in);
    const auto by = prepared(erases_, in, sql::erase_text);
    if (!by) return by.error();
    run one(**by);
    bind_known(one, in.columns[in.key], key);
    if (const int code = one.step(); code != SQLITE_DONE) return failure(on_.get(), code, writing(in));
    if (sqlite3_changes(on_.get()) == 0) return not_found_in(in);
    return {};
}

error connection::refusal(int code, const table& in, std::string_view doing, const written_value& written) {
    if ((code & 0xFF) != SQLITE_CONSTRAINT) return failure(on_.get(), code, doing);
    if (code == SQLITE_CONSTRAINT_FOREIGNKEY) return broken_reference(in, written);
    return broken_constraint(in, code, sqlite3_errmsg(on_.get()));
}

// SQLite does not say which reference: the one whose row is not there.
error connection::broken_reference(const table& in, const written_value& written) {
    for (const auto& to : in.references) {
        const auto* v = written(to.column);
        const auto parent =
            std::ranges::find_if(schema(), [&](const auto* other) { return other->name == to.table; });
        if (!v || is_null(*v) || parent == schema().end()) continue;
        const auto found = find(**parent, *v);
        if (!found) return found.error();
        if (!*found) return error(to.violation, "there is no such row in " + std::string(to.table));
    }
    // Then the key was changed while rows still name the old one.
    for (const auto* other : schema())
        for (const auto& to : other->references)
            if (to.table == in.name)
                return error(to.violation, std::string(other->name) + " references the key");
    return error(errc::conflict, "a reference of " + std::string(in.name) + " is broken");
}

}  // namespace statetrack::sqlite
