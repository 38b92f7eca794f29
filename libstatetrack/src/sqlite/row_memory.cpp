#include "sqlite/row_memory.hpp"

#include <algorithm>

namespace statetrack::sqlite {

const table& beaten_table() {
    const auto in = std::ranges::find_if(schema(), [](const auto* t) { return !t->beat_columns.empty(); });
    return **in;
}

std::optional<stored_row> row_memory::find(const uuid& key) {
    std::optional<stored_row> found;
    {
        std::lock_guard lock(mutex_);
        found = warm_.find(key);
    }
    if (found) bring_up_to_date(*found);
    return found;
}

std::optional<std::int64_t> row_memory::ordinal_of(const uuid& key) {
    std::lock_guard lock(mutex_);
    return warm_.ordinal_of(key);
}

void row_memory::keep(const uuid& key, const stored_row& as_in_file) {
    std::lock_guard lock(mutex_);
    if (!written_.contains(key)) warm_.keep(key, as_in_file);
}

void row_memory::wrote(const uuid& key) {
    std::lock_guard lock(mutex_);
    if (!written_.insert(key).second) return;
    ++writes_;
    warm_.forget(key);
}

void row_memory::group_ended() {
    std::lock_guard lock(mutex_);
    if (written_.empty()) return;
    ++writes_;
    written_.clear();
}

std::uint64_t row_memory::writes() const {
    std::lock_guard lock(mutex_);
    return writes_;
}

void row_memory::keep_read(const uuid& key, const stored_row& found, std::uint64_t since) {
    std::lock_guard lock(mutex_);
    if (writes_ == since && !written_.contains(key)) warm_.keep(key, found);
}

void row_memory::bring_up_to_date(stored_row& found, std::span<const std::size_t> only) const {
    if (const auto state = journal.find(found.ordinal)) write_to(found.values, of_, only, *state);
}

// Later this may be all that says so. Should the commit fail, the journal says so for longer.
void row_memory::folded(const value& key, const beat_state& now) {
    const auto* id = std::get_if<uuid>(&key);
    if (!id) return;
    std::lock_guard lock(mutex_);
    ++writes_;  // a reader may be about to keep the row with an older beat
    auto row = warm_.find(*id);
    if (!row) return;
    write_to(row->values, of_, now);
    warm_.keep(*id, *row);
}

std::optional<stored_row> row_memory::find_committed(const uuid& key) {
    std::optional<stored_row> found;
    {
        std::lock_guard lock(mutex_);
        found = warm_.find(key);
    }
    if (found) bring_up_to_committed(*found);
    return found;
}

void row_memory::bring_up_to_committed(stored_row& found, std::span<const std::size_t> only) const {
    if (const auto state = journal.committed(found.ordinal)) write_to(found.values, of_, only, *state);
}

}  // namespace statetrack::sqlite
