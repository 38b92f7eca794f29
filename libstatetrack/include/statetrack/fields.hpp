// Walks a described struct: from one description per entity or request come rows, JSON, request decoding and
// schemas. Knows no entity and no backend.
#pragma once

#include <algorithm>
#include <array>
#include <boost/describe.hpp>
#include <boost/json/value.hpp>
#include <boost/mp11.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "statetrack/clock.hpp"
#include "statetrack/ids.hpp"
#include "statetrack/json_text.hpp"
#include "statetrack/table.hpp"

namespace statetrack {

// Boost.Describe has no attributes, so notes hang on the member pointer.
struct field_notes {
    std::string_view doc{};
    bool required = false;              // of a request: must be given, and not null
    bool hidden = false;                // stored, not shown
    bool recurring = false;             // of text that is stored: few different ones in many rows
    bool in_path = false;               // of a request: named by the URL's path, not by the body
    std::optional<std::int64_t> min{};  // of an integer, or of each in a list
    std::optional<std::int64_t> max{};
    std::size_t length_min = 0;  // of text, in characters (code points)
    std::size_t length_max = 0;  // of text, or of a list in elements; 0: no bound but the body's
    std::size_t bytes_max = 0;   // of JSON, serialized; 0: no bound
    std::string_view one_of{};   // of text: a comma-separated list of the only values
    std::string_view example{};  // a likely value, as text or as JSON
};
template <auto Member>
inline constexpr field_notes notes_of{};

// A member of a PATCH or a heartbeat: not mentioned, null (clears), or a value.
template <class T>
struct change {
    bool given = false;
    std::optional<T> to{};

    change() = default;
    change(T v) : given(true), to(std::move(v)) {}
    change(std::nullopt_t) : given(true) {}
    template <class U>
    requires(std::is_convertible_v<U, T> && !std::is_same_v<std::remove_cvref_t<U>, change>) change(U&& v)
        : given(true), to(T(std::forward<U>(v))) {}
    friend bool operator==(const change&, const change&) = default;
};

template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};
template <class T>
struct is_change : std::false_type {};
template <class T>
struct is_change<change<T>> : std::true_type {};

// Calls f(name, member_pointer_constant) for each described member, in order.
template <class T, class F>
constexpr void for_each_member(F&& f) {
    boost::mp11::mp_for_each<boost::describe::describe_members<T, boost::describe::mod_public>>([&](auto d) {
        f(std::string_view(d.name), std::integral_constant<decltype(d.pointer), d.pointer>{});
    });
}

template <class T>
inline constexpr std::size_t described_members =
    boost::mp11::mp_size<boost::describe::describe_members<T, boost::describe::mod_public>>::value;
template <class E>
inline constexpr std::size_t described_enumerators =
    boost::mp11::mp_size<boost::describe::describe_enumerators<E>>::value;
// Becomes a value of any type, in expressions that are never evaluated.
struct any_value {
    template <class T>
    operator T() const;
};
template <class T, std::size_t... I>
consteval bool is_made_of(std::index_sequence<I...>) {
    return requires { T{(static_cast<void>(I), any_value{})...}; };
}
// A field left out of the description would silently be neither stored nor shown. An aggregate takes a value
// for each of its members and none more. (Boost.PFR would search for their number: a third of a second a
// file.)
template <class T>
inline constexpr bool fully_described = is_made_of<T>(std::make_index_sequence<described_members<T>>{}) &&
                                        !is_made_of<T>(std::make_index_sequence<described_members<T> + 1>{});

template <class E>
std::string_view enum_name(E e) {
    return boost::describe::enum_to_string(e, "");
}

template <class E>
std::optional<E> enum_from_name(std::string_view name) {
    std::optional<E> found;
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<E>>([&](auto d) {
        if (!found && name == d.name) found = d.value;
    });
    return found;
}

template <class E>
const std::vector<std::string_view>& enum_names() {
    static const std::vector<std::string_view> names = [] {
        std::vector<std::string_view> list;
        boost::mp11::mp_for_each<boost::describe::describe_enumerators<E>>(
            [&](auto d) { list.emplace_back(d.name); });
        return list;
    }();
    return names;
}

// Each appends one value as JSON.
void append_json_string(std::string& out, std::string_view text);  // quotes included
void append_json(std::string& out, std::int64_t number);
void append_json(std::string& out, timestamp at);
void append_json(std::string& out, const uuid& id);
// A primitive by its column's kind: a uuid and a time as their text, an enumeration as its name, JSON as it
// is.
void append_json(std::string& out, column_kind kind, const value& v);

// One trait a field type: its kind, its way to and from a primitive, and into JSON.
template <class T, class = void>
struct projection;

template <>
struct projection<std::string> {
    static constexpr column_kind kind = column_kind::text;
    static value to(const std::string& v) { return v; }
    static std::string from(const value& v) { return std::get<std::string>(v); }
    static std::string from(value&& v) { return std::get<std::string>(std::move(v)); }
    static std::string from(const value_view& v) { return std::string(text_of(v)); }
    static void append(std::string& out, const std::string& v) { append_json_string(out, v); }
};
template <>
struct projection<std::int64_t> {
    static constexpr column_kind kind = column_kind::integer;
    static value to(std::int64_t v) { return v; }
    template <class Value>
    static std::int64_t from(const Value& v) {
        return std::get<std::int64_t>(v);
    }
    static void append(std::string& out, std::int64_t v) { append_json(out, v); }
};
template <>
struct projection<bool> {
    static constexpr column_kind kind = column_kind::boolean;
    static value to(bool v) { return v; }
    template <class Value>
    static bool from(const Value& v) {
        return std::get<bool>(v);
    }
    static void append(std::string& out, bool v) { out += v ? "true" : "false"; }
};
template <>
struct projection<uuid> {
    static constexpr column_kind kind = column_kind::uuid;
    static value to(const uuid& v) { return v; }
    template <class Value>
    static uuid from(const Value& v) {
        return std::get<uuid>(v);
    }
    static void append(std::string& out, const uuid& v) { append_json(out, v); }
};
template <>
struct projection<timestamp> {
    static constexpr column_kind kind = column_kind::time;
    static value to(timestamp v) { return v.ms; }
    template <class Value>
    static timestamp from(const Value& v) {
        return {std::get<std::int64_t>(v)};
    }
    static void append(std::string& out, timestamp v) { append_json(out, v); }
};
template <>
struct projection<json_text> {
    static constexpr column_kind kind = column_kind::json;
    static value to(const json_text& v) { return v.text(); }
    static json_text from(const value& v) { return json_text::trusted(std::get<std::string>(v)); }
    static json_text from(value&& v) { return json_text::trusted(std::get<std::string>(std::move(v))); }
    static json_text from(const value_view& v) { return json_text::trusted(std::string(text_of(v))); }
    static void append(std::string& out, const json_text& v) { out += v.text(); }
};
template <>
struct projection<std::vector<std::int64_t>> {  // a JSON array
    static constexpr column_kind kind = column_kind::json;
    static value to(const std::vector<std::int64_t>& v);
    static std::vector<std::int64_t> from(std::string_view list);
    template <class Value>
    static std::vector<std::int64_t> from(const Value& v) {
        return from(text_of(v));
    }
    static void append(std::string& out, const std::vector<std::int64_t>& v);
};
template <class E>
struct projection<E, std::enable_if_t<std::is_enum_v<E>>> {
    static constexpr column_kind kind = column_kind::enumeration;
    static value to(E v) { return std::string(enum_name(v)); }
    template <class Value>
    static E from(const Value& v) {
        return enum_from_name<E>(text_of(v)).value();
    }
    static void append(std::string& out, E v) { append_json_string(out, enum_name(v)); }
};
template <class T>
struct projection<std::optional<T>> {
    static constexpr column_kind kind = projection<T>::kind;
    static value to(const std::optional<T>& v) { return v ? projection<T>::to(*v) : value{}; }
    template <class Value>
    static std::optional<T> from(Value&& v) {
        if (std::holds_alternative<std::monostate>(v)) return std::nullopt;
        return projection<T>::from(std::forward<Value>(v));
    }
    static void append(std::string& out, const std::optional<T>& v) {
        if (v)
            projection<T>::append(out, *v);
        else
            out += "null";
    }
};

template <class T>
std::vector<column> columns_of() {
    static_assert(fully_described<T>);
    std::vector<column> columns;
    for_each_member<T>([&](std::string_view name, auto member) {
        using field = std::remove_cvref_t<decltype(std::declval<T&>().*member.value)>;
        column c{.name = name, .kind = projection<field>::kind, .nullable = is_optional<field>::value};
        if constexpr (is_optional<field>::value) {
            if constexpr (std::is_enum_v<typename field::value_type>)
                c.enumerators = enum_names<typename field::value_type>();
        } else if constexpr (std::is_enum_v<field>) {
            c.enumerators = enum_names<field>();
        }
        if (c.kind == column_kind::integer) c.min = notes_of<member.value>.min;
        c.recurring = notes_of<member.value>.recurring;
        columns.push_back(std::move(c));
    });
    return columns;
}

template <class T, auto Member>
constexpr std::size_t place_of_member() {
    std::size_t at = 0, found = described_members<T>;
    for_each_member<T>([&](std::string_view, auto member) {
        // The value of an integral_constant is const, which a template argument's type is not.
        if constexpr (std::is_same_v<std::remove_cv_t<decltype(member.value)>, decltype(Member)>)
            if (member.value == Member) found = at;
        ++at;
    });
    return found;
}

template <class T>
struct class_of_member;
template <class T, class M>
struct class_of_member<M T::*> {
    using type = T;
};

// The place of a member among the columns.
template <auto Member>
constexpr std::size_t column_of() {
    using entity = typename class_of_member<decltype(Member)>::type;
    constexpr std::size_t place = place_of_member<entity, Member>();
    static_assert(place < described_members<entity>, "not a described member");
    return place;
}

template <class T>
row to_row(const T& entity) {
    row values;
    values.reserve(described_members<T>);
    for_each_member<T>([&](std::string_view, auto member) {
        using field = std::remove_cvref_t<decltype(entity.*member.value)>;
        values.push_back(projection<field>::to(entity.*member.value));
    });
    return values;
}

// From some of the columns, in the table's order; the other members stay as they are by default.
template <class T>
T from_columns(std::span<const std::size_t> columns, row values) {
    T entity;
    std::size_t member_at = 0, at = 0;
    for_each_member<T>([&](std::string_view, auto member) {
        using field = std::remove_cvref_t<decltype(entity.*member.value)>;
        if (at < columns.size() && columns[at] == member_at)
            entity.*member.value = projection<field>::from(std::move(values[at++]));
        ++member_at;
    });
    return entity;
}

// Texts of a row that is not needed any more are taken over.
template <class T, class Row>
void read_row(Row&& values, T& entity) {
    std::size_t at = 0;
    for_each_member<T>([&](std::string_view, auto member) {
        using field = std::remove_cvref_t<decltype(entity.*member.value)>;
        if constexpr (std::is_lvalue_reference_v<Row>)
            entity.*member.value = projection<field>::from(values[at++]);
        else
            entity.*member.value = projection<field>::from(std::move(values[at++]));
    });
}

template <class T, class Row>
T from_row(Row&& values) {
    T entity;
    read_row(std::forward<Row>(values), entity);
    return entity;
}

// `,"name":null` of a described member, made when compiling.
template <class Descriptor>
inline constexpr auto member_without_value = [] {
    constexpr std::string_view name = Descriptor::name;
    constexpr std::string_view before = ",\"", behind = "\":null";
    std::array<char, before.size() + name.size() + behind.size()> text{};
    auto end = std::ranges::copy(before, text.begin()).out;
    end = std::ranges::copy(name, end).out;
    std::ranges::copy(behind, end);
    return text;
}();

// Appends `"name":value` for each member that is not hidden, with commas between.
template <class T>
void append_members(std::string& out, const T& entity) {
    constexpr std::size_t comma = 1, null = 4;
    bool first = true;
    boost::mp11::mp_for_each<boost::describe::describe_members<T, boost::describe::mod_public>>([&](auto d) {
        if constexpr (!notes_of<d.pointer>.hidden) {
            using field = std::remove_cvref_t<decltype(entity.*d.pointer)>;
            constexpr const auto& text = member_without_value<decltype(d)>;
            const char* begin = text.data() + (first ? comma : 0);
            const char* end = text.data() + text.size();
            first = false;
            if constexpr (is_optional<field>::value) {
                if (!(entity.*d.pointer)) {
                    out.append(begin, static_cast<std::size_t>(end - begin));
                    return;
                }
            }
            out.append(begin, static_cast<std::size_t>(end - null - begin));
            projection<field>::append(out, entity.*d.pointer);
        }
    });
}

template <class T>
std::string to_json(const T& entity) {
    std::string out = "{";
    append_members(out, entity);
    out += '}';
    return out;
}

}  // namespace statetrack
