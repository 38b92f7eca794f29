#include "sqlite/row_memory.hpp"

#include <algorithm>

namespace statetrack::sqlite {

const table& beaten_table() {
    const auto in = std::ranges::find_if(schema(), [](const auto* t) { return !t->beat_columns.empty(); });
    return **in;
}

row_memory::row_memory(const database& writer, const name_book& its_names, const table& of,
                       std::size_t bytes_max)
    : journal(writer, of, *this),
      tallies(writer, its_names),
      names(its_names),
      of_(of),
      warm_(of, its_names, bytes_max,
            [this](std::int64_t ordinal, const beat_state& state, std::uint32_t pass) {
                if (is_journalled(pass)) book_.keep(ordinal, state, pass);
            }) {}

std::optional<stored_row> row_memory::find(const uuid& key) {
    const auto known = future_.find(key);
    std::optional<stored_row> found = known != future_.end() ? known->second : find_committed(key);
    if (found)
        if (const auto* fresh = journal.noted(found->ordinal)) write_to(found->values, of_, *fresh);
    return found;
}

std::optional<std::int64_t> row_memory::ordinal_of(const uuid& key) const {
    std::lock_guard lock(mutex_);
    return warm_.ordinal_of(key);
}

void row_memory::keep(stored_row& as_in_file) {
    {
        std::lock_guard lock(mutex_);
        keep_unless_there(as_in_file);
    }
    if (const auto* fresh = journal.noted(as_in_file.ordinal)) write_to(as_in_file.values, of_, *fresh);
}

// What is there is as new, and its beats may be nowhere else.
void row_memory::keep_unless_there(stored_row& found) {
    const auto beat = journalled_beat_of(found.ordinal);
    if (beat) write_to(found.values, of_, beat->state);
    const auto& key = std::get<uuid>(found.values[of_.key]);
    if (written_.is_open(key) || warm_.contains(key)) return;
    if (warm_.keep(found, beat ? beat->pass : 0) && beat) book_.erase(found.ordinal);
}

void row_memory::wrote(const uuid& key) {
    future_.erase(key);
    std::lock_guard lock(mutex_);
    if (written_.changed(key)) warm_.forget(key);
}

void row_memory::inserted(const uuid& key) {
    std::lock_guard lock(mutex_);
    written_.inserted(key);
}

void row_memory::will_be(stored_row row) {
    const auto key = std::get<uuid>(row.values[of_.key]);
    future_.insert_or_assign(key, std::move(row));
}

void row_memory::group_ended() {
    std::lock_guard lock(mutex_);
    written_.group_ended();
    for (auto& [key, row] : future_) keep_unless_there(row);
    future_.clear();
}

std::uint64_t row_memory::writes() const {
    std::lock_guard lock(mutex_);
    return written_.newest();
}

void row_memory::keep_read(stored_row& found, std::uint64_t since) {
    std::lock_guard lock(mutex_);
    if (written_.unwritten_since(std::get<uuid>(found.values[of_.key]), since))
        keep_unless_there(found);
    else if (const auto beat = journalled_beat_of(found.ordinal))
        write_to(found.values, of_, beat->state);
}

void row_memory::bring_up_to_date(stored_row& found, std::span<const std::size_t> only) const {
    if (const auto state = journal.find(found.ordinal)) write_to(found.values, of_, only, *state);
}

std::optional<stored_row> row_memory::find_committed(const uuid& key) {
    std::lock_guard lock(mutex_);
    return warm_.find(key);
}

bool row_memory::look_at(const uuid& key, const std::function<void(row_view)>& look) {
    shown_values shown;
    std::lock_guard lock(mutex_);
    const auto ordinal = warm_.show(key, shown);
    if (!ordinal) return false;
    if (const auto* fresh = journal.noted(*ordinal)) write_to(std::span<value_view>(shown), of_, *fresh);
    look(shown);
    return true;
}

bool row_memory::look_at_committed(const uuid& key, const std::function<void(row_view)>& look) {
    shown_values shown;
    std::lock_guard lock(mutex_);
    if (!warm_.show(key, shown)) return false;
    look(shown);
    return true;
}

void row_memory::fetch(std::span<const std::int64_t> ordinals) const {
    std::lock_guard lock(mutex_);
    warm_.fetch(ordinals);
}

void row_memory::fetch(std::span<unit_of_work* const> group) {
    found_next_.clear();
    for (const auto* unit : group)
        if (unit->finds) found_next_.push_back(*unit->finds);
    std::lock_guard lock(mutex_);
    warm_.fetch(found_next_);
}

std::size_t row_memory::look_in_view(std::span<const std::int64_t> ordinals, std::uint64_t since,
                                     const reader::row_look& look) {
    shown_values shown;
    std::lock_guard lock(mutex_);
    for (std::size_t n = 0; n < ordinals.size(); ++n) {
        if (!warm_.show_at(ordinals[n], shown)) return n;
        if (!written_.unwritten_since(std::get<uuid>(shown[of_.key]), since)) return n;
        look(ordinals[n], shown);
    }
    return ordinals.size();
}

void row_memory::bring_up_to_committed(stored_row& found, std::span<const std::size_t> only) const {
    if (const auto state = journalled(found.ordinal)) write_to(found.values, of_, only, *state);
}

bool row_memory::has_rows() const {
    std::lock_guard lock(mutex_);
    return warm_.size() > 0;
}

bool row_memory::has_room() const {
    std::lock_guard lock(mutex_);
    return warm_.has_room();
}

void row_memory::expect(std::size_t rows) {
    std::lock_guard lock(mutex_);
    warm_.expect(rows);
}

bool row_memory::is_journalled(std::uint32_t pass) const noexcept {
    return pass == pass_ || (folding_ && pass + 1 == pass_ && pass != 0);
}

std::optional<beat_book::dated_beat> row_memory::journalled_beat_of(std::int64_t ordinal) const {
    const auto warm = warm_.beat_at(ordinal);
    if (!warm) return book_.find(ordinal);
    return is_journalled(warm->pass) ? warm : std::nullopt;
}

std::optional<beat_state> row_memory::journalled(std::int64_t ordinal) const {
    std::lock_guard lock(mutex_);
    const auto found = journalled_beat_of(ordinal);
    return found ? std::optional(found->state) : std::nullopt;
}

void row_memory::take(std::span<const journalled_beat> beats,
                      const std::function<void(std::int64_t ordinal)>& first) {
    std::lock_guard lock(mutex_);
    for (const auto& one : beats) {
        auto before = warm_.set_beat(one.ordinal, one.state, pass_);
        if (!before) before = book_.keep(one.ordinal, one.state, pass_);
        if (before != pass_) first(one.ordinal);
    }
}

void row_memory::begin_pass() {
    std::lock_guard lock(mutex_);
    ++pass_;
    folding_ = true;
}

void row_memory::end_pass() {
    std::lock_guard lock(mutex_);
    folding_ = false;
    book_.forget_up_to(pass_ - 1);
}

}  // namespace statetrack::sqlite
