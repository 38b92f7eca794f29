// How doctest prints what a failed check compared: results with their error, entities as JSON, ids and times
// as text.
#pragma once

#include <doctest/doctest.h>

#include <optional>
#include <string>

#include "statetrack/clock.hpp"
#include "statetrack/entities.hpp"
#include "statetrack/error.hpp"
#include "statetrack/fields.hpp"
#include "statetrack/ids.hpp"

namespace statetrack::testing {

inline std::string printed(const error& e) {
    std::string text = e.code.category() == statetrack_category()
                           ? std::string(name_of(static_cast<errc>(e.code.value())))
                           : e.code.message();
    if (!e.detail.empty()) text += " (" + e.detail + ")";
    for (const auto& p : e.problems) text += "; " + p.field + " " + p.message;
    return text;
}

template <class T>
std::string printed(const T& v) {
    if constexpr (std::is_same_v<T, uuid> || std::is_same_v<T, timestamp>)
        return to_string(v);
    else if constexpr (std::is_same_v<T, value>) {
        std::string text;
        append_json(text, column_kind::text, v);
        return text;
    } else if constexpr (boost::describe::has_describe_enumerators<T>::value)
        return std::string(enum_name(v));
    else if constexpr (boost::describe::has_describe_members<T>::value)
        return to_json(v);
    else
        return doctest::toString(v).c_str();
}

}  // namespace statetrack::testing

namespace doctest {

template <class T>
concept statetrack_printable =
    std::is_same_v<T, statetrack::uuid> || std::is_same_v<T, statetrack::timestamp> ||
    std::is_same_v<T, statetrack::value> || std::is_same_v<T, statetrack::error> ||
    boost::describe::has_describe_members<T>::value || boost::describe::has_describe_enumerators<T>::value;

template <statetrack_printable T>
struct StringMaker<T> {
    static String convert(const T& v) { return statetrack::testing::printed(v).c_str(); }
};
template <>
struct StringMaker<statetrack::errc> {
    static String convert(statetrack::errc code) { return std::string(statetrack::name_of(code)).c_str(); }
};
template <class T>
struct StringMaker<std::optional<T>> {
    static String convert(const std::optional<T>& o) {
        return o ? statetrack::testing::printed(*o).c_str() : "nothing";
    }
};
template <class T>
struct StringMaker<statetrack::result<T>> {
    static String convert(const statetrack::result<T>& r) {
        if (!r) return ("error: " + statetrack::testing::printed(r.error())).c_str();
        if constexpr (std::is_void_v<T>)
            return "success";
        else
            return statetrack::testing::printed(*r).c_str();
    }
};

}  // namespace doctest
