#include "guard/keys.hpp"

#include <doctest/doctest.h>

#include "guard/request_id.hpp"

using namespace statetrackd;

namespace {

const std::string first = "4d6f2c1e-9a58-4b7e-8c3d-2f1a0b9c8d7e";
const std::string second = "11111111-2222-4333-8444-555555555555";

key_ring ring_of(std::string_view text) {
    key_ring ring;
    CHECK(ring.add(text).empty());
    return ring;
}

}  // namespace

TEST_CASE("keys are separated by commas or lines and may be named") {
    const auto ring = ring_of("ci=" + first + ", " + second + "\n# a comment\n\n");
    REQUIRE(ring.keys().size() == 2);
    CHECK(ring.keys()[0].name == "ci");
    CHECK(ring.keys()[1].name == "key2");
    CHECK(ring.find(second)->name == "key2");
    CHECK(ring.find("00000000-0000-4000-8000-000000000000") == nullptr);
}

TEST_CASE("a comment goes to the end of its line, whatever is in it") {
    const auto ring = ring_of("# taken out of use: old=" + first + ", older=" + first + "\n" + second);
    REQUIRE(ring.keys().size() == 1);
    CHECK(ring.find(first) == nullptr);
    CHECK(ring.find(second) != nullptr);
}

TEST_CASE("a key is found in either case, for it is the same UUID") {
    CHECK(ring_of(first).find("4D6F2C1E-9A58-4B7E-8C3D-2F1A0B9C8D7E") != nullptr);
}

TEST_CASE("wrong keys are named by their first characters only, and nothing is added") {
    key_ring ring;
    const auto problems =
        ring.add(first + ",not-a-key-at-all,bad name=" + second + ",ci:boss=" + second + "," + first);
    CHECK(problems.size() == 4);
    for (const auto& p : problems) {
        CAPTURE(p);
        CHECK(p.find(first.substr(4, 6)) == std::string::npos);
        CHECK(p.find(second.substr(4, 6)) == std::string::npos);
        CHECK(p.find("not-a") == std::string::npos);
    }
    CHECK(ring.keys().empty());
}

TEST_CASE("a key has the role that stands before it, admin where none does") {
    const auto ring =
        ring_of("ops:admin=" + first + "\nboard:read=" + second + "\n33333333-2222-4333-8444-555555555555");
    CHECK(ring.find(first)->may == role::admin);
    CHECK(ring.find(second)->may == role::read);
    CHECK(ring.find(second)->name == "board");
    CHECK(ring.keys()[2].may == role::admin);
    CHECK(role::read < role::client);
    CHECK(role::client < role::admin);
}

TEST_CASE("an unknown role is refused, and not repeated: it may be a key in the wrong place") {
    key_ring ring;
    const auto problems = ring.add("ci:" + second + "=" + first + ",ci:Read=" + second + ",ci:=" + second);
    CHECK(problems.size() == 3);
    for (const auto& p : problems) {
        CAPTURE(p);
        CHECK(p.find(second.substr(4, 6)) == std::string::npos);
        CHECK(p.find("admin, client or read") != std::string::npos);
    }
    CHECK(ring.keys().empty());
}

TEST_CASE("a name that looks like a key is refused, and not repeated: names are shown") {
    for (const auto& text : {first + "=" + second, first + "=" + first, "ci." + first + ":read=" + second}) {
        CAPTURE(text);
        key_ring ring;
        const auto problems = ring.add(text);
        REQUIRE(problems.size() == 1);
        CHECK(problems[0].find("looks like a key") != std::string::npos);
        CHECK(problems[0].find(first.substr(4)) == std::string::npos);
        CHECK(ring.keys().empty());
    }
}

TEST_CASE("two keys of one name are two keys of one client: that is how it rotates") {
    const auto ring = ring_of("ci=" + first + ",ci=" + second);
    CHECK(ring.find(first)->name == ring.find(second)->name);
}

TEST_CASE("a ring is exchanged as a whole, and lives for as long as somebody looks into it") {
    keys_in_use keys(ring_of(first));
    const auto before = keys.current();
    keys.replace(ring_of(second));
    CHECK(keys.current()->find(first) == nullptr);
    CHECK(keys.current()->find(second) != nullptr);
    CHECK(before->find(first) != nullptr);
}

TEST_CASE("no key, a malformed one and an unknown one are told apart") {
    const auto ring = ring_of("ci=" + first);
    CHECK(authenticate(ring, {}).refusal == "API key required");
    CHECK(authenticate(ring, {.authorization = "Basic abc"}).refusal == "API key required");
    CHECK(authenticate(ring, {.authorization = "Bearer "}).refusal == "API key required");
    CHECK(authenticate(ring, {.api_key = "abc"}).refusal == "Malformed API key");
    CHECK(authenticate(ring, {.api_key = "4d6f2c1e-9a58-1b7e-8c3d-2f1a0b9c8d7e"}).refusal ==
          "Malformed API key");
    CHECK(authenticate(ring, {.api_key = second}).refusal == "Invalid API key");
    CHECK(authenticate(ring, {.api_key = second}).masked == "1111****");
    CHECK(authenticate(ring, {.api_key = first}).holder->name == "ci");
    CHECK(authenticate(ring, {.authorization = "bearer " + first}).holder->name == "ci");
    CHECK(authenticate(ring, {.authorization = "Bearer " + second}).refusal == "Invalid API key");
}

TEST_CASE("a wiped secret is gone from its memory") {
    std::string secret = first;
    const char* memory = secret.data();
    wipe(secret);
    CHECK(secret.empty());
    CHECK(std::string_view(memory, 4) == std::string_view("\0\0\0\0", 4));
}

TEST_CASE("a sane request id is the client's own, any other is replaced") {
    const auto ids = statetrack::make_seeded_ids(1);
    CHECK(request_id_for("job-7/step.2:a+b=c@d_e", *ids) == "job-7/step.2:a+b=c@d_e");
    for (const auto& bad : {std::string(), std::string("a b"), std::string("a\r\nX: y"),
                            std::string(129, 'a'), std::string("\xC3\xA4")}) {
        CAPTURE(bad);
        CHECK(statetrack::parse_uuid_v4(request_id_for(bad, *ids)).has_value());
    }
}
