// Readers beside one another, a writer alone, everyone in turn: a shared mutex would let reader after reader
// pass a waiting writer.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

namespace statetrack::memory {

// Safe to call from several threads; must outlive what it gives.
class turnstile {
public:
    class reading {
    public:
        reading(reading&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
        reading& operator=(reading&&) = delete;
        ~reading() {
            if (of_ && of_->readers_.fetch_sub(1, std::memory_order_release) == 1) of_->readers_.notify_all();
        }

    private:
        friend class turnstile;
        explicit reading(turnstile& of) : of_(&of) { of.readers_.fetch_add(1, std::memory_order_relaxed); }
        turnstile* of_;
    };

    reading read() {
        const std::lock_guard turn(turn_);
        return reading(*this);
    }
    // Nothing where a writer writes or waits, or somebody passes this very moment.
    std::optional<reading> try_read() {
        const std::unique_lock turn(turn_, std::try_to_lock);
        if (!turn) return std::nullopt;
        return reading(*this);
    }
    // Keeps writers out while it lasts, and whoever comes next: for what takes no time.
    std::unique_lock<std::mutex> try_glance() { return std::unique_lock(turn_, std::try_to_lock); }
    // Nobody else is in until it goes.
    std::unique_lock<std::mutex> write() {
        std::unique_lock turn(turn_);
        while (const auto in = readers_.load(std::memory_order_acquire))
            readers_.wait(in, std::memory_order_acquire);
        return turn;
    }

private:
    std::mutex turn_;
    std::atomic<std::uint32_t> readers_{0};
};

}  // namespace statetrack::memory
