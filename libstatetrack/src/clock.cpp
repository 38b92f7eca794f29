#include "statetrack/clock.hpp"

#include <time.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <string_view>

#include "statetrack/manual_clock.hpp"

namespace statetrack {
namespace {

std::int64_t read_ms(clockid_t id) {
    timespec now{};
    clock_gettime(id, &now);
    return static_cast<std::int64_t>(now.tv_sec) * 1'000 + now.tv_nsec / 1'000'000;
}

class system_clock final : public clock {
public:
    clock_reading read() const override {
        return {{read_ms(CLOCK_REALTIME)}, {read_ms(CLOCK_BOOTTIME)}, read_ms(CLOCK_MONOTONIC)};
    }
};

constexpr std::string_view form = "0000-00-00T00:00:00.000Z";

void write_digits(char* out, std::int64_t number, int width) {
    for (int i = width - 1; i >= 0; --i, number /= 10) out[i] = static_cast<char>('0' + number % 10);
}

bool read_digits(std::string_view text, std::size_t at, std::size_t width, int& out) {
    out = 0;
    for (std::size_t i = at; i < at + width; ++i) {
        if (text[i] < '0' || text[i] > '9') return false;
        out = out * 10 + (text[i] - '0');
    }
    return true;
}

}  // namespace

std::unique_ptr<clock> make_system_clock() { return std::make_unique<system_clock>(); }

void write_text(timestamp at, char* out) {
    using namespace std::chrono;
    constexpr std::int64_t year_0 = -62'167'219'200'000, year_10000 = 253'402'300'800'000;
    const std::int64_t ms = std::clamp(at.ms, year_0, year_10000 - 1);
    const std::int64_t days_since = ms >= 0 ? ms / day_ms : -((-ms + day_ms - 1) / day_ms);
    const std::int64_t in_day = ms - days_since * day_ms;
    const year_month_day date{sys_days{days{days_since}}};
    std::memcpy(out, form.data(), form.size());
    write_digits(out, static_cast<int>(date.year()), 4);
    write_digits(out + 5, static_cast<unsigned>(date.month()), 2);
    write_digits(out + 8, static_cast<unsigned>(date.day()), 2);
    write_digits(out + 11, in_day / 3'600'000, 2);
    write_digits(out + 14, in_day / 60'000 % 60, 2);
    write_digits(out + 17, in_day / 1'000 % 60, 2);
    write_digits(out + 20, in_day % 1'000, 3);
}

std::string to_string(timestamp at) {
    std::string text(form);
    write_text(at, text.data());
    return text;
}

std::optional<timestamp> parse_timestamp(std::string_view text) {
    using namespace std::chrono;
    if (text.size() != 20 && text.size() != 24) return std::nullopt;
    int y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0, milli = 0;
    const bool digits_fine = read_digits(text, 0, 4, y) && read_digits(text, 5, 2, mo) &&
                             read_digits(text, 8, 2, d) && read_digits(text, 11, 2, h) &&
                             read_digits(text, 14, 2, mi) && read_digits(text, 17, 2, s) &&
                             (text.size() == 20 || read_digits(text, 20, 3, milli));
    const bool marks_fine = text[4] == '-' && text[7] == '-' && text[10] == 'T' && text[13] == ':' &&
                            text[16] == ':' && text.back() == 'Z' && (text.size() == 20 || text[19] == '.');
    if (!digits_fine || !marks_fine || h > 23 || mi > 59 || s > 59) return std::nullopt;
    const year_month_day date{year{y}, month{static_cast<unsigned>(mo)}, day{static_cast<unsigned>(d)}};
    if (!date.ok()) return std::nullopt;
    const std::int64_t days_since = sys_days{date}.time_since_epoch().count();
    return timestamp{days_since * day_ms + h * 3'600'000LL + mi * 60'000LL + s * 1'000LL + milli};
}

manual_clock::manual_clock(timestamp start) : now_{start, {0}, 0} {}

clock_reading manual_clock::read() const {
    std::lock_guard lock(mutex_);
    return now_;
}

void manual_clock::advance(std::int64_t ms) {
    assert(ms >= 0);
    std::lock_guard lock(mutex_);
    now_.wall.ms += ms;
    now_.age.ms += ms;
    now_.awake_ms += ms;
}

void manual_clock::suspend(std::int64_t ms) {
    assert(ms >= 0);
    std::lock_guard lock(mutex_);
    now_.wall.ms += ms;
    now_.age.ms += ms;
}

void manual_clock::step_wall(std::int64_t ms) {
    std::lock_guard lock(mutex_);
    now_.wall.ms += ms;
}

void manual_clock::reboot(std::int64_t ms) {
    assert(ms >= 0);
    std::lock_guard lock(mutex_);
    now_ = {{now_.wall.ms + ms}, {0}, 0};
}

}  // namespace statetrack
