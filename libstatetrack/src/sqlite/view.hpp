// What a body sees of a connection: the seam's verbs, until SQLite gives the transaction up.
#pragma once

#include <optional>

#include "sqlite/connection.hpp"
#include "sqlite/row_memory.hpp"
#include "statetrack/storage.hpp"

namespace statetrack::sqlite {

// Of a connection that reads; what it finds is kept in memory, for the next who ask. After some errors (a
// full disk, an I/O error) the whole transaction is gone, and every later verb would run, and commit, on its
// own: so they are refused with the error that it was lost by.
class view : public transaction {
public:
    // `since`: memory.writes() of before what is seen began.
    view(connection& on, row_memory& memory, std::uint64_t since) : on_(on), memory_(memory), since_(since) {}

    const std::optional<error>& lost_by() const noexcept { return lost_by_; }

    result<std::optional<stored_row>> find(const table& in, const value& key) override;
    result<std::vector<stored_row>> select(const table& in, const query& what) override;
    result<> look_through(const table& in, const query& what, const row_look& look) override;
    result<std::int64_t> count(const table& in, std::span<const condition> where) override;
    result<std::int64_t> insert(const table&, const row&) override { return read_only(); }
    result<> patch(const table&, const value&, std::optional<std::int64_t>,
                   std::span<const assignment>) override {
        return read_only();
    }
    result<> beat(std::span<const struct beat>) override { return read_only(); }
    result<> erase(const table&, const value&) override { return read_only(); }

protected:
    static error read_only() { return error(errc::store_unavailable, "this connection only reads"); }

    template <class Verb>
    auto guarded(Verb verb) -> decltype(verb()) {
        if (lost_by_) return *lost_by_;
        auto answer = verb();
        if (!answer && !on_.on().in_transaction()) lost_by_ = answer.error();
        return answer;
    }

    result<> look_through_selected(const table& in, const query& what, const row_look& look);

    connection& on_;
    row_memory& memory_;

private:
    bool is_in_memory(const table& in, const query& what) const;
    // Which rows, an index says; each is in memory, or found in the file by itself.
    result<> look_through_memory(const table& in, const query& what, const row_look& look);

    const std::uint64_t since_;
    std::optional<error> lost_by_;
};

}  // namespace statetrack::sqlite
