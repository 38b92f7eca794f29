#include "statetrack/ids.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <thread>
#include <vector>

#include "printers.hpp"

using namespace statetrack;

namespace {

bool is_version_4(const uuid& id) { return (id.bytes[6] >> 4) == 4 && (id.bytes[8] >> 6) == 2; }

uuid counting_up() {
    uuid id;
    for (std::size_t i = 0; i < id.bytes.size(); ++i) id.bytes[i] = static_cast<std::uint8_t>(i * 0x11);
    return id;
}

}  // namespace

TEST_CASE("A uuid is written in lower case, with its dashes where they belong") {
    CHECK(to_string(counting_up()) == "00112233-4455-6677-8899-aabbccddeeff");
    CHECK(to_string(uuid{}) == "00000000-0000-0000-0000-000000000000");
    char text[38] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    write_text(counting_up(), text);
    CHECK(std::string(text, 36) == to_string(counting_up()));
    CHECK(text[36] == 'x');
}

TEST_CASE("A uuid is read in either case and nothing else is one") {
    CHECK(parse_uuid("00112233-4455-6677-8899-aabbccddeeff") == counting_up());
    CHECK(parse_uuid("00112233-4455-6677-8899-AABBCCDDEEFF") == counting_up());
    CHECK(parse_uuid("00112233-4455-6677-8899-aAbBcCdDeEfF") == counting_up());
    for (const char* wrong :
         {"", "0", "00112233-4455-6677-8899-aabbccddeef", "00112233-4455-6677-8899-aabbccddeeff0",
          "00112233-4455-6677-8899-aabbccddeefg", "00112233445566778899aabbccddeeff",
          "{0112233-4455-6677-8899-aabbccddeef}", "00112233-4455-6677-8899_aabbccddeeff",
          "0011223-34455-6677-8899-aabbccddeeff", " 0112233-4455-6677-8899-aabbccddeeff",
          "+0112233-4455-6677-8899-aabbccddeeff", "0x112233-4455-6677-8899-aabbccddeeff"}) {
        CAPTURE(wrong);
        CHECK(!parse_uuid(wrong));
    }
    CHECK(!parse_uuid(std::string_view("00112233-4455-6677-8899-aabbccddee\0f", 36)));
}

TEST_CASE("Only version 4 with the RFC's variant is a version 4 uuid") {
    CHECK(parse_uuid_v4("f47ac10b-58cc-4372-a567-0e02b2c3d479"));
    CHECK(parse_uuid_v4("F47AC10B-58CC-4372-8567-0E02B2C3D479"));
    for (const char* variant : {"8", "9", "a", "b"})
        CHECK(parse_uuid_v4("f47ac10b-58cc-4372-" + std::string(variant) + "567-0e02b2c3d479"));
    for (const char* wrong : {"f47ac10b-58cc-1372-a567-0e02b2c3d479", "f47ac10b-58cc-7372-a567-0e02b2c3d479",
                              "f47ac10b-58cc-4372-7567-0e02b2c3d479", "f47ac10b-58cc-4372-c567-0e02b2c3d479",
                              "00000000-0000-0000-0000-000000000000", "f47ac10b-58cc-4372-a567"}) {
        CAPTURE(wrong);
        CHECK(!parse_uuid_v4(wrong));
    }
}

TEST_CASE("Random ids are of version 4 and none comes twice, from several threads either") {
    constexpr std::size_t threads = 4, ids_a_thread = 2'000;
    const auto source = make_random_ids();
    std::vector<std::vector<uuid>> drawn(threads);
    std::vector<std::thread> drawing;
    for (auto& mine : drawn)
        drawing.emplace_back([&] {
            for (std::size_t i = 0; i < ids_a_thread; ++i) mine.push_back(source->next());
        });
    for (auto& one : drawing) one.join();
    std::set<uuid> all;
    for (const auto& mine : drawn) {
        for (const auto& id : mine) {
            if (!is_version_4(id)) FAIL_CHECK(to_string(id));
            all.insert(id);
        }
    }
    CHECK(all.size() == threads * ids_a_thread);
}

TEST_CASE("Seeded ids repeat for their seed and differ from those of another") {
    const auto one = make_seeded_ids(7), same = make_seeded_ids(7), other = make_seeded_ids(8);
    for (int i = 0; i < 50; ++i) {
        const auto id = one->next();
        CHECK(id == same->next());
        CHECK(id != other->next());
        CHECK(is_version_4(id));
    }
}

TEST_CASE("Ids that differ in one byte do not share a hash") {
    std::set<std::size_t> hashes;
    for (std::size_t byte = 0; byte < 16; ++byte) {
        for (int v = 1; v < 256; ++v) {
            uuid id;
            id.bytes[byte] = static_cast<std::uint8_t>(v);
            hashes.insert(std::hash<uuid>()(id));
        }
    }
    CHECK(hashes.size() == 16 * 255);
}

TEST_CASE("Ids are ordered by their bytes, the first one first") {
    uuid low, high;
    low.bytes[0] = 0x7F;
    low.bytes[15] = 0xFF;
    high.bytes[0] = 0x80;
    CHECK(low < high);
    CHECK(to_string(low) < to_string(high));
}
