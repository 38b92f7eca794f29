// Memory for what there is very much of: blocks of one size, and pieces of blocks.
#include <doctest/doctest.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "block_source.hpp"
#include "printers.hpp"
#include "slabs.hpp"

using namespace statetrack;

namespace {

constexpr std::size_t block_bytes = 64 * 1024;

std::uintptr_t number_of(const char* at) { return reinterpret_cast<std::uintptr_t>(at); }

// Whether the kernel was asked to map it with huge pages (proc_pid_smaps(5): VmFlags, hg).
bool asked_for_huge_pages(const char* at) {
    std::ifstream maps("/proc/self/smaps");
    bool there = false;
    for (std::string line; std::getline(maps, line);) {
        std::uintptr_t from = 0, to = 0;
        char dash = 0;
        std::istringstream head(line);
        if (head >> std::hex >> from >> dash >> to && dash == '-')
            there = from <= number_of(at) && number_of(at) < to;
        else if (there && line.starts_with("VmFlags:"))
            return line.find(" hg") != std::string::npos;
    }
    return false;
}

// A kernel that was built without huge pages refuses it.
bool kernel_takes_the_wish() {
    void* const area =
        ::mmap(nullptr, block_source::area_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(area != MAP_FAILED);
    const bool taken = ::madvise(area, block_source::area_bytes, MADV_HUGEPAGE) == 0;
    ::munmap(area, block_source::area_bytes);
    return taken;
}

}  // namespace

TEST_CASE("Blocks have nothing in common, and those given back are taken next") {
    block_source from(block_bytes);
    std::vector<char*> taken;
    for (char i = 0; i < 100; ++i) {
        taken.push_back(from.take());
        std::memset(taken.back(), i, block_bytes);
    }
    for (char i = 0; const char* block : taken) {
        CHECK(number_of(block) % 64 == 0);
        CHECK(block[0] == i);
        CHECK(block[block_bytes - 1] == i);
        ++i;
    }
    from.give_back(taken[7]);
    from.give_back(taken[70]);
    CHECK(std::set{from.take(), from.take()} == std::set{taken[7], taken[70]});
}

TEST_CASE("Few blocks take no more than they are, and many lie in areas for huge pages") {
    block_source from(block_bytes);
    std::vector<char*> few, many;
    for (std::size_t n = 0; n < block_source::small_bytes; n += block_bytes) few.push_back(from.take());
    for (std::size_t n = 0; n < 2 * block_source::area_bytes; n += block_bytes) many.push_back(from.take());
    constexpr std::size_t each = block_source::area_bytes / block_bytes;
    for (std::size_t i = 0; i < many.size(); ++i)
        CHECK(number_of(many[i]) == number_of(many[i / each * each]) + i % each * block_bytes);
    CHECK(number_of(many[0]) % block_source::area_bytes == 0);
    CHECK(number_of(many[each]) % block_source::area_bytes == 0);
    CHECK_FALSE(asked_for_huge_pages(few.front()));
    CHECK(asked_for_huge_pages(many.front()) == kernel_takes_the_wish());
}

TEST_CASE("Pieces of every size keep what is written while others come and go") {
    slabs memory;
    std::mt19937 random(1);
    std::map<slabs::handle, std::string> kept;
    const auto check = [&](slabs::handle piece, const std::string& text) {
        REQUIRE(memory.room_of(piece) >= text.size());
        CHECK(std::string(memory.at(piece), text.size()) == text);
    };
    for (int step = 0; step < 20'000; ++step) {
        if (random() % 3 > 0) {
            const std::size_t size = 1 + random() % (random() % 50 == 0 ? 100'000 : 600);
            const std::string text(size, static_cast<char>('a' + random() % 26));
            const auto piece = memory.take(size).value();
            REQUIRE_FALSE(kept.contains(piece));
            std::memcpy(memory.at(piece), text.data(), size);
            kept.emplace(piece, text);
        } else if (!kept.empty()) {
            const auto one =
                kept.lower_bound(static_cast<slabs::handle>(random() % (kept.rbegin()->first + 1)));
            check(one->first, one->second);
            memory.give_back(one->first);
            kept.erase(one);
        }
    }
    std::size_t walked = 0;
    for (std::size_t chunk = 0; chunk < memory.chunks(); ++chunk)
        memory.for_each_in(chunk, [&](slabs::handle piece) {
            check(piece, kept.at(piece));
            memory.give_back(piece);
            ++walked;
        });
    CHECK(walked == kept.size());
    CHECK(memory.bytes() == 0);
}
