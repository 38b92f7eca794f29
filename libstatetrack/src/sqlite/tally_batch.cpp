#include "sqlite/tally_batch.hpp"

#include <algorithm>

namespace statetrack::sqlite {
namespace {

const std::string add_text =
    "INSERT INTO \"tallies\" (\"tally\", \"key\", \"n\") VALUES (?1, ?2, ?3) "
    "ON CONFLICT (\"tally\", \"key\") DO UPDATE SET \"n\" = \"n\" + excluded.\"n\"";
const std::string drop_text = "DELETE FROM \"tallies\" WHERE \"tally\" = ?1 AND \"key\" = ?2 AND \"n\" = 0";

bool depends_on(const tally& t, std::size_t column) {
    return std::ranges::find(t.columns, column) != t.columns.end() ||
           std::ranges::any_of(t.where, [&](const auto& one) { return one.column == column; });
}

bool changes_it(const tally& t, std::span<const assignment> changes) {
    return std::ranges::any_of(changes, [&](const auto& one) { return depends_on(t, one.column); });
}

void bind_entry(run& to, const tally_entry& entry) {
    to.bind(entry.tally);
    to.bind_text(entry.key);
}

}  // namespace

bool tallied(const table& of, std::span<const assignment> changes) {
    return std::ranges::any_of(of.tallies, [&](const tally& t) { return changes_it(t, changes); });
}

void tally_batch::count(const table& of, const row& values, std::int64_t by) {
    for (std::size_t i = 0; i < of.tallies.size(); ++i)
        if (meets(values, of.tallies[i].where)) note(of, i, values, by);
}

void tally_batch::change(const table& of, const row& from, std::span<const assignment> changes) {
    row to = from;
    for (const auto& one : changes) to[one.column] = one.to;
    for (std::size_t i = 0; i < of.tallies.size(); ++i) {
        const auto& t = of.tallies[i];
        if (!changes_it(t, changes)) continue;
        if (meets(from, t.where)) note(of, i, from, -1);
        if (meets(to, t.where)) note(of, i, to, 1);
    }
}

void tally_batch::note(const table& of, std::size_t place, const row& values, std::int64_t by) {
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
    for (const auto& [to, text] : {std::pair(&add_, &add_text), std::pair(&drop_, &drop_text)}) {
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
        run add(add_);
        bind_entry(add, *entries_[i]);
        add.bind(sums_[i]);
        if (const int code = add.step(); code != SQLITE_DONE) return code;
        if (sums_[i] > 0) continue;
        run drop(drop_);
        bind_entry(drop, *entries_[i]);
        if (const int code = drop.step(); code != SQLITE_DONE) return code;
    }
    return SQLITE_OK;
}

}  // namespace statetrack::sqlite
