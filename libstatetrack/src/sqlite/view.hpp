// What a body sees of a connection: the seam's verbs, until SQLite gives the transaction up.
#pragma once

#include <optional>

#include "sqlite/connection.hpp"
#include "statetrack/storage.hpp"

namespace statetrack::sqlite {

// After some errors (a full disk, an I/O error) the whole transaction is gone, and every later verb would
// run, and commit, on its own: so they are refused with the error that it was lost by.
class view final : public transaction {
public:
    explicit view(connection& on) : on_(on) {}

    const std::optional<error>& lost_by() const noexcept { return lost_by_; }

    result<std::optional<stored_row>> find(const table& in, const value& key) override {
        return guarded([&] { return on_.find(in, key); });
    }
    result<std::vector<stored_row>> select(const table& in, const query& what) override {
        return guarded([&] { return on_.select(in, what); });
    }
    result<std::int64_t> count(const table& in, std::span<const condition> where) override {
        return guarded([&] { return on_.count(in, where); });
    }
    result<std::int64_t> insert(const table& in, const row& values) override {
        return guarded([&] { return on_.insert(in, values); });
    }
    result<> patch(const table& in, const value& key, std::optional<std::int64_t> version,
                   std::span<const assignment> changes) override {
        return guarded([&] { return on_.patch(in, key, version, changes); });
    }
    result<> beat(std::span<const struct beat> beats) override {
        return guarded([&] { return on_.beat(beats); });
    }
    result<> erase(const table& in, const value& key) override {
        return guarded([&] { return on_.erase(in, key); });
    }

private:
    template <class Verb>
    auto guarded(Verb verb) -> decltype(verb()) {
        if (lost_by_) return *lost_by_;
        auto answer = verb();
        if (!answer && !on_.on().in_transaction()) lost_by_ = answer.error();
        return answer;
    }

    connection& on_;
    std::optional<error> lost_by_;
};

}  // namespace statetrack::sqlite
