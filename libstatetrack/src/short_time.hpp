// A timestamp or an instant in six bytes, for what is held a million times. 4 400 years on either side of its
// clock's zero; what lies beyond is held as the end of that.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace statetrack {

template <class Time>
class short_time {
public:
    static constexpr std::int64_t ms_max = (std::int64_t{1} << 47) - 1;

    constexpr short_time(Time at = {}) { *this = at; }
    constexpr short_time& operator=(Time at) {
        const auto ms = static_cast<std::uint64_t>(std::clamp(at.ms, -ms_max, ms_max));
        parts_ = {static_cast<std::uint16_t>(ms), static_cast<std::uint16_t>(ms >> 16),
                  static_cast<std::uint16_t>(ms >> 32)};
        return *this;
    }
    constexpr operator Time() const {
        const std::uint64_t ms =
            std::uint64_t{parts_[0]} | std::uint64_t{parts_[1]} << 16 | std::uint64_t{parts_[2]} << 32;
        return {static_cast<std::int64_t>(ms << 16) >> 16};
    }

private:
    std::array<std::uint16_t, 3> parts_{};
};

}  // namespace statetrack
