// Counts of durations by fixed bounds, for the request path: adding takes no lock and no memory.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace statetrackd {

inline constexpr std::size_t histogram_bounds_max = 20;

// Safe to call from several threads. The bounds must outlive it.
class histogram {
public:
    // Ascending; at most histogram_bounds_max.
    explicit histogram(std::span<const std::int64_t> bounds_us) : bounds_us_(bounds_us) {}

    void add(std::int64_t us) noexcept;

    struct reading {
        std::span<const std::int64_t> bounds_us{};
        std::vector<std::uint64_t> cumulative{};  // up to and with each bound, and of all
        std::int64_t sum_us = 0;
    };
    reading read() const;

private:
    std::span<const std::int64_t> bounds_us_;
    std::array<std::atomic<std::uint64_t>, histogram_bounds_max + 1> counts_{};
    std::atomic<std::int64_t> sum_us_{0};
};

}  // namespace statetrackd
