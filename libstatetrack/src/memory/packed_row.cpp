#include "memory/packed_row.hpp"

#include <cassert>
#include <cstring>
#include <string_view>

namespace statetrack::memory {
namespace {

enum class tag : char { null, number, no, yes, text, id };

constexpr std::size_t number_bytes = sizeof(std::int64_t);
constexpr std::size_t size_bytes = sizeof(std::uint32_t);
constexpr std::size_t id_bytes = sizeof(uuid::bytes);

template <class T>
T read_at(const char* at) {
    T what;
    std::memcpy(&what, at, sizeof what);
    return what;
}

template <class T>
void write_at(char* at, const T& what) {
    std::memcpy(at, &what, sizeof what);
}

tag tag_of(const value& v) {
    switch (v.index()) {
        case 1:
            return tag::number;
        case 2:
            return std::get<bool>(v) ? tag::yes : tag::no;
        case 3:
            return tag::text;
        case 4:
            return tag::id;
        default:
            return tag::null;
    }
}

// What a value takes behind the tags, by what begins there.
std::size_t rest_size(char tag_byte, const char* rest) {
    const auto of = static_cast<tag>(tag_byte);
    if (of == tag::id) return id_bytes;
    return of == tag::text ? size_bytes + read_at<std::uint32_t>(rest) : 0;
}

std::size_t rest_size(const value& v) {
    if (const auto* text = std::get_if<std::string>(&v)) return size_bytes + text->size();
    return std::holds_alternative<uuid>(v) ? id_bytes : 0;
}

}  // namespace

row_layout::row_layout(const std::vector<column>& columns) : tags_at_(number_bytes) {
    for (const auto& one : columns) {
        const bool number = one.kind == column_kind::integer || one.kind == column_kind::time;
        number_at_.push_back(number ? tags_at_ : 0);
        if (number) tags_at_ += number_bytes;
    }
}

std::size_t packed_row::size_of(const row_layout& as, const row& values) {
    std::size_t size = as.rest_at();
    for (const auto& v : values) size += rest_size(v);
    return size;
}

void packed_row::pack(char* to, const row_layout& as, std::int64_t ordinal, const row& values) {
    assert(values.size() == as.columns());
    write_at(to, ordinal);
    char* rest = to + as.rest_at();
    for (std::size_t i = 0; i < values.size(); ++i) {
        write_at(to + as.tags_at() + i, tag_of(values[i]));
        if (const auto* number = std::get_if<std::int64_t>(&values[i])) {
            write_at(to + as.number_at(i), *number);
        } else if (const auto* text = std::get_if<std::string>(&values[i])) {
            write_at(rest, static_cast<std::uint32_t>(text->size()));
            std::memcpy(rest + size_bytes, text->data(), text->size());
        } else if (const auto* id = std::get_if<uuid>(&values[i])) {
            write_at(rest, id->bytes);
        }
        rest += rest_size(values[i]);
    }
}

char packed_row::tag_byte(std::size_t column) const noexcept { return at_[as_->tags_at() + column]; }

std::size_t packed_row::show_value(std::size_t column, const char* rest, value_view& into) const {
    switch (static_cast<tag>(tag_byte(column))) {
        case tag::null:
            into.emplace<std::monostate>();
            break;
        case tag::number:
            into.emplace<std::int64_t>(read_at<std::int64_t>(at_ + as_->number_at(column)));
            break;
        case tag::no:
            into.emplace<bool>(false);
            break;
        case tag::yes:
            into.emplace<bool>(true);
            break;
        case tag::text: {
            const auto size = read_at<std::uint32_t>(rest);
            into.emplace<std::string_view>(rest + size_bytes, size);
            return size_bytes + size;
        }
        case tag::id:
            into.emplace<uuid>(read_at<uuid>(rest));
            return id_bytes;
    }
    return 0;
}

std::int64_t packed_row::ordinal() const noexcept { return read_at<std::int64_t>(at_); }

void packed_row::show(shown_values& into) const {
    into.resize(as_->columns());
    const char* rest = at_ + as_->rest_at();
    for (std::size_t i = 0; i < into.size(); ++i) rest += show_value(i, rest, into[i]);
}

value_view packed_row::at(std::size_t column) const {
    const char* rest = at_ + as_->rest_at();
    for (std::size_t i = 0; i < column; ++i) rest += rest_size(tag_byte(i), rest);
    value_view shown;
    (void)show_value(column, rest, shown);
    return shown;
}

row packed_row::values() const {
    shown_values shown;
    show(shown);
    return to_values(shown);
}

std::optional<std::int64_t> packed_row::number(std::size_t column) const noexcept {
    if (read_at<tag>(at_ + as_->tags_at() + column) == tag::null) return std::nullopt;
    return read_at<std::int64_t>(at_ + as_->number_at(column));
}

void packed_row::set_number(std::size_t column, std::optional<std::int64_t> to) noexcept {
    write_at(at_ + as_->tags_at() + column, to ? tag::number : tag::null);
    if (to) write_at(at_ + as_->number_at(column), *to);
}

}  // namespace statetrack::memory
