#include "sqlite/warm_rows.hpp"

#include <algorithm>
#include <cstring>

#include "sqlite/packed_bytes.hpp"

namespace statetrack::sqlite {
namespace {

// What an entry takes beside its packed bytes: its place in a map that is partly empty, an allocation's own.
constexpr std::size_t entry_overhead = 56;
constexpr std::size_t size_bytes = sizeof(std::uint32_t);

std::size_t packed_size(const char* row) {
    std::uint32_t size = 0;
    std::memcpy(&size, row, size_bytes);
    return size;
}
std::string_view packed_text(const char* row) { return {row + size_bytes, packed_size(row)}; }

// 0: null. Else what the column's kind needs, an enumerator by its place.
void pack_value(std::string& to, const column& as, const value& v) {
    if (is_null(v)) {
        to += '\0';
        return;
    }
    to += '\1';
    switch (as.kind) {
        case column_kind::integer:
        case column_kind::time:
            return pack_signed(to, std::get<std::int64_t>(v));
        case column_kind::boolean:
            to += std::get<bool>(v) ? '\1' : '\0';
            return;
        case column_kind::uuid:
            to.append(reinterpret_cast<const char*>(std::get<uuid>(v).bytes.data()), 16);
            return;
        case column_kind::enumeration: {
            const auto at = std::ranges::find(as.enumerators, std::get<std::string>(v));
            return pack(to, static_cast<std::uint64_t>(at - as.enumerators.begin()));
        }
        case column_kind::text:
        case column_kind::json: {
            const auto& text = std::get<std::string>(v);
            pack(to, text.size());
            to += text;
            return;
        }
    }
}

value unpack_value(unpacker& from, const column& as) {
    if (from.bytes(1) == std::string_view("\0", 1)) return {};
    switch (as.kind) {
        case column_kind::integer:
        case column_kind::time:
            return from.signed_number();
        case column_kind::boolean:
            return from.bytes(1) != std::string_view("\0", 1);
        case column_kind::uuid: {
            uuid id;
            std::memcpy(id.bytes.data(), from.bytes(16).data(), 16);
            return id;
        }
        case column_kind::enumeration:
            return std::string(as.enumerators[from.number()]);
        case column_kind::text:
        case column_kind::json:
            return std::string(from.bytes(from.number()));
    }
    return {};
}

}  // namespace

const char* warm_rows::look_up(const uuid& key) {
    if (const auto at = young_.rows.find(key); at != young_.rows.end()) return at->second.get();
    const auto at = old_.rows.find(key);
    if (at == old_.rows.end()) return nullptr;
    packed moved = std::move(at->second);
    const char* row = moved.get();
    old_.rows.erase(at);
    old_.bytes -= std::min(old_.bytes, packed_size(row) + entry_overhead);
    put(key, std::move(moved));
    return row;
}

std::optional<stored_row> warm_rows::find(const uuid& key) {
    const char* row = look_up(key);
    if (!row) return std::nullopt;
    unpacker from(packed_text(row));
    stored_row found{.ordinal = from.signed_number(), .values = {}};
    found.values.reserve(of_.columns.size());
    for (const auto& c : of_.columns) found.values.push_back(unpack_value(from, c));
    return found;
}

std::optional<std::int64_t> warm_rows::ordinal_of(const uuid& key) {
    const char* row = look_up(key);
    if (!row) return std::nullopt;
    return unpacker(packed_text(row)).signed_number();
}

void warm_rows::keep(const uuid& key, const stored_row& found) {
    scratch_.clear();
    pack_signed(scratch_, found.ordinal);
    for (std::size_t i = 0; i < of_.columns.size(); ++i)
        pack_value(scratch_, of_.columns[i], found.values[i]);
    const std::size_t takes = scratch_.size() + entry_overhead;
    forget(key);
    if (takes > bytes_max_ / 8) return;  // one that would drive all others out
    auto row = std::make_unique<char[]>(size_bytes + scratch_.size());
    const auto size = static_cast<std::uint32_t>(scratch_.size());
    std::memcpy(row.get(), &size, size_bytes);
    std::memcpy(row.get() + size_bytes, scratch_.data(), scratch_.size());
    put(key, std::move(row));
}

void warm_rows::put(const uuid& key, packed row) {
    young_.bytes += packed_size(row.get()) + entry_overhead;
    if (young_.bytes > bytes_max_ / 2) {
        old_ = std::move(young_);
        young_ = {};
        young_.bytes = packed_size(row.get()) + entry_overhead;
        old_.bytes -= young_.bytes;
    }
    young_.rows.insert_or_assign(key, std::move(row));
}

void warm_rows::forget(const uuid& key) {
    for (auto* one : {&young_, &old_}) {
        const auto at = one->rows.find(key);
        if (at == one->rows.end()) continue;
        one->bytes -= std::min(one->bytes, packed_size(at->second.get()) + entry_overhead);
        one->rows.erase(at);
        return;
    }
}

}  // namespace statetrack::sqlite
