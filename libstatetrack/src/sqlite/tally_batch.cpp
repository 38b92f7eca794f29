#include "sqlite/tally_batch.hpp"

#include <algorithm>

namespace statetrack::sqlite {
namespace {

const std::string add_text =
    "INSERT INTO \"tallies\" (\"tally\", \"key\", \"n\") VALUES (?1, ?2, ?3) "
    "ON CONFLICT (\"tally\", \"key\") DO UPDATE SET \"n\" = \"n\" + excluded.\"n\"";
// A count that falls is there. Where nothing is left of it, it goes.
const std::string drop_text = "DELETE FROM \"tallies\" WHERE \"tally\" = ?1 AND \"key\" = ?2 AND \"n\" = -?3";
const std::string take_text =
    "UPDATE \"tallies\" SET \"n\" = \"n\" + ?3 WHERE \"tally\" = ?1 AND \"key\" = ?2";

bool depends_on(const tally& t, std::size_t column) {
    return std::ranges::find(t.columns, column) != t.columns.end() ||
           std::ranges::any_of(t.where, [&](const auto& one) { return one.column == column; });
}

bool changes_it(const tally& t, std::span<const assignment> changes) {
    return std::ranges::any_of(changes, [&](const auto& one) { return depends_on(t, one.column); });
}

values_lying lying(const row& values) {
    values_lying all;
    for (const auto& v : values) all.push_back(&v);
    return all;
}

int run_with(const statement& by, const tally_entry& entry, std::int64_t sum) {
    run one(by);
    one.bind(entry.tally);
    one.bind_text(entry.key);
    one.bind(sum);
    const int code = one.step();
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

}  // namespace

bool tallied(const table& of, std::span<const assignment> changes) {
    return std::ranges::any_of(of.tallies, [&](const tally& t) { return changes_it(t, changes); });
}

void tally_batch::count(const table& of, const row& values, std::int64_t by) {
    const auto all = lying(values);
    for (std::size_t i = 0; i < of.tallies.size(); ++i) note(of, i, all, by);
}

void tally_batch::change(const table& of, const row& from, std::span<const assignment> changes) {
    const auto before = lying(from);
    auto after = before;
    for (const auto& one : changes) after[one.column] = &one.to;
    for (std::size_t i = 0; i < of.tallies.size(); ++i) {
        if (!changes_it(of.tallies[i], changes)) continue;
        note(of, i, before, -1);
        note(of, i, after, 1);
    }
}

void tally_batch::note(const table& of, std::size_t place, std::span<const value* const> values,
                       std::int64_t by) {
    const auto is_met = [&](const condition& c) {
        return (std::ranges::find(c.one_of, *values[c.column]) != c.one_of.end()) != c.negated;
    };
    if (!std::ranges::all_of(of.tallies[place].where, is_met)) return;
    const auto [at, is_new] = known_.try_emplace(entry_of(of, place, values, names_), entries_.size());
    if (is_new) {
        entries_.push_back(&at->first);
        sums_.push_back(0);
    }
    sums_[at->second] += by;
    noted_.push_back({at->second, by});
}

void tally_batch::undo_to(std::size_t mark) {
    for (; noted_.size() > mark; noted_.pop_back()) sums_[noted_.back().entry] -= noted_.back().by;
}

void tally_batch::clear() {
    noted_.clear();
    sums_.clear();
    entries_.clear();
    known_.clear();
}

std::int64_t tally_batch::pending(const tally_entry& entry) const {
    const auto at = known_.find(entry);
    return at == known_.end() ? 0 : sums_[at->second];
}

int tally_batch::prepare() {
    for (const auto& [to, text] :
         {std::pair(&add_, &add_text), std::pair(&drop_, &drop_text), std::pair(&take_, &take_text)}) {
        if (to->get()) continue;
        auto made = statement::prepare(on_, *text, "");
        if (!made) return sqlite3_extended_errcode(on_.get());
        *to = std::move(*made);
    }
    return SQLITE_OK;
}

int tally_batch::write() {
    if (noted_.empty()) return SQLITE_OK;
    if (const int code = prepare(); code != SQLITE_OK) return code;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        if (sums_[i] == 0) continue;
        if (const int code = write(*entries_[i], sums_[i]); code != SQLITE_OK) return code;
    }
    return SQLITE_OK;
}

int tally_batch::write(const tally_entry& to, std::int64_t sum) {
    if (sum > 0) return run_with(add_, to, sum);
    if (const int code = run_with(drop_, to, sum); code != SQLITE_OK) return code;
    return sqlite3_changes(on_.get()) > 0 ? SQLITE_OK : run_with(take_, to, sum);
}

}  // namespace statetrack::sqlite
