#include "block_source.hpp"

#include <sys/mman.h>

#include <cstdint>
#include <new>
#include <utility>

namespace statetrack {

void block_source::unmapped::operator()(char* area) const noexcept { ::munmap(area, area_bytes); }

// From malloc it would come with gaps before it, and of pages that were used before, which stay small ones.
block_source::area block_source::map_area() {
    void* const mapped =
        ::mmap(nullptr, 2 * area_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) throw std::bad_alloc();
    auto* const from = static_cast<char*>(mapped);
    const std::size_t before = -reinterpret_cast<std::uintptr_t>(from) % area_bytes;
    area made(from + before);
    if (before > 0) ::munmap(from, before);
    ::munmap(from + before + area_bytes, area_bytes - before);
    // A wish: whether the kernel has huge pages to give changes nothing but the speed.
    ::madvise(made.get(), area_bytes, MADV_HUGEPAGE);
    return made;
}

void block_source::make_blocks() {
    constexpr std::size_t line_bytes = 64;
    const bool few = blocks_ * block_bytes_ < small_bytes;
    const std::size_t made = few ? 1 : area_bytes / block_bytes_;
    given_back_.reserve(blocks_ + made);  // so that giving back never fails
    if (few) {
        single_.emplace_back(static_cast<char*>(std::aligned_alloc(line_bytes, block_bytes_)));
        if (!single_.back()) throw std::bad_alloc();
        next_ = single_.back().get();
    } else {
        areas_.push_back(map_area());
        next_ = areas_.back().get();
    }
    left_ = made;
    blocks_ += made;
}

char* block_source::take() {
    if (!given_back_.empty()) {
        char* const block = given_back_.back();
        given_back_.pop_back();
        return block;
    }
    if (left_ == 0) make_blocks();
    --left_;
    return std::exchange(next_, next_ + block_bytes_);
}

void block_source::give_back(char* block) noexcept { given_back_.push_back(block); }

}  // namespace statetrack
