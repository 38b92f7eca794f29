// How the memory store keeps a row: packed into one block, a fifth of what it takes as values, so that many
// more of them lie in the processor's caches. Numbers have places of their own and are changed there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "shown_values.hpp"
#include "statetrack/table.hpp"

namespace statetrack::memory {

// Where what lies in the blocks of one table: the ordinal, the numbers, a tag for each column, and behind
// them ids and texts in the columns' order.
class row_layout {
public:
    explicit row_layout(const std::vector<column>& columns);

    std::size_t columns() const noexcept { return number_at_.size(); }
    // Of a column of integers or times; 0 where it is another one.
    std::size_t number_at(std::size_t column) const noexcept { return number_at_[column]; }
    std::size_t tags_at() const noexcept { return tags_at_; }
    std::size_t rest_at() const noexcept { return tags_at_ + columns(); }

private:
    std::vector<std::size_t> number_at_;
    std::size_t tags_at_;
};

// A handle: the table keeps the layout, and the block until the row is erased or changed otherwise than by
// set_number.
class packed_row {
public:
    // The values must be what their columns admit.
    static std::size_t size_of(const row_layout& as, const row& values);
    static void pack(char* to, const row_layout& as, std::int64_t ordinal, const row& values);

    packed_row(const row_layout& as, char* at) : as_(&as), at_(at) {}

    std::int64_t ordinal() const noexcept;
    row values() const;
    // As they lie there: good until the row is changed.
    void show(shown_values& into) const;
    value_view at(std::size_t column) const;

    // Of a column of integers or times.
    std::optional<std::int64_t> number(std::size_t column) const noexcept;
    void set_number(std::size_t column, std::optional<std::int64_t> to) noexcept;

    // Has the processor fetch what show looks at first. Inlined, see place_set.
    [[gnu::always_inline]] void fetch() const noexcept {
        constexpr std::size_t line_bytes = 64;
        for (std::size_t n = 0; n < as_->rest_at() + line_bytes; n += line_bytes) __builtin_prefetch(at_ + n);
    }

private:
    char tag_byte(std::size_t column) const noexcept;
    // `rest`: what follows behind the tags from this column on. How much of that is its own.
    std::size_t show_value(std::size_t column, const char* rest, value_view& into) const;

    const row_layout* as_;
    char* at_;
};

}  // namespace statetrack::memory
