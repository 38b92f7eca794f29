// Blocks of one size for what grows to many megabytes and is looked at here and there. Such looks mostly miss
// the processor's table of pages too, which 2 MiB need one entry of, where the kernel maps them as one page.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <vector>

namespace statetrack {

// The first two megabytes come from malloc, block by block, so that little takes little; beyond them come
// areas that the kernel is asked to map with huge pages
// (https://docs.kernel.org/admin-guide/mm/transhuge.html). What was given back is kept for those who take
// next. Not thread-safe.
class block_source {
public:
    // A power of two, at most area_bytes.
    explicit block_source(std::size_t block_bytes) : block_bytes_(block_bytes) {}

    // Not touched yet, or as it was given back; aligned as its size, up to a line of the caches.
    char* take();
    void give_back(char* block) noexcept;

    static constexpr std::size_t area_bytes = std::size_t{2} << 20;
    static constexpr std::size_t small_bytes = std::size_t{2} << 20;  // until then from malloc

private:
    struct unmapped {
        void operator()(char* area) const noexcept;
    };
    using area = std::unique_ptr<char, unmapped>;
    struct freed {
        void operator()(char* block) const noexcept { std::free(block); }
    };
    static area map_area();
    void make_blocks();

    std::size_t block_bytes_;
    std::vector<std::unique_ptr<char, freed>> single_;
    std::vector<area> areas_;
    std::vector<char*> given_back_;
    char* next_ = nullptr;  // what was made last has left
    std::size_t left_ = 0;  // so many blocks
    std::size_t blocks_ = 0;
};

}  // namespace statetrack
