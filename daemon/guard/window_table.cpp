#include "guard/window_table.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <mutex>

namespace statetrackd {
namespace {

constexpr std::size_t capacity_min = 64;
constexpr std::size_t dropped_a_use_max = 64;

}  // namespace

// Windows stand in a ring in the order in which they opened, which is the order in which they end, and are
// found through a hash index of ring places (linear probing, deletion by shifting back).
class window_table::shard {
public:
    explicit shard(std::size_t windows_max) : windows_max_(windows_max) { resize(capacity_min); }

    window_standing use(const window_name& name, std::uint32_t hash, std::int64_t now_ms) {
        const std::lock_guard lock(mutex_);
        // Threads read the clock before they get here, in any order.
        latest_ms_ = std::max(latest_ms_, now_ms);
        drop_ended();
        auto at = find(name, hash);
        if (index_[at] != none) {
            auto& found = ring_[index_[at]];
            if (found.opened_ms + window_ms > latest_ms_) {
                if (found.used < std::numeric_limits<std::uint32_t>::max()) ++found.used;
                return {found.used, found.opened_ms + window_ms};
            }
            // Over, and not dropped yet: so many others ended before it. It opens again at the ring's end;
            // its old place is passed over when its turn comes.
            found.used = 0;
            erase(at);
        }
        make_room();
        at = find(name, hash);
        const auto place = (head_ + count_) & mask();
        ring_[place] = {.name = name, .opened_ms = latest_ms_, .hash = hash, .used = 1};
        index_[at] = static_cast<std::uint32_t>(place);
        ++count_;
        return {1, latest_ms_ + window_ms};
    }

    std::size_t count() const {
        const std::lock_guard lock(mutex_);
        return count_;
    }

    std::size_t memory_bytes() const {
        const std::lock_guard lock(mutex_);
        return ring_.capacity() * sizeof(window) + index_.capacity() * sizeof(std::uint32_t);
    }

private:
    // Two of them a line of the processor's caches.
    struct alignas(32) window {
        window_name name{};
        std::int64_t opened_ms = 0;
        std::uint32_t hash = 0;
        std::uint32_t used = 0;  // 0: the name has opened another one since
    };
    static_assert(sizeof(window) == 32);
    static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

    std::size_t mask() const { return ring_.size() - 1; }
    std::size_t index_mask() const { return index_.size() - 1; }

    // Its place in the index, or the free one where it belongs.
    std::size_t find(const window_name& name, std::uint32_t hash) const {
        std::size_t at = hash & index_mask();
        while (index_[at] != none && !(ring_[index_[at]].name == name)) at = (at + 1) & index_mask();
        return at;
    }

    void erase(std::size_t at) {
        for (auto next = (at + 1) & index_mask(); index_[next] != none; next = (next + 1) & index_mask()) {
            const std::size_t home = ring_[index_[next]].hash & index_mask();
            // It may move back unless its home lies between the hole and itself.
            if (((next - home) & index_mask()) < ((next - at) & index_mask())) continue;
            index_[at] = index_[next];
            at = next;
        }
        index_[at] = none;
    }

    void drop_oldest() {
        const auto& oldest = ring_[head_];
        if (oldest.used > 0) erase(find(oldest.name, oldest.hash));
        head_ = (head_ + 1) & mask();
        --count_;
    }

    void drop_ended() {
        for (std::size_t n = 0; n < dropped_a_use_max && count_ > 0; ++n) {
            if (ring_[head_].opened_ms + window_ms > latest_ms_) break;
            drop_oldest();
        }
        // Far below what doubles it, so that it does not go back and forth.
        if (ring_.size() > capacity_min && count_ <= ring_.size() / 8) resize(ring_.size() / 4);
    }

    void make_room() {
        if (count_ >= windows_max_) drop_oldest();
        if (count_ == ring_.size()) resize(2 * ring_.size());
    }

    void resize(std::size_t capacity) {
        std::vector<window> ring(capacity);
        for (std::size_t i = 0; i < count_; ++i) ring[i] = ring_[(head_ + i) & mask()];
        ring_ = std::move(ring);
        head_ = 0;
        index_ = std::vector<std::uint32_t>(2 * capacity, none);
        for (std::size_t i = 0; i < count_; ++i) {
            if (ring_[i].used == 0) continue;
            std::size_t at = ring_[i].hash & index_mask();
            while (index_[at] != none) at = (at + 1) & index_mask();
            index_[at] = static_cast<std::uint32_t>(i);
        }
    }

    mutable std::mutex mutex_;
    const std::size_t windows_max_;
    std::vector<window> ring_;  // a power of two
    std::vector<std::uint32_t> index_;
    std::size_t head_ = 0;
    std::size_t count_ = 0;
    std::int64_t latest_ms_ = std::numeric_limits<std::int64_t>::min();
};

window_table::window_table(window_table_options options) : seed_(options.seed) {
    const auto shards = std::bit_ceil(std::max<std::size_t>(options.shards, 1));
    const auto each = std::max<std::size_t>(options.windows_max / shards, 1);
    for (std::size_t i = 0; i < shards; ++i) shards_.push_back(std::make_unique<shard>(each));
}

window_table::~window_table() = default;

// Both halves mixed with the seed by the finalizer of SplitMix64.
std::uint64_t window_table::hash(const window_name& name) const {
    const auto mix = [](std::uint64_t x) {
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
        return x ^ (x >> 31);
    };
    return mix(mix(name.high ^ seed_) + name.low);
}

window_standing window_table::use(const window_name& name, std::int64_t now_ms) {
    const auto h = hash(name);
    // The index of a shard uses the low half.
    const auto at = static_cast<std::size_t>(h >> 32) & (shards_.size() - 1);
    return shards_[at]->use(name, static_cast<std::uint32_t>(h), now_ms);
}

std::size_t window_table::open_windows() const {
    std::size_t all = 0;
    for (const auto& s : shards_) all += s->count();
    return all;
}

std::size_t window_table::memory_bytes() const {
    std::size_t all = 0;
    for (const auto& s : shards_) all += s->memory_bytes();
    return all;
}

}  // namespace statetrackd
