// The checker itself: for every keyword something that it must refuse.
#include "json_schema.hpp"

#include <doctest/doctest.h>

#include <boost/json/parse.hpp>

using namespace statetrackd::testing;

namespace {

const boost::json::object& document() {
    static const auto made =
        boost::json::parse(R"({"components":{"schemas":{"id":{"type":"string","format":"uuid"}}}})")
            .as_object();
    return made;
}

bool fits(std::string_view schema, std::string_view instance,
          strangers beside = strangers::as_the_schema_says) {
    const auto parse = [](std::string_view text) {
        return boost::json::parse(boost::json::string_view(text.data(), text.size()));
    };
    return breaks_of(parse(schema), parse(instance), document(), beside).empty();
}

}  // namespace

TEST_CASE("the schema checker takes what fits and refuses what does not, keyword by keyword") {
    struct pair {
        std::string_view schema, good, bad;
    };
    for (const auto& [schema, good, bad] : {
             pair{R"({"type":"integer"})", "1", "\"1\""},
             pair{R"({"type":"integer"})", "-1", "1.5"},
             pair{R"({"type":"boolean"})", "false", "0"},
             pair{R"({"type":"null"})", "null", "{}"},
             pair{R"({"type":["string","null"]})", "null", "1"},
             pair{R"({"type":"object"})", "{}", "[]"},
             pair{R"({"type":"array"})", "[]", "{}"},
             pair{R"({"enum":["a",null]})", "null", "\"b\""},
             pair{R"({"minimum":3})", "3", "2"},
             pair{R"({"maximum":3})", "3", "4"},
             pair{R"({"type":"integer","format":"int64"})", "9223372036854775807", "9223372036854775808"},
             pair{R"({"minLength":1})", R"("ä")", R"("")"},
             pair{R"({"maxLength":1})", R"("ä")", R"("ab")"},
             pair{R"({"format":"uuid"})", R"("7f2c9a04-5b1e-4c8d-9e3f-2a6b8d0c4e11")", R"("7f2c")"},
             pair{R"({"format":"date-time"})", R"("2026-01-19T10:00:00.000Z")", R"("2026-01-19")"},
             pair{R"({"items":{"type":"integer"}})", "[1,2]", "[1,\"2\"]"},
             pair{R"({"maxItems":1})", "[1]", "[1,2]"},
             pair{R"({"uniqueItems":true})", "[1,2]", "[1,2,1]"},
             pair{R"({"properties":{"a":{"type":"null"}}})", R"({"a":null,"b":1})", R"({"a":1})"},
             pair{R"({"required":["a"]})", R"({"a":1})", R"({"b":1})"},
             pair{R"({"properties":{"a":{}},"additionalProperties":false})", R"({"a":1})", R"({"b":1})"},
             pair{R"({"anyOf":[{"type":"null"},{"minimum":3}]})", "3", "2"},
             pair{R"({"allOf":[{"minimum":1},{"maximum":3}]})", "2", "4"},
             pair{R"({"$ref":"#/components/schemas/id"})", R"("7f2c9a04-5b1e-4c8d-9e3f-2a6b8d0c4e11")", "1"},
         }) {
        CAPTURE(schema);
        CHECK(fits(schema, good));
        CHECK_FALSE(fits(schema, bad));
    }
}

TEST_CASE("the schema checker refuses a keyword that it does not know, and a reference that leads nowhere") {
    CHECK_FALSE(fits(R"({"multipleOf":2})", "4"));
    CHECK_THROWS_AS(fits(R"({"$ref":"#/components/schemas/none"})", "1"), std::out_of_range);
    CHECK_THROWS_AS(fits(R"({"$ref":"elsewhere#/x"})", "1"), std::out_of_range);
}

TEST_CASE("held strictly, an open schema takes no member that it does not name") {
    constexpr auto open = R"({"type":"object","properties":{"a":{"type":"integer"}}})";
    CHECK(fits(open, R"({"a":1,"b":2})"));
    CHECK_FALSE(fits(open, R"({"a":1,"b":2})", strangers::none));
    CHECK(fits(open, R"({"a":1})", strangers::none));
    constexpr auto free = R"({"type":"object","additionalProperties":true})";
    CHECK(fits(free, R"({"b":2})", strangers::none));
}
