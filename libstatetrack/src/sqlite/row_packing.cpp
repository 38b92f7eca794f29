#include "sqlite/row_packing.hpp"

#include <algorithm>
#include <cstring>

#include "sqlite/packed_bytes.hpp"

namespace statetrack::sqlite {
namespace {

enum mark : std::uint8_t { in_use = 1, used = 2, wide = 4, with_progress = 8, with_silence = 16 };

// Times and the sequence of a beat take 48 bits: times of the next 4 000 years.
constexpr std::size_t number_bytes = 6;
constexpr std::int64_t number_max = (std::int64_t{1} << 47) - 1;

constexpr std::size_t pass_at = 1;
constexpr std::size_t key_at = pass_at + sizeof(std::uint32_t);
constexpr std::size_t heartbeat_at = key_at + 16;
constexpr std::size_t progress_at = heartbeat_at + number_bytes;
constexpr std::size_t sequence_at = progress_at + number_bytes;
constexpr std::size_t silence_at = sequence_at + number_bytes;
constexpr std::size_t narrow_end = progress_at;
constexpr std::size_t wide_end = silence_at + number_bytes;

bool fits(std::int64_t number) { return number <= number_max && number >= -number_max; }
void write_number(char* to, std::int64_t number) {
    for (std::size_t i = 0; i < number_bytes; ++i) to[i] = static_cast<char>(number >> 8 * i);
}
std::int64_t read_number(const char* from) {
    std::uint64_t found = 0;
    for (std::size_t i = 0; i < number_bytes; ++i)
        found |= std::uint64_t{static_cast<unsigned char>(from[i])} << 8 * i;
    constexpr unsigned unused = 64 - 8 * number_bytes;
    return static_cast<std::int64_t>(found << unused) >> unused;
}

std::uint8_t flags_of(const char* packed) { return static_cast<std::uint8_t>(packed[0]); }
std::size_t head_size(const char* packed) { return flags_of(packed) & wide ? wide_end : narrow_end; }
std::string_view behind_head(std::string_view packed) { return packed.substr(head_size(packed.data())); }

bool needs_width(const beat_state& state) {
    return state.has_progress || state.has_silence || state.progress_seq != 0;
}

// Whether the bit for "is there" says all: an id that is the row's own, a boolean.
bool usual(const column& as, const value& v, const uuid& key) {
    if (as.nullable) return is_null(v);
    if (as.kind == column_kind::uuid) return std::get<uuid>(v) == key;
    return as.kind == column_kind::boolean && !std::get<bool>(v);
}

value_view usual_value(const column& as, const uuid& key) {
    if (as.nullable) return {};
    return as.kind == column_kind::uuid ? value_view{key} : value_view{false};
}

bool bit(std::string_view bits, std::size_t n) {
    return (static_cast<unsigned char>(bits[n / 8]) >> n % 8 & 1) != 0;
}
void set_bit(char* bits, std::size_t n) { bits[n / 8] = static_cast<char>(bits[n / 8] | 1 << n % 8); }

}  // namespace

row_packing::row_packing(const table& of, const name_book& names) : of_(of), names_(names) {
    for (std::size_t i = 0; i < of.columns.size(); ++i)
        if (i != of.key && std::ranges::find(of.beat_columns, i) == of.beat_columns.end())
            others_.push_back(i);
}

void row_packing::pack_value(std::string& to, const column& as, const value& v,
                             std::optional<std::int64_t>& base) const {
    switch (as.kind) {
        case column_kind::integer:
            return pack_signed(to, std::get<std::int64_t>(v));
        case column_kind::time: {
            const std::int64_t ms = std::get<std::int64_t>(v);
            pack_signed(to, static_cast<std::int64_t>(static_cast<std::uint64_t>(ms) -
                                                      static_cast<std::uint64_t>(base.value_or(0))));
            if (!base) base = ms;
            return;
        }
        case column_kind::boolean:
            if (as.nullable) to += std::get<bool>(v) ? '\1' : '\0';
            return;
        case column_kind::uuid:
            to.append(reinterpret_cast<const char*>(std::get<uuid>(v).bytes.data()), 16);
            return;
        case column_kind::enumeration: {
            const auto at = std::ranges::find(as.enumerators, std::get<std::string>(v));
            return sqlite::pack(to, static_cast<std::uint64_t>(at - as.enumerators.begin()));
        }
        case column_kind::text:
        case column_kind::json: {
            const auto& text = std::get<std::string>(v);
            sqlite::pack(to, text.size());
            to += text;
            return;
        }
    }
}

bool row_packing::pack(std::string& to, const stored_row& from) const {
    const auto state = state_of(of_, from.values);
    if (!is_packable(state)) return false;
    const auto& key = std::get<uuid>(from.values[of_.key]);
    to.assign(needs_width(state) ? wide_end : narrow_end, '\0');
    to[0] = static_cast<char>(in_use | used | (needs_width(state) ? wide : 0));
    std::memcpy(to.data() + key_at, key.bytes.data(), 16);
    set_beat(to.data(), state);
    pack_signed(to, from.ordinal);
    const std::size_t bits_at = to.size();
    to.append((others_.size() + 7) / 8, '\0');
    std::optional<std::int64_t> base;
    for (std::size_t n = 0; n < others_.size(); ++n) {
        const auto& as = of_.columns[others_[n]];
        const auto& v = from.values[others_[n]];
        if (usual(as, v, key)) continue;
        set_bit(to.data() + bits_at, n);
        if (!as.recurring) {
            pack_value(to, as, v, base);
        } else if (const auto name = names_.number_of(std::get<std::string>(v))) {
            sqlite::pack(to, static_cast<std::uint64_t>(*name));
        } else {
            return false;
        }
    }
    return true;
}

stored_row row_packing::unpack(std::string_view packed) const {
    shown_values shown;
    show(packed, shown);
    return {ordinal_of(packed.data()), to_values(shown)};
}

void row_packing::show(std::string_view packed, shown_values& into) const {
    const uuid key = key_of(packed.data());
    unpacker from(behind_head(packed));
    (void)from.signed_number();  // the ordinal
    into.assign(of_.columns.size(), value_view{});
    into[of_.key] = key;
    write_to(into, of_, beat_of(packed.data()));
    const auto bits = from.bytes((others_.size() + 7) / 8);
    std::optional<std::int64_t> base;
    for (std::size_t n = 0; n < others_.size(); ++n) {
        const auto& as = of_.columns[others_[n]];
        into[others_[n]] = bit(bits, n) ? show_value(from, as, base) : usual_value(as, key);
    }
}

value_view row_packing::show_value(unpacker& from, const column& as,
                                   std::optional<std::int64_t>& base) const {
    if (as.recurring) return names_.view_of(static_cast<std::int64_t>(from.number()));
    switch (as.kind) {
        case column_kind::integer:
            return from.signed_number();
        case column_kind::time: {
            const auto stored = static_cast<std::uint64_t>(from.signed_number());
            const auto ms = static_cast<std::int64_t>(stored + static_cast<std::uint64_t>(base.value_or(0)));
            if (!base) base = ms;
            return ms;
        }
        case column_kind::boolean:
            return !as.nullable || from.bytes(1) != std::string_view("\0", 1);
        case column_kind::uuid: {
            uuid id;
            std::memcpy(id.bytes.data(), from.bytes(16).data(), 16);
            return id;
        }
        case column_kind::enumeration:
            return as.enumerators[from.number()];
        case column_kind::text:
        case column_kind::json:
            return from.bytes(from.number());
    }
    return {};
}

uuid row_packing::key_of(const char* packed) {
    uuid key;
    std::memcpy(key.bytes.data(), packed + key_at, 16);
    return key;
}

std::int64_t row_packing::ordinal_of(const char* packed) {
    constexpr std::size_t varint_max = 10;
    return unpacker({packed + head_size(packed), varint_max}).signed_number();
}

std::uint32_t row_packing::pass_of(const char* packed) {
    std::uint32_t pass = 0;
    std::memcpy(&pass, packed + pass_at, sizeof pass);
    return pass;
}
void row_packing::set_pass(char* packed, std::uint32_t pass) {
    std::memcpy(packed + pass_at, &pass, sizeof pass);
}

bool row_packing::was_used(const char* packed) { return (flags_of(packed) & used) != 0; }
void row_packing::set_used(char* packed, bool to) {
    packed[0] = static_cast<char>(to ? flags_of(packed) | used : flags_of(packed) & ~used);
}

bool row_packing::is_packable(const beat_state& state) {
    return fits(state.last_heartbeat) && fits(state.last_progress_at) && fits(state.progress_seq) &&
           fits(state.silence_until);
}

beat_state row_packing::beat_of(const char* packed) {
    beat_state state{.last_heartbeat = read_number(packed + heartbeat_at)};
    if (!(flags_of(packed) & wide)) return state;
    state.has_progress = (flags_of(packed) & with_progress) != 0;
    state.has_silence = (flags_of(packed) & with_silence) != 0;
    state.last_progress_at = read_number(packed + progress_at);
    state.progress_seq = read_number(packed + sequence_at);
    state.silence_until = read_number(packed + silence_at);
    return state;
}

bool row_packing::set_beat(char* packed, const beat_state& state) {
    const auto flags = flags_of(packed);
    if (!is_packable(state) || (needs_width(state) && !(flags & wide))) return false;
    write_number(packed + heartbeat_at, state.last_heartbeat);
    if (!(flags & wide)) return true;
    write_number(packed + progress_at, state.last_progress_at);
    write_number(packed + sequence_at, state.progress_seq);
    write_number(packed + silence_at, state.silence_until);
    packed[0] =
        static_cast<char>((flags & ~(with_progress | with_silence)) |
                          (state.has_progress ? with_progress : 0) | (state.has_silence ? with_silence : 0));
    return true;
}

void row_packing::widen(std::string& to, std::string_view packed) {
    to.assign(packed);
    if (flags_of(packed.data()) & wide) return;
    to.insert(narrow_end, wide_end - narrow_end, '\0');
    to[0] = static_cast<char>(flags_of(packed.data()) | wide);
}

}  // namespace statetrack::sqlite
