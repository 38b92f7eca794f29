// A mutex that serves in the order of asking.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace statetrack::sqlite {

// A backup lets go and asks again hundreds of times: with a plain mutex it would nearly always win against a
// commit that waits.
class turns {
public:
    void lock() {
        std::unique_lock held(mutex_);
        const auto mine = next_++;
        served_.wait(held, [&] { return serving_ == mine; });
    }
    void unlock() {
        {
            std::lock_guard held(mutex_);
            ++serving_;
        }
        served_.notify_all();
    }

private:
    std::mutex mutex_;
    std::condition_variable served_;
    std::uint64_t next_ = 0;
    std::uint64_t serving_ = 0;
};

}  // namespace statetrack::sqlite
