#include "observe/histogram.hpp"

#include <algorithm>

namespace statetrackd {

void histogram::add(std::int64_t us) noexcept {
    // A bound belongs to the bucket below it (`le`).
    const auto place = std::lower_bound(bounds_us_.begin(), bounds_us_.end(), us) - bounds_us_.begin();
    counts_[static_cast<std::size_t>(place)].fetch_add(1, std::memory_order_relaxed);
    sum_us_.fetch_add(us, std::memory_order_relaxed);
}

histogram::reading histogram::read() const {
    reading found{.bounds_us = bounds_us_, .sum_us = sum_us_.load(std::memory_order_relaxed)};
    std::uint64_t so_far = 0;
    for (std::size_t i = 0; i <= bounds_us_.size(); ++i) {
        so_far += counts_[i].load(std::memory_order_relaxed);
        found.cumulative.push_back(so_far);
    }
    return found;
}

}  // namespace statetrackd
