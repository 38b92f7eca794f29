// How the suite writes what it expected and what it found.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "statetrack/fields.hpp"
#include "statetrack/storage.hpp"

namespace statetrack::testing {

std::string shown(const value& v);
std::string shown(const row& values);
std::string shown(const stored_row& stored);
std::string shown(const error& e);
std::string shown(std::string_view text);  // quoted; long text is cut, its size said
inline std::string shown(const std::string& text) { return shown(std::string_view(text)); }
inline std::string shown(const char* text) { return shown(std::string_view(text)); }
inline std::string shown(bool b) { return b ? "true" : "false"; }
inline std::string shown(std::int64_t n) { return std::to_string(n); }
inline std::string shown(std::size_t n) { return std::to_string(n); }

template <class E>
requires(boost::describe::has_describe_enumerators<E>::value) std::string shown(E e) {
    return std::string(enum_name(e));
}
template <class T>
requires(boost::describe::has_describe_members<T>::value) std::string shown(const T& entity) {
    return to_json(entity);
}
template <class T>
std::string shown(const std::optional<T>& o) {
    return o ? shown(*o) : "nothing";
}
template <class T>
requires(!std::is_same_v<T, value>) std::string shown(const std::vector<T>& list) {
    constexpr std::size_t shown_max = 24;
    std::string text = "[";
    for (std::size_t i = 0; i < list.size() && i < shown_max; ++i) {
        if (i > 0) text += ", ";
        text += shown(list[i]);
    }
    if (list.size() > shown_max) text += ", ...";
    return text + "] (" + std::to_string(list.size()) + ")";
}

}  // namespace statetrack::testing
