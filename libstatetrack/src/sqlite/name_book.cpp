#include "sqlite/name_book.hpp"

namespace statetrack::sqlite {

std::string create_names() {
    return "CREATE TABLE \"names\" (\"number\" INTEGER PRIMARY KEY, \"text\" TEXT NOT NULL UNIQUE) STRICT";
}

// A number that is not there (its group was undone, others were committed) stands for a text that nobody can
// give.
result<> name_book::load(const database& on) {
    constexpr std::string_view doing = "reading the names";
    const auto by =
        statement::prepare(on, "SELECT \"number\", \"text\" FROM \"names\" ORDER BY \"number\"", doing);
    if (!by) return by.error();
    std::lock_guard lock(mutex_);
    run all(*by);
    int code = all.step();
    for (; code == SQLITE_ROW; code = all.step()) {
        const std::int64_t number = all.integer(0);
        if (number <= static_cast<std::int64_t>(texts_.size()))
            return error(errc::store_corrupt, std::string(doing) + ": a number is no number of a name");
        texts_.resize(index_of(number));
        written_.resize(index_of(number));
        texts_.push_back(all.text(1));
        written_.push_back(true);
        numbers_.emplace(texts_.back(), number);
    }
    if (code != SQLITE_DONE) return failure(on.get(), code, doing);
    return {};
}

std::optional<std::int64_t> name_book::number_of(std::string_view text) const {
    std::lock_guard lock(mutex_);
    const auto at = numbers_.find(text);
    return at == numbers_.end() ? std::nullopt : std::optional(at->second);
}

bool name_book::read(std::int64_t number, std::string& to) const {
    const auto text = view_of(number);
    to = text;
    return text.data() != nullptr;
}

std::string_view name_book::view_of(std::int64_t number) const {
    std::lock_guard lock(mutex_);
    if (number < 1 || index_of(number) >= texts_.size()) return {};
    return texts_[index_of(number)];
}

std::int64_t name_book::number_for(std::string_view text) {
    std::lock_guard lock(mutex_);
    if (const auto at = numbers_.find(text); at != numbers_.end()) return at->second;
    texts_.emplace_back(text);
    written_.push_back(false);
    const auto number = static_cast<std::int64_t>(texts_.size());
    numbers_.emplace(texts_.back(), number);
    return number;
}

void name_book::wrote(std::int64_t number) {
    written_[index_of(number)] = true;
    fresh_.push_back(number);
}

void name_book::undo_to(std::size_t mark) {
    for (; fresh_.size() > mark; fresh_.pop_back()) written_[index_of(fresh_.back())] = false;
}

}  // namespace statetrack::sqlite
