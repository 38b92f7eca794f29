#include "database.hpp"

#include <algorithm>

#include "guard/guarded_store.hpp"
#include "observe/timed_store.hpp"

namespace statetrackd {

using statetrack::errc;

database::database(opener open_store, statetrack::tracker_options options, parts with)
    : open_store_(std::move(open_store)), options_(std::move(options)), with_(with) {}
database::~database() = default;

statetrack::result<> database::open() {
    auto opened = open_store_();
    if (!opened) return opened.error();
    auto raw = std::move(*opened);
    auto timed = std::make_unique<timed_store>(*raw, with_.counted);
    auto guarded = std::make_unique<guarded_store>(*timed, with_.breaker, with_.time, with_.log);
    auto tracked = statetrack::tracker::open(*guarded, with_.time, with_.ids, options_);
    if (!tracked) return tracked.error();
    raw_ = std::move(raw);
    timed_ = std::move(timed);
    guarded_ = std::move(guarded);
    tracked_ = std::move(*tracked);
    return {};
}

bool may_pass(const statetrack::error& e) {
    return e.is(errc::store_unavailable) || e.is(errc::store_full) || e.is(errc::commit_unknown);
}

std::int64_t connect_delay_ms(std::int64_t attempts) {
    constexpr std::int64_t first_ms = 1'000;
    constexpr std::int64_t doublings_max = 5;
    const auto doublings = std::clamp<std::int64_t>(attempts - 1, 0, doublings_max);
    return std::min(first_ms << doublings, connect_delay_ms_max);
}

}  // namespace statetrackd
