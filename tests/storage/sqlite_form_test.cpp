// How values stand in the SQLite file where that is not as they are: what is written once must be read for
// ever, so forms are compared byte by byte.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "sqlite/name_book.hpp"
#include "sqlite/stored_form.hpp"
#include "sqlite_fixture.hpp"
#include "testing/naive.hpp"

using namespace statetrack;
using namespace statetrack::sqlite;
using namespace statetrack::testing;

namespace {

std::string said_again(const std::string& shorter) {
    std::string text;
    return lengthen(shorter, text) ? text : "refused";
}

constexpr const char* some_id = "4166803c-f205-473a-8a8b-2ff3003d3333";

}  // namespace

TEST_CASE("The short form of JSON is what it was when its version of the schema was released") {
    CHECK(shortened(R"({"changes":{"version":2,"metadata":{"a":1}}})") ==
          "{\x01{\x02"
          "2,\x03{\"a\":1}}}");
    CHECK(shortened(R"({"recovered_at":1})") ==
          "{\x1B"
          "1}");
    CHECK(shortened(R"({"silence_until":null})") == "{\x1C\x1Bnull}");
    CHECK(shortened(R"({"machine_offline_threshold_ms":1})") ==
          "{\x1C\x3D"
          "1}");
    CHECK(shortened(R"(["2026-01-19T10:00:00.123Z"])") == std::string("[\x1D\x7B\x71\xB2\xD5\x9B\x01]"));
    CHECK(shortened("[\"" + std::string(some_id) + "\"]") ==
          std::string("[\x1E\x41\x66\x80\x3C\xF2\x05\x47\x3A\x8A\x8B\x2F\xF3\x00\x3D\x33\x33]", 19));
}

TEST_CASE("What is not shorter, or could not be told from a mark, stays as it is") {
    for (const char* text : {"{}", R"({"vscode":"1.95.0"})", R"(["changes"])", R"({"":0})", "[\"\x01\"]",
                             R"({"changes":1,"a":"unended)", R"(["4166803C-F205-473a-8a8b-2ff3003d3333"])",
                             R"(["2026-02-30T10:00:00.123Z"])", R"(["2026-01-19T10:00:00Z"])"}) {
        CAPTURE(text);
        CHECK(!shortened(text));
    }
}

TEST_CASE("A short form says the same text again, whatever it is made of") {
    const std::string parts[] = {R"("changes":)",
                                 R"("project_id":)",
                                 R"("machine_last_heard":)",
                                 R"("2026-01-19T10:00:00.123Z")",
                                 R"("1970-01-01T00:00:00.000Z")",
                                 R"("9999-12-31T23:59:59.999Z")",
                                 "\"" + std::string(some_id) + "\"",
                                 "\"" + std::string(some_id) + "\":",
                                 R"("\"changes\":")",
                                 R"("\\")",
                                 R"("é\u0001")",
                                 "{",
                                 "}",
                                 ",",
                                 "1.5e3",
                                 "null"};
    dice random(7);
    int shorter = 0;
    for (int round = 0; round < 5'000; ++round) {
        std::string text;
        for (auto n = random.roll(12); n > 0; --n) text += parts[random.roll(std::size(parts))];
        const auto found = shortened(text);
        if (!found) continue;
        ++shorter;
        CHECK(found->size() < text.size());
        REQUIRE_MESSAGE(said_again(*found) == text, text);
    }
    CHECK(shorter > 3'000);
}

TEST_CASE("Bytes that are no short form are refused, and not read beyond their end") {
    for (const std::string& bytes :
         {std::string("\0", 1), std::string("\x1C"), std::string("\x1C\xFF"),
          std::string("\x1D\x01\x02\x03\x04\x05"), std::string("\x1E too short"), std::string("\x1F")})
        CHECK(said_again("{" + bytes) == "refused");
}

TEST_CASE("An id among texts is found where it is the whole text, in lower case") {
    CHECK(to_string(id_in_text(some_id).value()) == some_id);
    for (const char* text :
         {"", "4166803C-f205-473a-8a8b-2ff3003d3333", "4166803cf205473a8a8b2ff3003d33330000",
          "4166803c-f205-473a-8a8b-2ff3003d333", "4166803c-f205-473a-8a8b-2ff3003d3333 "})
        CHECK(!id_in_text(text));
}

TEST_CASE("A name stands once in the file, and again where the unit that brought it was refused") {
    sqlite_fixture f;
    const auto names = [&] { return f.number("SELECT count(*) FROM names"); };
    auto first = session_number(1), second = session_number(2);
    second.project_id = first.project_id;
    const auto refused = write(*f, [&](transaction& tx) -> result<> {
        if (auto inserted = tx.insert(table_of<session>(), to_row(first)); !inserted) return inserted.error();
        return error(errc::in_use);
    });
    REQUIRE(!refused.has_value());
    CHECK(names() == 0);
    REQUIRE(write(*f, inserting(first).body).has_value());
    REQUIRE(write(*f, inserting(second).body).has_value());
    CHECK(names() == 3);
    f.open();
    CHECK(names() == 3);
    auto third = session_number(3);
    third.project_id = first.project_id;
    REQUIRE(write(*f, inserting(third).body).has_value());
    CHECK(names() == 4);
    const auto found = needed(f->find(table_of<session>(), third.session_id));
    REQUIRE(found.has_value());
    CHECK(from_row<session>(found->values) == third);
}

TEST_CASE("A row whose name is gone from the file is said to be broken") {
    sqlite_fixture f;
    REQUIRE(write(*f, inserting(session_number(1)).body).has_value());
    f.close();
    f.run("DELETE FROM names");
    f.open();
    const auto found = f->find(table_of<session>(), session_number(1).session_id);
    REQUIRE(!found.has_value());
    CHECK(found.error().is(errc::store_corrupt));
}
