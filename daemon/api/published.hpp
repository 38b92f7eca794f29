// A pointer that one thread sets while others look: nothing before it has been set.
#pragma once

#include <atomic>

namespace statetrackd {

// Safe to call from several threads.
template <class T>
class published {
public:
    published(T* at = nullptr) : at_(at) {}
    published& operator=(T* at) {
        at_.store(at, std::memory_order_release);
        return *this;
    }
    T* get() const { return at_.load(std::memory_order_acquire); }
    T* operator->() const { return get(); }
    T& operator*() const { return *get(); }
    explicit operator bool() const { return get() != nullptr; }

private:
    std::atomic<T*> at_;
};

}  // namespace statetrackd
