// Fixed windows of one minute, counted by name, in bounded memory. Knows no clock and no policy.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace statetrackd {

inline constexpr std::int64_t window_ms = 60'000;

// Whose window it is: a digest, a UUID or an address.
struct window_name {
    std::uint64_t high = 0;
    std::uint64_t low = 0;

    friend bool operator==(const window_name&, const window_name&) = default;
};

struct window_standing {
    std::int64_t used = 0;  // this use included
    std::int64_t ends_ms = 0;
};

struct window_table_options {
    std::size_t windows_max =
        1'048'576;            // open at a time; memory grows with those that are, 40 to 80 bytes each
    std::size_t shards = 16;  // locks
    std::uint64_t seed = 0;   // unknown outside, or names could be chosen that collide
};

// A window opens with the first use of its name and is over after window_ms; what is over is dropped by later
// uses, a bounded number at a time. A use costs O(1). When a shard is full, its oldest window makes room:
// that name starts anew a little early, and nobody is refused for want of memory. Safe to call from several
// threads.
class window_table {
public:
    explicit window_table(window_table_options options);
    ~window_table();
    window_table(const window_table&) = delete;
    window_table& operator=(const window_table&) = delete;

    // Counts a use at `now_ms` of a clock that never goes back.
    window_standing use(const window_name& name, std::int64_t now_ms);

    std::size_t open_windows() const;
    std::size_t memory_bytes() const;

private:
    class shard;

    std::uint64_t hash(const window_name& name) const;

    std::uint64_t seed_;
    std::vector<std::unique_ptr<shard>> shards_;
};

}  // namespace statetrackd
