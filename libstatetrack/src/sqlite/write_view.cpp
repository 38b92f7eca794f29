#include "sqlite/write_view.hpp"

#include <algorithm>
#include <vector>

namespace statetrack::sqlite {
namespace {

bool is_beat_column(const table& in, std::size_t column) {
    return std::ranges::find(in.beat_columns, column) != in.beat_columns.end();
}

bool holds(const table& in, const struct beat& one) {
    const value columns[] = {one.last_heartbeat.ms,
                             one.last_progress_at ? value{one.last_progress_at->ms} : value{},
                             one.progress_seq, one.silence_until ? value{one.silence_until->ms} : value{}};
    for (std::size_t i = 0; i < in.beat_columns.size(); ++i)
        if (!admits(in.columns[in.beat_columns[i]], columns[i])) return false;
    return true;
}

}  // namespace

result<> write_view::begin() {
    if (!savepoints_ || begun_ || lost_by()) return {};
    if (const int code = on_.take(control::open_unit); code != SQLITE_OK)
        return guarded([&]() -> result<> { return failure(on_.on().get(), code, "beginning a unit"); });
    begun_ = true;
    return {};
}

int write_view::keep() { return begun_ ? on_.take(control::close_unit) : SQLITE_OK; }

int write_view::undo() {
    memory_.journal.undo_to(beats_before_);
    memory_.tallies.undo_to(counts_before_);
    if (wrote_) memory_.forget_written();
    if (!begun_) return SQLITE_OK;  // a name that a refused insert has brought stays
    on_.names().undo_to(names_before_);
    const int undone = on_.take(control::undo_unit);
    return undone == SQLITE_OK ? on_.take(control::close_unit) : undone;
}

result<std::optional<stored_row>> write_view::find(const table& in, const value& key) {
    const auto* id = memory_.is_about(in) ? std::get_if<uuid>(&key) : nullptr;
    if (lost_by()) return *lost_by();
    if (!id) return find_in_file(in, key);
    if (auto warm = memory_.find(*id)) return warm;
    auto found = guarded([&] { return on_.find(in, key); });
    if (!found || !*found) return found;
    memory_.keep(**found);
    return found;
}

result<std::optional<stored_row>> write_view::find_in_file(const table& in, const value& key) {
    if (auto known = seen_.find(in, key)) return known;
    auto found = guarded([&] { return on_.find(in, key); });
    if (found && *found) seen_.saw(in, **found);
    return found;
}

result<bool> write_view::look_at(const table& in, const value& key,
                                 const std::function<void(row_view)>& look) {
    const auto* id = memory_.is_about(in) ? std::get_if<uuid>(&key) : nullptr;
    if (lost_by()) return *lost_by();
    if (id && memory_.look_at(*id, look)) return true;
    return transaction::look_at(in, key, look);
}

result<std::vector<stored_row>> write_view::select(const table& in, const query& what) {
    auto found = guarded([&] { return on_.select(in, what); });
    if (!found) return found;
    if (memory_.is_about(in))
        for (auto& one : *found) memory_.bring_up_to_date(one, what.columns);
    else if (what.columns.empty())
        for (const auto& one : *found) seen_.saw(in, one);
    return found;
}

result<std::int64_t> write_view::count(const table& in, std::span<const condition> where) {
    const auto entries = tally_entries(in, where, on_.names());
    if (!entries) return view::count(in, where);
    auto all = guarded([&] { return on_.sum(in, *entries); });
    if (all)
        for (const auto& entry : *entries) *all += memory_.tallies.pending(entry);
    return all;
}

result<std::int64_t> write_view::insert(const table& in, const row& values) {
    if (auto begun = begin(); !begun) return begun.error();
    // Whoever finds it in this group must not keep it: the group may fail.
    const auto* id =
        memory_.is_about(in) && in.key < values.size() ? std::get_if<uuid>(&values[in.key]) : nullptr;
    if (id) memory_.inserted(*id);
    auto inserted = guarded([&] { return on_.insert(in, values); });
    if (!inserted) return inserted;
    wrote_ = true;
    memory_.tallies.count(in, values, 1);
    if (id) memory_.will_be({*inserted, values});
    return inserted;
}

result<> write_view::patch(const table& in, const value& key, std::optional<std::int64_t> version,
                           std::span<const assignment> changes) {
    if (auto begun = begin(); !begun) return begun;
    const auto* id = memory_.is_about(in) ? std::get_if<uuid>(&key) : nullptr;
    std::optional<stored_row> before;
    if (tallied(in, changes)) {
        auto found = find(in, key);
        if (!found) return found.error();
        before = std::move(*found);
    } else if (id) {
        before = memory_.find(*id);
    }
    // Where the row is found without the index of the keys.
    std::optional<std::int64_t> ordinal;
    if (before) ordinal = before->ordinal;
    if (id) memory_.wrote(*id);
    auto patched = guarded([&] { return on_.patch(in, key, version, changes, ordinal); });
    wrote_ = wrote_ || patched;
    if (patched && before) memory_.tallies.change(in, before->values, changes);
    if (patched) seen_.wrote(in, key, changes);
    if (!patched || !id) return patched;
    if (auto noted = journal_patch(in, *id, ordinal, changes); !noted || !before) return noted;
    for (const auto& one : changes) before->values[one.column] = one.to;
    memory_.will_be(std::move(*before));
    return {};
}

result<> write_view::journal_patch(const table& in, const uuid& key, std::optional<std::int64_t> ordinal,
                                   std::span<const assignment> changes) {
    const auto is_beat = [&](const assignment& one) { return is_beat_column(in, one.column); };
    if (std::ranges::none_of(changes, is_beat)) return {};
    if (!ordinal) {
        const auto found = ordinal_of(key);
        if (!found) return found.error();
        if (!*found) return {};
        ordinal = *found;
    }
    const auto journalled = memory_.journal.find(*ordinal);
    if (!journalled) return {};
    row values(in.columns.size());
    write_to(values, in, *journalled);
    for (const auto& one : changes) values[one.column] = one.to;
    memory_.journal.note(*ordinal, state_of(in, values));
    return {};
}

result<std::optional<std::int64_t>> write_view::ordinal_of(const uuid& key) {
    if (const auto warm = memory_.ordinal_of(key)) return warm;
    return guarded([&] { return on_.ordinal_of(memory_.of(), value{key}); });
}

result<> write_view::beat(std::span<const struct beat> beats) {
    if (lost_by()) return *lost_by();
    std::vector<std::pair<std::int64_t, beat_state>> known;
    known.reserve(beats.size());
    for (const auto& one : beats) {
        const auto ordinal = ordinal_of(one.key);
        if (!ordinal) return ordinal.error();
        if (!*ordinal) continue;
        if (!holds(memory_.of(), one)) return error(errc::conflict, "a beat holds what its column cannot");
        known.emplace_back(**ordinal, state_of(one));
    }
    for (const auto& [ordinal, state] : known) memory_.journal.note(ordinal, state);
    return {};
}

result<> write_view::erase(const table& in, const value& key) {
    if (auto begun = begin(); !begun) return begun;
    const auto gone = find(in, key);
    if (!gone) return gone.error();
    const auto counts_before = memory_.tallies.mark();
    result<> erased{};
    if (*gone) erased = uncount(in, (*gone)->values);
    if (const auto* id = memory_.is_about(in) ? std::get_if<uuid>(&key) : nullptr) memory_.wrote(*id);
    if (erased) erased = guarded([&] { return on_.erase(in, key); });
    wrote_ = wrote_ || erased;
    if (erased) seen_.forget();  // others may have gone with it
    if (!erased) memory_.tallies.undo_to(counts_before);
    return erased;
}

result<> write_view::uncount(const table& in, const row& values) {
    memory_.tallies.count(in, values, -1);
    for (const auto* other : schema()) {
        for (const auto& to : other->references) {
            if (to.table != in.name) continue;
            query page{.where = {{to.column, {values[in.key]}}}, .limit = select_rows_max};
            for (;;) {
                const auto rows = select(*other, page);
                if (!rows) return rows.error();
                for (const auto& one : *rows)
                    if (auto uncounted = uncount(*other, one.values); !uncounted) return uncounted;
                if (rows->size() < page.limit) break;
                page.after = rows->back().ordinal;
            }
        }
    }
    return {};
}

}  // namespace statetrack::sqlite
