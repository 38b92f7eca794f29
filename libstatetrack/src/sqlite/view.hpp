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

    result<std::optional<stored_row>> find(const table& in, const value& key) override {
        auto found = guarded([&] { return on_.find(in, key); });
        if (!found || !*found || !memory_.is_about(in)) return found;
        memory_.keep_read(**found, since_);
        return found;
    }
    result<std::vector<stored_row>> select(const table& in, const query& what) override {
        if (is_in_memory(in, what)) {
            std::vector<stored_row> page;
            const auto done = look_through_memory(in, what, [&](std::int64_t ordinal, row_view values) {
                auto& one = page.emplace_back(stored_row{.ordinal = ordinal, .values = {}});
                one.values.reserve(values.size());
                for (const auto& v : values) one.values.push_back(to_value(v));
            });
            if (!done) return done.error();
            return page;
        }
        auto found = guarded([&] { return on_.select(in, what); });
        if (found && memory_.is_about(in))
            for (auto& one : *found) memory_.bring_up_to_committed(one, what.columns);
        return found;
    }
    result<> look_through(const table& in, const query& what, const row_look& look) override {
        return is_in_memory(in, what) ? look_through_memory(in, what, look)
                                      : look_through_selected(in, what, look);
    }
    result<std::int64_t> count(const table& in, std::span<const condition> where) override {
        return guarded([&] { return on_.count(in, where); });
    }
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

    result<> look_through_selected(const table& in, const query& what, const row_look& look) {
        return transaction::look_through(in, what, look);
    }

    connection& on_;
    row_memory& memory_;

private:
    // Of a longer page most is not in memory, or nobody waits for it.
    static constexpr std::size_t rows_from_memory_max = 512;

    bool is_in_memory(const table& in, const query& what) const {
        return memory_.is_about(in) && what.columns.empty() && what.limit <= rows_from_memory_max &&
               memory_.has_rows();
    }

    // Which rows, an index says; each is in memory, or found in the file by itself.
    result<> look_through_memory(const table& in, const query& what, const row_look& look) {
        const auto ordinals = guarded([&] { return on_.select_ordinals(in, what); });
        if (!ordinals) return ordinals.error();
        memory_.fetch(*ordinals);
        shown_values shown;
        for (std::span<const std::int64_t> left(*ordinals); !left.empty(); left = left.subspan(1)) {
            left = left.subspan(memory_.look_in_view(left, since_, look));
            if (left.empty()) break;
            auto found = guarded([&] { return on_.find_at(in, left.front()); });
            if (!found) return found.error();
            memory_.keep_read(*found, since_);
            show(found->values, shown);
            look(found->ordinal, shown);
        }
        return {};
    }

    const std::uint64_t since_;
    std::optional<error> lost_by_;
};

}  // namespace statetrack::sqlite
