// The verbs of the storage seam on one SQLite connection, with the statements they have prepared.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "sql/verb_text.hpp"
#include "sqlite/handle.hpp"
#include "sqlite/name_book.hpp"
#include "sqlite/tallies.hpp"
#include "statetrack/storage.hpp"

namespace statetrack::sqlite {

enum class control : std::uint8_t {
    begin,
    begin_immediate,
    commit,
    rollback,
    open_unit,
    close_unit,
    undo_unit
};
inline constexpr std::size_t controls = 7;

// Not safe to share between threads without a lock of the owner's.
class connection {
public:
    // The names outlive it; those of the connection that writes are added to.
    connection(database on, name_book& names) : on_(std::move(on)), names_(names) {}

    const database& on() const noexcept { return on_; }
    name_book& names() const noexcept { return names_; }

    // SQLite's code: SQLITE_OK, or why not.
    int take(control step);

    result<std::optional<stored_row>> find(const table& in, const value& key);
    result<std::vector<stored_row>> select(const table& in, const query& what);
    // Of the rows that select would give, in the same order.
    result<std::vector<std::int64_t>> select_ordinals(const table& in, const query& what);
    // Of a row that is there.
    result<stored_row> find_at(const table& in, std::int64_t ordinal);
    result<std::int64_t> count(const table& in, std::span<const condition> where);
    // What the tallies say of these together.
    result<std::int64_t> sum(const table& in, std::span<const tally_entry> entries);
    result<std::int64_t> insert(const table& in, const row& values);
    // With the row's ordinal, where that is known, no index of the keys is looked through.
    result<> patch(const table& in, const value& key, std::optional<std::int64_t> version,
                   std::span<const assignment> changes, std::optional<std::int64_t> ordinal = {});
    // The row's ordinal.
    result<std::optional<std::int64_t>> ordinal_of(const table& in, const value& key);
    result<> erase(const table& in, const value& key);

private:
    using by_table = std::vector<statement>;
    using patch_shape = std::tuple<std::size_t, sql::column_mask, bool, bool>;

    result<const statement*> prepared(by_table& all, const table& in,
                                      std::string (*text)(const sql::dialect&, const table&));
    // Of queries of one shape.
    struct prepared_query {
        statement by;
        std::vector<sql::parameter> parameters{};
        bool ordered = true;
    };
    enum class query_verb : char { select = 's', ordinals = 'o', count = 'c' };
    template <class Text>
    result<const prepared_query*> prepared(query_verb verb, std::string shape, const table& in, Text text);
    result<const statement*> prepared_patch(const table& in, sql::column_mask changed, bool versioned,
                                            bool at_ordinal);

    // A value that is written, or compared with.
    void bind_new(run& to, const column& as, const value& v);
    void bind_known(run& to, const column& as, const value& v) const;
    // The values lie in `where`; `what` has the numbers.
    void bind_all(run& to, const prepared_query& by, const table& in, std::span<const condition> where,
                  const query& what) const;
    bool read(const run& from, int column, const struct column& as, value& to) const;
    int add_name(std::int64_t number, std::string_view text);
    // `only`: the columns that come; empty: all.
    result<stored_row> row_of(const run& from, const table& in, std::span<const std::size_t> only) const;
    // Why a patch that wrote no row did not.
    result<> refused_patch(const table& in, const value& key, std::optional<std::int64_t> version,
                           std::span<const assignment> changes);
    // `written`: the value that the failed statement gave a column; null where it gave none.
    using written_value = std::function<const value*(std::size_t column)>;
    error refusal(int code, const table& in, std::string_view doing, const written_value& written);
    error broken_reference(const table& in, const written_value& written);

    database on_;  // outlives its statements
    name_book& names_;
    statement add_name_;
    std::array<statement, controls> controls_{};
    by_table finds_, finds_at_, ordinals_, inserts_, erases_;
    std::map<patch_shape, statement> patches_;
    statement sum_;
    std::unordered_map<std::string, prepared_query> queries_;
};

}  // namespace statetrack::sqlite
