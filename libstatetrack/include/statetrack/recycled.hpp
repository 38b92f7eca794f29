// Memory of objects that are made and dropped all the time, many of them alive at once.
#pragma once

#include <cstddef>
#include <new>
#include <utility>

namespace statetrack {

// Blocks of one size, aligned as operator new aligns. A thread keeps what it drops for what it makes next, up
// to so many: the C library keeps seven of a size in that way, where a group of heartbeats is dozens. Each
// block is one of operator new, and may be dropped by any thread.
template <std::size_t Bytes>
class recycled_blocks {
public:
    static void* take() {
        if (!kept.first) return ::operator new(size);
        --kept.count;
        return std::exchange(kept.first, kept.first->next);
    }
    static void give(void* dropped) noexcept {
        (void)&emptied;  // made with the thread's first, and so emptied with it
        if (kept.count >= kept.count_max) return ::operator delete(dropped);
        ++kept.count;
        kept.first = new (dropped) block{kept.first};
    }

private:
    struct block {
        block* next;
    };
    static constexpr std::size_t kept_max = 64;
    static constexpr std::size_t size = Bytes < sizeof(block) ? sizeof(block) : Bytes;

    // Never destroyed: what is dropped by a thread's last destructors finds it.
    struct list {
        block* first = nullptr;
        std::size_t count = 0, count_max = kept_max;
    };
    struct emptier {
        ~emptier() {
            kept.count_max = 0;
            while (kept.first) ::operator delete(std::exchange(kept.first, kept.first->next));
        }
    };
    static constinit inline thread_local list kept{};
    static inline thread_local emptier emptied{};
};

// A base of T: new and delete of it recycle. T is final, or deleted as itself.
template <class T>
struct recycled {
    static void* operator new(std::size_t) {
        static_assert(alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
        return recycled_blocks<sizeof(T)>::take();
    }
    static void operator delete(void* dropped) noexcept { recycled_blocks<sizeof(T)>::give(dropped); }

protected:
    ~recycled() = default;
};

// The same for single objects that a container or allocate_shared makes.
template <class T>
struct recycling_allocator {
    using value_type = T;

    recycling_allocator() = default;
    template <class U>
    recycling_allocator(const recycling_allocator<U>&) {}

    T* allocate(std::size_t n) {
        static_assert(alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
        return static_cast<T*>(n == 1 ? recycled_blocks<sizeof(T)>::take() : ::operator new(n * sizeof(T)));
    }
    void deallocate(T* dropped, std::size_t n) noexcept {
        n == 1 ? recycled_blocks<sizeof(T)>::give(dropped) : ::operator delete(dropped);
    }
    bool operator==(const recycling_allocator&) const = default;
};

}  // namespace statetrack
