#include "statetrack/json_text.hpp"

#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <string>

#include "printers.hpp"

using namespace statetrack;
namespace json = boost::json;

namespace {

// What is refused is validation_failed, and its detail says why and where.
void is_refused(std::string_view text, std::string_view why, json_limits limits = {}) {
    CAPTURE(text.substr(0, 200));
    const auto parsed = parse_json(text, limits);
    REQUIRE(!parsed.has_value());
    CHECK(parsed.error().is(errc::validation_failed));
    CAPTURE(parsed.error().detail);
    CHECK(parsed.error().detail.find(why) != std::string::npos);
    CHECK(parsed.error().detail.find("at byte ") != std::string::npos);
}

void is_taken(std::string_view text, std::string_view canonical, json_limits limits = {}) {
    CAPTURE(text.substr(0, 200));
    const auto parsed = parse_json(text, limits);
    REQUIRE_MESSAGE(parsed.has_value(), parsed.error().detail);
    CHECK(json::serialize(*parsed) == canonical);
}

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

std::string list_of(std::size_t zeros) {
    std::string text = "[";
    for (std::size_t i = 0; i < zeros; ++i) text += i ? ",0" : "0";
    return text + "]";
}

}  // namespace

TEST_CASE("Every kind of JSON value is read") {
    is_taken(R"({"a":[1,-2,2.5,true,false,null,"x",{}],"b":{}})",
             R"({"a":[1,-2,2.5E0,true,false,null,"x",{}],"b":{}})");
    is_taken(" \t\r\n{ \"a\" : 1 }\n ", R"({"a":1})");
    is_taken(R"("A\"\\\/\b\f\n\r\t\u0041\uD83E\uDDEA")", "\"A\\\"\\\\/\\b\\f\\n\\r\\tA\xF0\x9F\xA7\xAA\"");
    is_taken("null", "null");
    is_taken("[]", "[]");
}

TEST_CASE("Members stay in the order in which they came") {
    is_taken(R"({"z":1,"a":2,"m":3})", R"({"z":1,"a":2,"m":3})");
}

TEST_CASE("A repeated key is refused, however it is written") {
    is_refused(R"({"a":1,"a":2})", "repeats the key \"a\"");
    is_refused(R"({"a":1,"b":2,"\u0061":3})", "repeats the key \"a\"");
    is_refused(R"({"\u0061":1,"a":3})", "repeats the key \"a\"");
    is_refused(R"({"a\/b":1,"a/b":3})", "repeats the key \"a/b\"");
    is_refused(R"({"":1,"":2})", "repeats the key");
    is_refused(R"({"x":{"a":1,"a":1}})", "repeats the key");
    is_refused(R"([{"a":{},"b":[{"c":1,"c":2}]}])", "repeats the key \"c\"");
    const std::string long_key(5'000, 'k');
    is_refused("{\"" + long_key + "\":1,\"" + long_key + "\":2}", "repeats the key");
}

TEST_CASE("The same key in another object, or another in letter or case, is no repetition") {
    is_taken(R"({"a":{"a":{"a":1}}})", R"({"a":{"a":{"a":1}}})");
    is_taken(R"([{"a":1},{"a":2}])", R"([{"a":1},{"a":2}])");
    is_taken(R"({"a":{"b":1},"b":2,"A":3})", R"({"a":{"b":1},"b":2,"A":3})");
    is_taken(R"({"ab":1,"a":2,"b":3})", R"({"ab":1,"a":2,"b":3})");
}

TEST_CASE("A NUL is refused in keys and in strings") {
    is_refused(R"({"a":"\u0000"})", "\\u0000");
    is_refused(R"({"a":"text \u0000 text"})", "\\u0000");
    is_refused(R"({"\u0000":1})", "\\u0000");
    is_refused(R"({"a\u0000":1})", "\\u0000");
    is_refused(R"(["\u0000"])", "\\u0000");
    is_refused(std::string_view("[\"a\0b\"]", 7), "is not valid JSON");
    is_taken(R"(["\\u0000"])", R"(["\\u0000"])");
}

TEST_CASE("Integers are exact within 64 bits and refused beyond") {
    is_taken("[9223372036854775807]", "[9223372036854775807]");
    is_taken("[-9223372036854775808]", "[-9223372036854775808]");
    is_taken("[9007199254740993]", "[9007199254740993]");
    for (const char* beyond : {"9223372036854775808", "18446744073709551615", "18446744073709551616",
                               "-9223372036854775809", "100000000000000000000000000000"}) {
        is_refused(beyond, "beyond 64 bits");
        is_refused("{\"a\":[" + std::string(beyond) + "]}", "beyond 64 bits");
    }
}

TEST_CASE("A number that is not finite is refused") {
    is_refused("1e400", "beyond what a double can hold");
    is_refused("[-1e400]", "beyond what a double can hold");
    is_refused(R"({"a":1.5E+309})", "beyond what a double can hold");
    is_taken("[1e308]", "[1E308]");
    is_refused("NaN", "is not valid JSON");
    is_refused("[Infinity]", "is not valid JSON");
    is_refused("[-Infinity]", "is not valid JSON");
}

TEST_CASE("Nesting goes to sixteen and no deeper") {
    is_taken(nested(16), nested(16));
    is_refused(nested(17), "is not valid JSON");
    is_refused(nested(100'000), "is not valid JSON");
    std::string objects = "1";
    for (int i = 0; i < 16; ++i) objects = "{\"a\":" + objects + "}";
    is_taken(objects, objects);
    is_refused("[" + objects + "]", "is not valid JSON");
    is_taken(nested(3), nested(3), {.depth_max = 3});
    is_refused(nested(4), "is not valid JSON", {.depth_max = 3});
}

TEST_CASE("Values are counted, containers among them, to 4096 and no further") {
    is_taken(list_of(4'095), list_of(4'095));
    is_refused(list_of(4'096), "too many values");
    is_taken("[[],[],{}]", "[[],[],{}]", {.values_max = 4});
    is_refused("[[],[],{}]", "too many values", {.values_max = 3});
    is_taken(R"({"a":1,"b":"x"})", R"({"a":1,"b":"x"})", {.values_max = 3});
    is_refused(R"({"a":1,"b":"x"})", "too many values", {.values_max = 2});
    is_refused("1", "too many values", {.values_max = 0});
}

TEST_CASE("Text that is not UTF-8 is refused") {
    for (const char* bytes : {"\x80", "\xC3", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                              "\xFF", "\xF0\x9F\xA7", "a\xC3(b"}) {
        is_refused("[\"" + std::string(bytes) + "\"]", "is not valid JSON");
        is_refused("{\"" + std::string(bytes) + "\":1}", "is not valid JSON");
    }
    is_refused(R"(["\uD83E"])", "is not valid JSON");
    is_refused(R"(["\uDDEA\uD83E"])", "is not valid JSON");
}

TEST_CASE("Malformed text is refused, and so is anything after a value") {
    for (const char* wrong : {"",
                              " ",
                              "{",
                              "[1",
                              "[1,]",
                              "{\"a\":1,}",
                              "{\"a\"}",
                              "{\"a\":}",
                              "{a:1}",
                              "{'a':1}",
                              "[01]",
                              "[1.]",
                              "[.5]",
                              "[+1]",
                              "[0x10]",
                              "tru",
                              "nul",
                              "\"a",
                              "\"\t\"",
                              R"("\x41")",
                              R"("\u00g0")",
                              "// c\n1",
                              "/* c */ 1",
                              "[1 2]",
                              "\xEF\xBB\xBF{}",
                              "}",
                              "]"})
        is_refused(wrong, "is not valid JSON");
    is_refused("{}{}", "is not valid JSON");
    is_refused("{} x", "is not valid JSON");
    is_refused("1 2", "is not valid JSON");
    is_refused("null,", "is not valid JSON");
}

TEST_CASE("JSON text is canonical: no white space, members in their order") {
    CHECK(json_text().text() == "{}");
    const json_text text(json::parse(R"({ "b" : [ 1 , 2 ], "a" : "x" })").as_object());
    CHECK(text.text() == R"({"b":[1,2],"a":"x"})");
    CHECK(json_text::trusted(text.text()) == text);
    CHECK(json_text(text.object()) == text);
    CHECK(text.object().at("a") == "x");
}

TEST_CASE("Merge patch answers every example of RFC 7396") {
    struct example {
        const char* original;
        const char* patch;
        const char* merged;
    };
    const example appendix_a[] = {
        {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
        {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
        {R"({"a":"b"})", R"({"a":null})", R"({})"},
        {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
        {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
        {R"({"a":"c"})", R"({"a":["b"]})", R"({"a":["b"]})"},
        {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
        {R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
        {R"(["a","b"])", R"(["c","d"])", R"(["c","d"])"},
        {R"({"a":"b"})", R"(["c"])", R"(["c"])"},
        {R"({"a":"foo"})", R"("bar")", R"("bar")"},
        {R"({"e":null})", R"({"a":1})", R"({"e":null,"a":1})"},
        {R"([1,2])", R"({"a":"b","c":null})", R"({"a":"b"})"},
        {R"({})", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"},
    };
    for (const auto& [original, patch, merged] : appendix_a) {
        CAPTURE(original);
        CAPTURE(patch);
        // As members, since both sides are objects here; the RFC's rule for a member is its rule for the
        // whole.
        json::object target{{"m", json::parse(original)}};
        merge_patch(target, json::object{{"m", json::parse(patch)}});
        CHECK(target.at("m") == json::parse(merged));
        if (!json::parse(original).is_object() || !json::parse(patch).is_object()) continue;
        auto whole = json::parse(original).as_object();
        merge_patch(whole, json::parse(patch).as_object());
        CHECK(whole == json::parse(merged));
    }
    // The one that is left: null for the whole.
    json::object target{{"m", {{"a", "foo"}}}};
    merge_patch(target, json::object{{"m", nullptr}});
    CHECK(target.empty());
}

TEST_CASE("The example of RFC 7396's third section") {
    auto document = json::parse(R"({"title":"Goodbye!","author":{"givenName":"John","familyName":"Doe"},
        "tags":["example","sample"],"content":"This will be unchanged"})")
                        .as_object();
    merge_patch(document, json::parse(R"({"title":"Hello!","phoneNumber":"+01-123-456-7890",
        "author":{"familyName":null},"tags":["example"]})")
                              .as_object());
    CHECK(document == json::parse(R"({"title":"Hello!","author":{"givenName":"John"},"tags":["example"],
        "content":"This will be unchanged","phoneNumber":"+01-123-456-7890"})"));
}

TEST_CASE("Removing and changing members keeps the others in their order") {
    auto document = json::parse(R"({"a":1,"b":2,"c":3,"d":4})").as_object();
    merge_patch(document, json::parse(R"({"c":30,"a":null,"e":5})").as_object());
    const std::string text = json_text(document).text();
    CAPTURE(text);
    CHECK(document == json::parse(R"({"b":2,"c":30,"d":4,"e":5})"));
}
