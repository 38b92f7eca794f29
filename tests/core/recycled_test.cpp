#include "statetrack/recycled.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace statetrack;

namespace {

// A size of its own for each test: its blocks are no other's.
template <std::size_t Bytes>
struct counted : recycled<counted<Bytes>> {
    explicit counted(int v) : value(v) {}
    int value;
    std::string text = "long enough to be kept outside of the string itself";
    std::array<char, Bytes> rest{};
};

template <class T>
std::set<const void*> places_of(const std::vector<std::unique_ptr<T>>& made) {
    std::set<const void*> found;
    for (const auto& one : made) found.insert(one.get());
    return found;
}

template <class T>
std::vector<std::unique_ptr<T>> make(int count) {
    std::vector<std::unique_ptr<T>> made;
    for (int n = 0; n < count; ++n) made.push_back(std::make_unique<T>(n));
    return made;
}

}  // namespace

TEST_SUITE("recycled") {
    TEST_CASE("What is made next has the memory of what was dropped, and is made anew") {
        using thing = counted<100>;
        auto made = make<thing>(20);
        const auto before = places_of(made);
        REQUIRE(before.size() == 20);
        for (auto& one : made) one->text.clear();
        made.clear();
        made = make<thing>(20);
        CHECK(places_of(made) == before);
        for (int n = 0; n < 20; ++n) {
            CHECK(made[static_cast<std::size_t>(n)]->value == n);
            CHECK(made[static_cast<std::size_t>(n)]->text.size() > 20);
        }
    }

    TEST_CASE("More than a thread keeps are made and dropped all the same") {
        using thing = counted<200>;
        for (int round = 0; round < 3; ++round) {
            auto made = make<thing>(1'000);
            CHECK(places_of(made).size() == 1'000);
        }
    }

    TEST_CASE("What one thread made another may drop, and each keeps its own") {
        using thing = counted<300>;
        for (int round = 0; round < 20; ++round) {
            auto made = make<thing>(10);
            const auto before = places_of(made);
            std::set<const void*> there;
            std::thread([&, given = std::move(made)]() mutable {
                given.clear();
                there = places_of(make<thing>(10));
            }).join();
            CHECK(there == before);
        }
    }

    TEST_CASE("Shared objects are allocated so, with what counts them") {
        using thing = counted<400>;
        auto one = std::allocate_shared<thing>(recycling_allocator<thing>(), 7);
        CHECK(one->value == 7);
        const void* const place = one.get();
        one.reset();
        one = std::allocate_shared<thing>(recycling_allocator<thing>(), 8);
        CHECK(one.get() == place);
        std::vector<int, recycling_allocator<int>> many(100, 3);  // not singly: of operator new
        many.resize(1'000, 4);
        CHECK(std::count(many.begin(), many.end(), 3) == 100);
    }
}
