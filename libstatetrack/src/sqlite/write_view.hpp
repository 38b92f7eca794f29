// What the body of one unit sees of the writer's connection. With savepoints one is set when the unit first
// writes to the file: a plain heartbeat, which only the journal sees, needs none. Without, a unit that has
// written cannot be undone by itself, but SQLite need not copy every page that it writes to first, which is
// a quarter of what a write costs.
#pragma once

#include "sqlite/seen_rows.hpp"
#include "sqlite/view.hpp"

namespace statetrack::sqlite {

class write_view final : public view {
public:
    write_view(connection& on, row_memory& memory, bool savepoints)
        : view(on, memory, memory.writes()),
          beats_before_(memory.journal.mark()),
          counts_before_(memory.tallies.mark()),
          names_before_(on.names().mark()),
          savepoints_(savepoints) {}

    result<std::optional<stored_row>> find(const table& in, const value& key) override;
    result<bool> look_at(const table& in, const value& key,
                         const std::function<void(row_view)>& look) override;
    result<std::vector<stored_row>> select(const table& in, const query& what) override;
    result<> look_through(const table& in, const query& what, const row_look& look) override {
        return look_through_selected(in, what, look);
    }
    result<std::int64_t> count(const table& in, std::span<const condition> where) override;
    result<std::int64_t> insert(const table& in, const row& values) override;
    result<> patch(const table& in, const value& key, std::optional<std::int64_t> version,
                   std::span<const assignment> changes) override;
    result<> beat(std::span<const struct beat> beats) override;
    result<> erase(const table& in, const value& key) override;

    // Whether undo() can.
    bool can_undo() const noexcept { return savepoints_ || !wrote_; }
    // Ends the unit: what it wrote stays or goes. SQLite's code.
    int keep();
    int undo();

private:
    result<> begin();
    // Where a row is not in memory: the one seen before, or the file's.
    result<std::optional<stored_row>> find_in_file(const table& in, const value& key);
    result<std::optional<std::int64_t>> ordinal_of(const uuid& key);
    // Where the row's beat columns are written beside its journalled beats, those must say the same.
    result<> journal_patch(const table& in, const uuid& key, std::optional<std::int64_t> ordinal,
                           std::span<const assignment> changes);

    // Takes a row out of the counts, and with it the rows that go when it goes.
    result<> uncount(const table& in, const row& values);

    seen_rows seen_;
    std::size_t beats_before_;
    std::size_t counts_before_;
    std::size_t names_before_;
    bool savepoints_;
    bool begun_ = false;  // its savepoint
    bool wrote_ = false;
};

}  // namespace statetrack::sqlite
