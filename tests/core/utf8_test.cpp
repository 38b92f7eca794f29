#include "statetrack/utf8.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace statetrack;

namespace {

struct sample {
    std::string_view text;
    std::size_t code_points;
};

constexpr sample whole[] = {
    {"", 0},
    {"plain", 5},
    {"\xC2\x80\xDF\xBF", 2},                  // the first and the last of two bytes
    {"\xE0\xA0\x80\xEF\xBF\xBF", 2},          // of three
    {"\xED\x9F\xBF\xEE\x80\x80", 2},          // around the surrogates
    {"\xF0\x90\x80\x80\xF4\x8F\xBF\xBF", 2},  // of four
};

constexpr std::string_view broken[] = {
    "\x80",
    "\xBF",  // begins in the middle
    "\xC0\x80",
    "\xC1\xBF",  // overlong
    "\xE0\x9F\xBF",
    "\xF0\x8F\xBF\xBF",
    "\xED\xA0\x80",
    "\xED\xBF\xBF",  // surrogates
    "\xF4\x90\x80\x80",
    "\xF5\x80\x80\x80",
    "\xFF",  // beyond U+10FFFF
    "\xC3",
    "\xE2\x82",
    "\xF0\x9F\xA6",  // cut
    "\xC3(",
    "\xE2\x82(",
    "\xF0\x9F\xA6(",
};

}  // namespace

TEST_CASE("valid UTF-8 is counted, and valid to its end") {
    for (const auto& one : whole) {
        CAPTURE(one.text);
        CHECK(count_code_points(one.text) == one.code_points);
        CHECK(valid_utf8_bytes(one.text) == one.text.size());
    }
}

TEST_CASE("what is no UTF-8 is not counted, and valid up to there") {
    for (const auto& one : broken) {
        CAPTURE(one);
        CHECK_FALSE(count_code_points(one));
        CHECK(valid_utf8_bytes(one) == 0);
        const std::string within = "a\xC3\xA9" + std::string(one) + "b";
        CHECK_FALSE(count_code_points(within));
        CHECK(valid_utf8_bytes(within) == 3);
    }
}
