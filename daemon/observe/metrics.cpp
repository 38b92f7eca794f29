#include "observe/metrics.hpp"

#include <chrono>

namespace statetrackd {
namespace {

constexpr std::size_t status_places = statuses_known + 1;  // the last for those without a name

constexpr std::int64_t ms = 1'000;
constexpr std::int64_t s = 1'000 * ms;
constexpr std::int64_t call_bounds_us[] = {100,     250,        500,     1 * ms,   2'500,    5 * ms,
                                           10 * ms, 25 * ms,    50 * ms, 100 * ms, 250 * ms, 500 * ms,
                                           1 * s,   2'500 * ms, 5 * s,   10 * s,   30 * s};
// A verdict is due within a second; the rest shows how far from it we are.
constexpr std::int64_t delay_bounds_us[] = {10 * ms,  50 * ms, 100 * ms,   250 * ms, 500 * ms,
                                            750 * ms, 1 * s,   1'500 * ms, 2 * s,    5 * s,
                                            15 * s,   60 * s,  300 * s};
static_assert(std::size(call_bounds_us) <= histogram_bounds_max);
static_assert(std::size(delay_bounds_us) <= histogram_bounds_max);

}  // namespace

std::int64_t steady_us() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

metrics::metrics(std::vector<endpoint> endpoints, std::function<std::int64_t()> now_us)
    : endpoints_(std::move(endpoints)),
      now_us_(std::move(now_us)),
      requests_((endpoints_.size() + 1) * verbs * status_places),
      requests_took_(call_bounds_us),
      beats_took_(call_bounds_us),
      store_took_{{histogram(call_bounds_us), histogram(call_bounds_us), histogram(call_bounds_us),
                   histogram(call_bounds_us)}},
      stall_delay_(delay_bounds_us) {}

std::size_t metrics::cell_of(std::size_t place, verb method, int status) const noexcept {
    return (place * verbs + static_cast<std::size_t>(method)) * status_places + place_of_status(status);
}

void metrics::request_done(std::optional<std::size_t> place, verb method, int status,
                           std::int64_t us) noexcept {
    const auto at = place.value_or(endpoints_.size());
    requests_[cell_of(at, method, status)].fetch_add(1, std::memory_order_relaxed);
    requests_took_.add(us);
    // A refusal says nothing of how long a beat takes.
    if (status == 200 && place && endpoints_[*place].beats) beats_took_.add(us);
}

void metrics::auth_failed(auth_failure why) noexcept {
    auth_failures_[static_cast<std::size_t>(why)].fetch_add(1, std::memory_order_relaxed);
}

void metrics::store_called(store_verb what, std::int64_t us) noexcept {
    store_took_[static_cast<std::size_t>(what)].add(us);
}

void metrics::sessions_are(std::optional<session_counts> counts) {
    const std::lock_guard lock(mutex_);
    sessions_ = counts;
}

std::vector<metrics::request_count> metrics::requests() const {
    std::vector<request_count> found;
    std::size_t cell = 0;
    for (std::size_t place = 0; place <= endpoints_.size(); ++place)
        for (std::size_t method = 0; method < verbs; ++method)
            for (std::size_t status = 0; status < status_places; ++status) {
                const auto count = requests_[cell++].load(std::memory_order_relaxed);
                if (count == 0) continue;
                found.push_back({place < endpoints_.size() ? endpoints_[place].path : "unmatched",
                                 static_cast<verb>(method), status_at(status), count});
            }
    return found;
}

std::uint64_t metrics::auth_failures(auth_failure why) const noexcept {
    return auth_failures_[static_cast<std::size_t>(why)].load(std::memory_order_relaxed);
}

std::optional<session_counts> metrics::sessions() const {
    const std::lock_guard lock(mutex_);
    return sessions_;
}

const histogram& metrics::store_durations(store_verb what) const noexcept {
    return store_took_[static_cast<std::size_t>(what)];
}

}  // namespace statetrackd
