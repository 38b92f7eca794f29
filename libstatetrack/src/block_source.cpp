#include "block_source.hpp"

#include <algorithm>
#include <new>
#include <utility>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace statetrack {

block_source::area block_source::make_area(std::size_t bytes) {
    constexpr std::size_t line_bytes = 64;
    area made(static_cast<char*>(std::aligned_alloc(bytes < area_bytes ? line_bytes : area_bytes, bytes)));
    if (!made) throw std::bad_alloc();
#ifdef __linux__
    // A wish: whether the kernel has huge pages to give changes nothing but the speed.
    if (bytes == area_bytes) ::madvise(made.get(), bytes, MADV_HUGEPAGE);
#endif
    return made;
}

char* block_source::take() {
    if (!given_back_.empty()) {
        char* const block = given_back_.back();
        given_back_.pop_back();
        return block;
    }
    if (left_ == 0) {
        const std::size_t bytes = blocks_ * block_bytes_ < small_bytes ? block_bytes_ : area_bytes;
        given_back_.reserve(blocks_ + bytes / block_bytes_);
        areas_.push_back(make_area(bytes));
        next_ = areas_.back().get();
        left_ = bytes / block_bytes_;
        blocks_ += left_;
    }
    --left_;
    return std::exchange(next_, next_ + block_bytes_);
}

void block_source::give_back(char* block) noexcept { given_back_.push_back(block); }

}  // namespace statetrack
