// Texts that recur in many rows (of projects and machines, of kinds of events), each kept once in the file,
// in a table of its own, and in rows and indexes as its number. All are in memory too, since every row has
// some.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sqlite/handle.hpp"

namespace statetrack::sqlite {

inline constexpr std::string_view names_name = "names";
// Parameters: the number, the text.
inline constexpr const char* add_name_text = "INSERT INTO \"names\" (\"number\", \"text\") VALUES (?1, ?2)";

std::string create_names();

// Numbers are safe to ask for from any thread. Those that a group of the writer's has added are in memory at
// once, where they do no harm: no committed row has them yet. Whether the file has them too is the writer's
// to know.
class name_book {
public:
    // Of the database that it is opened with, before anything else asks.
    result<> load(const database& on);

    // Nothing where no row can have the text.
    std::optional<std::int64_t> number_of(std::string_view text) const;
    // False where there is no such number.
    bool read(std::int64_t number, std::string& to) const;
    // Good for as long as the book is; empty where there is no such number.
    std::string_view view_of(std::int64_t number) const;

    // The writer's, in its turn. A text that is new gets the next number.
    std::int64_t number_for(std::string_view text);
    bool is_written(std::int64_t number) const { return written_[index_of(number)]; }
    void wrote(std::int64_t number);
    // Of the open group: what was written since the mark is not in the file any more.
    std::size_t mark() const noexcept { return fresh_.size(); }
    void undo_to(std::size_t mark);
    void committed() { fresh_.clear(); }

private:
    static std::size_t index_of(std::int64_t number) { return static_cast<std::size_t>(number - 1); }

    mutable std::mutex mutex_;       // guards texts_ and numbers_
    std::deque<std::string> texts_;  // by number, from 1; never moved
    boost::unordered_flat_map<std::string_view, std::int64_t> numbers_;
    std::vector<bool> written_;
    std::vector<std::int64_t> fresh_;
};

}  // namespace statetrack::sqlite
