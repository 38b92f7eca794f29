#include "statetrack/memory_store.hpp"

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <string>
#include <variant>

#include "memory/made_of.hpp"
#include "memory/memory_table.hpp"
#include "memory/turnstile.hpp"

namespace statetrack {
namespace memory {
namespace {

struct database {
    std::vector<memory_table> tables;

    memory_table& operator[](const table& t) { return tables[t.id]; }
};

// What a write replaced, so that it can be put back.
struct replaced {
    memory_table* in = nullptr;
    std::int64_t ordinal = 0;
    // An inserted row; an erased one; changed columns; those of a beat.
    std::variant<std::monostate, row, std::vector<assignment>, memory_table::beaten_numbers> before{};
};

class memory_transaction final : public transaction {
public:
    explicit memory_transaction(database& on) : on_(on) {}

    result<std::optional<stored_row>> find(const table& in, const value& key) override {
        const auto found = on_[in].find(key);
        if (!found) return std::optional<stored_row>{};
        return std::optional<stored_row>{{found->ordinal(), found->values()}};
    }
    result<bool> look_at(const table& in, const value& key,
                         const std::function<void(row_view)>& look) override {
        const auto found = on_[in].find(key);
        if (!found) return false;
        if (const auto* id = std::get_if<uuid>(&key)) looked_at_ = seen_row{&on_[in], *id, *found};
        shown_values shown;
        found->show(shown);
        look(shown);
        return true;
    }
    result<std::vector<stored_row>> select(const table& in, const query& what) override {
        return on_[in].select(what);
    }
    result<std::int64_t> count(const table& in, std::span<const condition> where) override {
        return on_[in].count(where);
    }

    result<std::int64_t> insert(const table& in, const row& values) override;
    result<> patch(const table& in, const value& key, std::optional<std::int64_t> version,
                   std::span<const assignment> changes) override;
    result<> beat(std::span<const struct beat> beats) override;
    result<> erase(const table& in, const value& key) override;

    // Takes back everything since the beginning.
    void undo() noexcept;

private:
    std::optional<packed_row> beaten_row(const memory_table& in, const uuid& key) const;
    result<> check_references(const memory_table& from, const row& values);
    result<> check_still_referenced(const memory_table& to, const value& key);
    void erase_with_referents(memory_table& in, std::int64_t ordinal);

    // The newest one, until a row is changed otherwise than by a beat or goes: theirs mostly is this row.
    struct seen_row {
        const memory_table* in;
        uuid key;
        packed_row at;
    };

    database& on_;
    std::optional<seen_row> looked_at_;
    boost::container::small_vector<replaced, 2> undo_;
};

result<> memory_transaction::check_references(const memory_table& from, const row& values) {
    for (const auto& to : from.what().references) {
        if (is_null(values[to.column])) continue;
        const auto named =
            std::ranges::find(on_.tables, to.table, [](const auto& t) { return t.what().name; });
        if (!named->ordinal_of(values[to.column]))
            return error(to.violation, "there is no such row in " + std::string(to.table));
    }
    return {};
}

result<> memory_transaction::check_still_referenced(const memory_table& to, const value& key) {
    for (const auto& other : on_.tables)
        for (const auto& one : other.what().references)
            if (one.table == to.what().name &&
                !other.select({.where = {{one.column, {key}}}, .limit = 1}).empty())
                return error(one.violation, std::string(other.what().name) + " references the key");
    return {};
}

result<std::int64_t> memory_transaction::insert(const table& in, const row& values) {
    auto& here = on_[in];
    const auto& what = here.what();
    const std::int64_t ordinal = here.next_ordinal();
    row filled = values;
    if (what.key_is_ordinal && what.key < filled.size()) filled[what.key] = ordinal;
    if (auto fine = here.check(filled, std::nullopt); !fine) return fine.error();
    if (auto fine = check_references(here, filled); !fine) return fine.error();
    undo_.push_back({&here, ordinal});
    here.put(ordinal, filled);
    return ordinal;
}

result<> memory_transaction::patch(const table& in, const value& key, std::optional<std::int64_t> version,
                                   std::span<const assignment> changes) {
    looked_at_.reset();
    auto& here = on_[in];
    const auto found = here.find(key);
    if (!found) return error(errc::not_found, "no such row in " + std::string(in.name));
    const std::int64_t ordinal = found->ordinal();
    row changed = found->values();
    if (const auto& kept = here.what().version; kept && version && changed[*kept] != value{*version})
        return error(errc::version_mismatch, "the row has another version");
    for (const auto& one : changes) {
        if (one.column >= changed.size())
            return error(errc::conflict, "no such column in " + std::string(in.name));
        changed[one.column] = one.to;
    }
    if (auto fine = here.check(changed, ordinal, changes); !fine) return fine.error();
    if (auto fine = check_references(here, changed); !fine) return fine.error();
    const auto& what = here.what();
    if (changed[what.key] != key) {
        if (what.key_is_ordinal) return error(errc::conflict, "an ordinal stays what it is");
        if (auto fine = check_still_referenced(here, key); !fine) return fine.error();
    }
    undo_.push_back({&here, ordinal, here.change(ordinal, changes)});
    return {};
}

memory_table::beaten_numbers numbers_of(const struct beat& b) {
    const auto number = [](std::optional<timestamp> at) { return at ? std::optional(at->ms) : std::nullopt; };
    return {b.last_heartbeat.ms, number(b.last_progress_at), b.progress_seq, number(b.silence_until)};
}

bool admits(const table& in, const memory_table::beaten_numbers& numbers) {
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        const auto& to = in.columns[in.beat_columns[i]];
        if (numbers[i] ? to.min && *numbers[i] < *to.min : !to.nullable) return false;
    }
    return true;
}

std::optional<packed_row> memory_transaction::beaten_row(const memory_table& in, const uuid& key) const {
    if (looked_at_ && looked_at_->in == &in && looked_at_->key == key) return looked_at_->at;
    return in.find(key);
}

result<> memory_transaction::beat(std::span<const struct beat> beats) {
    const auto here =
        std::ranges::find_if(on_.tables, [](const auto& t) { return !t.what().beat_columns.empty(); });
    if (here == on_.tables.end()) return {};
    boost::container::small_vector<std::pair<packed_row, memory_table::beaten_numbers>, 1> hits;
    for (const auto& one : beats) {
        const auto at = beaten_row(*here, one.key);
        if (!at) continue;
        hits.emplace_back(*at, numbers_of(one));
        if (!admits(here->what(), hits.back().second))
            return error(errc::conflict, "a beat holds what its column cannot");
    }
    for (const auto& [at, to] : hits) undo_.push_back({&*here, at.ordinal(), here->beat(at, to)});
    return {};
}

result<> memory_transaction::erase(const table& in, const value& key) {
    looked_at_.reset();
    auto& here = on_[in];
    const auto ordinal = here.ordinal_of(key);
    if (!ordinal) return error(errc::not_found, "no such row in " + std::string(in.name));
    erase_with_referents(here, *ordinal);
    return {};
}

void memory_transaction::erase_with_referents(memory_table& in, std::int64_t ordinal) {
    row values = in.take(ordinal);
    const value key = values[in.what().key];
    undo_.push_back({&in, ordinal, std::move(values)});
    for (auto& other : on_.tables) {
        for (const auto& one : other.what().references) {
            if (one.table != in.what().name) continue;
            const query referents{.where = {{one.column, {key}}}, .limit = select_rows_max};
            for (auto page = other.select(referents); !page.empty(); page = other.select(referents))
                for (const auto& referent : page) erase_with_referents(other, referent.ordinal);
        }
    }
}

void memory_transaction::undo() noexcept {
    for (; !undo_.empty(); undo_.pop_back()) {
        auto& last = undo_.back();
        if (auto* erased = std::get_if<row>(&last.before))
            last.in->put(last.ordinal, *erased);
        else if (auto* changed = std::get_if<std::vector<assignment>>(&last.before))
            last.in->change(last.ordinal, *changed);
        else if (auto* beaten = std::get_if<memory_table::beaten_numbers>(&last.before))
            last.in->beat(last.ordinal, *beaten);
        else
            last.in->take(last.ordinal);
    }
}

class memory_store final : public store {
public:
    explicit memory_store(std::vector<table> tables) {
        for (auto& t : tables) tables_.tables.emplace_back(std::move(t));
        for (const auto& t : tables_.tables)
            if (!t.what().beat_columns.empty()) beaten_ = &t;
    }

    void execute(std::span<unit_of_work* const> group) override {
        const auto turn = turnstile_.write();
        for (auto* unit : group) {
            memory_transaction in(tables_);
            unit->outcome = run_body(*unit, in);
            if (!unit->outcome) in.undo();
        }
    }

    result<> read(const std::function<result<>(reader&)>& body) override {
        const auto turn = turnstile_.read();
        memory_transaction in(tables_);
        return body(in);
    }

    result<> read_at_once(const std::function<result<>(reader&)>& body) override {
        const auto turn = turnstile_.try_read();
        if (!turn) return error(errc::would_wait);
        memory_transaction in(tables_);
        return body(in);
    }

    void expect(const uuid& key) override {
        if (const auto turn = turnstile_.try_glance(); turn && beaten_) beaten_->fetch(key);
    }

    result<> checkpoint() override { return {}; }
    std::string_view name() const noexcept override { return "memory"; }

private:
    turnstile turnstile_;
    database tables_;
    const memory_table* beaten_ = nullptr;  // by heartbeats
};

}  // namespace
}  // namespace memory

std::unique_ptr<store> make_memory_store_of(std::vector<table> tables) {
    return std::make_unique<memory::memory_store>(std::move(tables));
}

std::unique_ptr<store> make_memory_store() {
    std::vector<table> tables;
    for (const auto* one : schema()) tables.push_back(*one);
    return make_memory_store_of(std::move(tables));
}

}  // namespace statetrack
