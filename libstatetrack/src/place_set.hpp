// Finds things by what they hold, where each has a 32-bit place of its own: the set keeps the places only,
// some seven bytes each, and asks the owner what stands there.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace statetrack {

// A good hash of numbers that follow each other: every bit reaches every bit.
inline std::uint64_t hash_of_number(std::int64_t number) {
    auto h = static_cast<std::uint64_t>(number) * 0x9E3779B97F4A7C15ULL;
    h = (h ^ h >> 32) * 0xD6E8FEB86659FD93ULL;
    return h ^ h >> 32;
}

// Buckets of one cache line, with a byte of each hash, so that a look-up mostly costs one miss here and one
// where the thing is. In shards that grow by themselves, a quarter at a time: nobody waits until a million
// places have been put anew. Hashes have to be good in all their bits. Not thread-safe.
class place_set {
public:
    using place = std::uint32_t;

    // The place that has this hash and that `is_it` accepts.
    template <class F>
    std::optional<place> find(std::uint64_t hash, F&& is_it) const {
        const shard& in = shards_[shard_of(hash)];
        if (in.size == 0) return std::nullopt;
        const std::uint8_t tag = tag_of(hash);
        std::size_t at = bucket_of(hash, in.buckets);
        for (std::uint32_t seen = 0; seen < in.buckets; ++seen, at = next(at, in.buckets)) {
            const bucket& b = in.all[at];
            for (std::size_t i = 0; i < places_each; ++i)
                if (b.tags[i] == tag && is_it(b.places[i])) return b.places[i];
            if (b.passed == 0) break;
        }
        return std::nullopt;
    }

    // One that may have this hash, unseen: nearly always the one.
    std::optional<place> likely(std::uint64_t hash) const {
        return find(hash, [](place) { return true; });
    }

    // Has the processor fetch what find will look at. (GCC 12 takes a function that does nothing else for one
    // without effects, and leaves out its calls: whoever calls this from one of his own has it inlined.)
    void fetch(std::uint64_t hash) const {
        const shard& in = shards_[shard_of(hash)];
        if (in.size > 0) __builtin_prefetch(&in.all[bucket_of(hash, in.buckets)]);
    }

    // One that is not in it. `hash_of` a place is asked where a shard grows.
    template <class F>
    void insert(std::uint64_t hash, place p, F&& hash_of) {
        shard& in = shards_[shard_of(hash)];
        if (in.size + 1 > fill_max(in.buckets)) grow(in, in.buckets + 1 + in.buckets / 4, hash_of);
        put(in, hash, p);
        ++in.size;
        ++size_;
    }

    // So many are about to come.
    template <class F>
    void reserve(std::size_t places, F&& hash_of) {
        // A shard may get somewhat more than its part.
        const std::size_t each = places / shards_.size() + places / shards_.size() / 16;
        for (shard& in : shards_)
            if (each > fill_max(in.buckets)) grow(in, each / full_places + 1, hash_of);
    }

    void erase(std::uint64_t hash, place p) {
        shard& in = shards_[shard_of(hash)];
        if (in.size == 0) return;
        const std::size_t first = bucket_of(hash, in.buckets);
        std::size_t at = first;
        for (std::uint32_t seen = 0; seen < in.buckets; ++seen, at = next(at, in.buckets)) {
            bucket& b = in.all[at];
            if (const auto i = slot_of(b, tag_of(hash), p); i < places_each) {
                b.tags[i] = 0;
                for (std::size_t before = first; before != at; before = next(before, in.buckets))
                    --in.all[before].passed;
                --in.size;
                --size_;
                return;
            }
            if (b.passed == 0) return;
        }
    }

    std::size_t size() const noexcept { return size_; }
    std::size_t bytes() const noexcept { return sizeof *this + buckets_ * sizeof(bucket); }

private:
    static constexpr std::size_t places_each = 12;
    static constexpr std::size_t full_places = 10;  // of a bucket, in the mean
    struct alignas(64) bucket {
        std::array<std::uint8_t, places_each> tags{};  // 0: free
        std::uint32_t passed = 0;                      // so many went on to a later one, for want of room
        std::array<place, places_each> places{};
    };
    static_assert(sizeof(bucket) == 64);
    struct shard {
        std::unique_ptr<bucket[]> all{};
        std::uint32_t buckets = 0;
        std::uint32_t size = 0;
    };

    static constexpr std::size_t fill_max(std::size_t buckets) { return buckets * full_places; }
    static std::size_t shard_of(std::uint64_t hash) { return hash >> 57; }
    static std::uint8_t tag_of(std::uint64_t hash) {
        const auto tag = static_cast<std::uint8_t>(hash >> 48);
        return tag == 0 ? std::uint8_t{1} : tag;
    }
    static std::size_t bucket_of(std::uint64_t hash, std::uint32_t buckets) {
        return (hash & 0xFFFF'FFFF) * buckets >> 32;
    }
    static std::size_t next(std::size_t at, std::uint32_t buckets) { return at + 1 == buckets ? 0 : at + 1; }
    static std::size_t slot_of(const bucket& b, std::uint8_t tag, place p) {
        std::size_t i = 0;
        while (i < places_each && !(b.tags[i] == tag && b.places[i] == p)) ++i;
        return i;
    }

    static void put(shard& in, std::uint64_t hash, place p) {
        for (std::size_t at = bucket_of(hash, in.buckets);; at = next(at, in.buckets)) {
            bucket& b = in.all[at];
            for (std::size_t i = 0; i < places_each; ++i) {
                if (b.tags[i] != 0) continue;
                b.tags[i] = tag_of(hash);
                b.places[i] = p;
                return;
            }
            ++b.passed;
        }
    }

    template <class F>
    void grow(shard& in, std::size_t buckets, F&& hash_of) {
        shard to{.all = std::make_unique<bucket[]>(buckets),
                 .buckets = static_cast<std::uint32_t>(buckets),
                 .size = in.size};
        for (std::size_t at = 0; at < in.buckets; ++at)
            for (std::size_t i = 0; i < places_each; ++i)
                if (in.all[at].tags[i] != 0) put(to, hash_of(in.all[at].places[i]), in.all[at].places[i]);
        buckets_ += buckets - in.buckets;
        in = std::move(to);
    }

    std::array<shard, 128> shards_{};
    std::size_t size_ = 0;
    std::size_t buckets_ = 0;
};

}  // namespace statetrack
