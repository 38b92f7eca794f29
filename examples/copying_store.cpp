#include "copying_store.hpp"

#include <algorithm>
#include <optional>

namespace example {
namespace {

using namespace statetrack;

// The unique indexes of a table, that of its key first.
std::vector<index_description> unique_indexes(const table& in) {
    std::vector<index_description> all{
        {.name = "key", .parts = {in.key}, .unique = true, .violation = errc::already_exists}};
    for (const auto& index : in.indexes)
        if (index.unique) all.push_back(index);
    return all;
}

// What the index compares; nothing where the row is not in it, or a null keeps it from being equal to any.
std::optional<row> entry_of(const index_description& index, const row& values) {
    if (!meets(values, index.where)) return std::nullopt;
    row entry;
    for (const auto part : index.parts) {
        const value& v = values[part];
        if (is_null(v)) return std::nullopt;
        entry.push_back(v);
    }
    return entry;
}

std::optional<std::int64_t> ordinal_of(const state& all, const table& in, const value& key) {
    const auto& keys = all[in.id].unique_entries.front();
    const auto found = keys.find({key});
    return found == keys.end() ? std::nullopt : std::optional(found->second);
}

bool in_range(const row& values, const query& what) {
    if (!what.range) return true;
    const auto* at = std::get_if<std::int64_t>(&values[*what.range]);  // null is outside every range
    return at && (!what.min || *at >= *what.min) && (!what.max || *at <= *what.max);
}

std::vector<stored_row> select_from(const state& all, const table& in, const query& what) {
    const bool up = what.order == direction::ascending;
    std::vector<stored_row> found;
    for (const auto& [ordinal, values] : all[in.id].rows) {
        const bool beyond = !what.after || (up ? ordinal > *what.after : ordinal < *what.after);
        if (beyond && in_range(*values, what) && meets(*values, what.where))
            found.push_back({ordinal, *values});
    }
    if (!up) std::ranges::reverse(found);
    if (what.order_by_range && what.range)  // stable, so that ties stay in the order of their ordinals
        std::ranges::stable_sort(found, [&](const stored_row& a, const stored_row& b) {
            const auto &left = a.values[*what.range], &right = b.values[*what.range];
            return up ? left < right : right < left;
        });
    const auto begin = std::min(what.offset, found.size());
    const auto length = std::min({what.limit, select_rows_max, found.size() - begin});
    found.erase(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(begin));
    found.resize(length);
    if (what.columns.empty()) return found;
    for (auto& one : found) {
        row some;
        for (const auto column : what.columns) some.push_back(std::move(one.values[column]));
        one.values = std::move(some);
    }
    return found;
}

void remove(state& all, const table& in, std::int64_t ordinal) {
    auto& content = all[in.id];
    const auto indexes = unique_indexes(in);
    for (std::size_t i = 0; i < indexes.size(); ++i)
        if (const auto entry = entry_of(indexes[i], *content.rows.at(ordinal)))
            content.unique_entries[i].erase(*entry);
    content.rows.erase(ordinal);
}

// A new row, or another in the place of one.
void put(state& all, const table& in, std::int64_t ordinal, row values) {
    auto& content = all[in.id];
    if (content.rows.contains(ordinal)) remove(all, in, ordinal);
    const auto indexes = unique_indexes(in);
    for (std::size_t i = 0; i < indexes.size(); ++i)
        if (auto entry = entry_of(indexes[i], values))
            content.unique_entries[i].emplace(std::move(*entry), ordinal);
    content.rows.emplace(ordinal, std::make_shared<const row>(std::move(values)));
    content.last_ordinal = std::max(content.last_ordinal, ordinal);
}

const table& table_named(std::string_view name) {
    return **std::ranges::find(schema(), name, [](const table* t) { return t->name; });
}

// Every promise that a table's description makes, looked at before anything is written.
result<> permitted(const state& all, const table& in, const row& values, std::int64_t self) {
    for (std::size_t i = 0; i < values.size(); ++i)
        if (!admits(in.columns[i], values[i]))
            return error(errc::conflict, "no value for " + std::string(in.columns[i].name));
    for (const auto& check : in.null_checks)
        if (is_null(values[check.column]) != meets(values, std::span(&check.when, 1)))
            return error(errc::conflict, std::string(check.name));
    const auto indexes = unique_indexes(in);
    for (std::size_t i = 0; i < indexes.size(); ++i) {
        const auto entry = entry_of(indexes[i], values);
        if (!entry) continue;
        const auto& taken = all[in.id].unique_entries[i];
        const auto holder = taken.find(*entry);
        if (holder != taken.end() && holder->second != self)
            return error(indexes[i].violation, std::string(indexes[i].name) + " is taken");
    }
    for (const auto& check : in.same_checks)
        if (meets(values, std::span(&check.when, 1)) && values[check.column] != values[check.same_as])
            return error(check.violation, std::string(check.name));
    for (const auto& to : in.references)
        if (!is_null(values[to.column]) && !ordinal_of(all, table_named(to.table), values[to.column]))
            return error(to.violation, "names no row of " + std::string(to.table));
    return {};
}

void erase_with_references(state& all, const table& in, std::int64_t ordinal) {
    const value key = (*all[in.id].rows.at(ordinal))[in.key];
    remove(all, in, ordinal);
    for (const table* other : schema())
        for (const auto& to : other->references) {
            if (to.table != in.name) continue;
            const query naming{.where = {{to.column, {key}}}, .limit = all[other->id].rows.size()};
            for (const auto& one : select_from(all, *other, naming))
                erase_with_references(all, *other, one.ordinal);
        }
}

// The three reading verbs, for both faces of the seam: Face is reader or transaction.
template <class Face, class State>
class reading : public Face {
public:
    explicit reading(State& all) : all_(all) {}

    result<std::optional<stored_row>> find(const table& in, const value& key) override {
        const auto ordinal = ordinal_of(all_, in, key);
        if (!ordinal) return std::optional<stored_row>{};
        return std::optional(stored_row{*ordinal, *all_[in.id].rows.at(*ordinal)});
    }

    result<std::vector<stored_row>> select(const table& in, const query& what) override {
        return select_from(all_, in, what);
    }

    result<std::int64_t> count(const table& in, std::span<const condition> where) override {
        return std::ranges::count_if(all_[in.id].rows,
                                     [&](const auto& one) { return meets(*one.second, where); });
    }

protected:
    State& all_;
};

using view = reading<reader, const state>;

class writing final : public reading<transaction, state> {
public:
    using reading::reading;

    result<std::int64_t> insert(const table& in, const row& values) override {
        const auto ordinal = all_[in.id].last_ordinal + 1;
        row complete = values;
        if (in.key_is_ordinal) complete[in.key] = ordinal;
        if (auto fine = permitted(all_, in, complete, ordinal); !fine) return fine.error();
        put(all_, in, ordinal, std::move(complete));
        return ordinal;
    }

    result<> patch(const table& in, const value& key, std::optional<std::int64_t> version,
                   std::span<const assignment> changes) override {
        const auto ordinal = ordinal_of(all_, in, key);
        if (!ordinal) return error(errc::not_found);
        row changed = *all_[in.id].rows.at(*ordinal);
        if (version && changed[*in.version] != value(*version)) return error(errc::version_mismatch);
        for (const auto& one : changes) changed[one.column] = one.to;
        if (auto fine = permitted(all_, in, changed, *ordinal); !fine) return fine;
        put(all_, in, *ordinal, std::move(changed));
        return {};
    }

    result<> beat(std::span<const struct beat> beats) override {
        const auto at = [](std::optional<timestamp> t) { return t ? value(t->ms) : value{}; };
        const table& in =
            **std::ranges::find_if(schema(), [](const table* t) { return !t->beat_columns.empty(); });
        for (const auto& one : beats) {
            const auto ordinal = ordinal_of(all_, in, one.key);
            if (!ordinal) continue;
            row changed = *all_[in.id].rows.at(*ordinal);
            changed[in.beat_columns[0]] = one.last_heartbeat.ms;
            changed[in.beat_columns[1]] = at(one.last_progress_at);
            changed[in.beat_columns[2]] = one.progress_seq;
            changed[in.beat_columns[3]] = at(one.silence_until);
            put(all_, in, *ordinal, std::move(changed));
        }
        return {};
    }

    result<> erase(const table& in, const value& key) override {
        const auto ordinal = ordinal_of(all_, in, key);
        if (!ordinal) return error(errc::not_found);
        erase_with_references(all_, in, *ordinal);
        return {};
    }
};

}  // namespace

copying_store::copying_store() {
    state empty(schema().size());
    for (const table* t : schema()) empty[t->id].unique_entries.resize(unique_indexes(*t).size());
    current_ = std::make_shared<const state>(std::move(empty));
}

void copying_store::execute(std::span<unit_of_work* const> group) {
    auto latest = current();
    for (unit_of_work* unit : group) {
        const auto draft = std::make_shared<state>(*latest);
        writing transaction(*draft);
        unit->outcome = run_body(*unit, transaction);
        if (unit->outcome) latest = draft;
    }
    // A store on disk would write here, and answer only once that is done.
    const std::lock_guard lock(mutex_);
    current_ = latest;
}

result<> copying_store::read(const std::function<result<>(reader&)>& body) {
    const auto seen = current();
    view from(*seen);
    return body(from);
}

std::shared_ptr<const state> copying_store::current() const {
    const std::lock_guard lock(mutex_);
    return current_;
}

}  // namespace example
