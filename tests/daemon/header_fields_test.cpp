// Header fields as lines: what is added is found again, and nothing makes two lines of one.
#include <doctest/doctest.h>

#include <vector>

#include "api/header_fields.hpp"

using statetrackd::header_fields;

TEST_CASE("header fields are lines in the order in which they were added") {
    header_fields some;
    CHECK(some.lines().empty());
    CHECK(some.all().empty());
    some.add("ETag", "\"v1\"");
    some.add("Cache-Control", "private, no-cache");
    some.add("X-Empty", "");
    CHECK(some.lines() == "ETag: \"v1\"\r\nCache-Control: private, no-cache\r\nX-Empty: \r\n");
    using field = header_fields::field;
    CHECK(some.all() ==
          std::vector<field>{{"ETag", "\"v1\""}, {"Cache-Control", "private, no-cache"}, {"X-Empty", ""}});
    CHECK(header_fields({"Location", "/a: b"}).all() == std::vector<field>{{"Location", "/a: b"}});
}

TEST_CASE("a header field is found by its whole name, not by a part of it or of a value") {
    header_fields some({"X-Tags", "ETag: no"});
    CHECK(some.has("X-Tags"));
    for (const auto* name : {"ETag", "X-Tag", "X", "Tags", ""}) CHECK_FALSE(some.has(name));
    some.add("ETag", "yes");
    CHECK(some.has("ETag"));
}

TEST_CASE("no value of a header field ends its line") {
    const header_fields some({"X-Request-Id", "a\r\nSet-Cookie: b\n\x01\x7F\tc"});
    CHECK(some.lines() == "X-Request-Id: a  Set-Cookie: b    c\r\n");
    CHECK(some.all().size() == 1);
    CHECK(header_fields({"X", "\xC3\xA4"}).lines() == "X: \xC3\xA4\r\n");
}
