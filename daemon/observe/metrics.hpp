// What the daemon counts on its way: requests, durations, refusals, verdicts. Counting takes no lock and no
// memory; exposition.hpp shows it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "api/http_message.hpp"
#include "guard/keys.hpp"
#include "observe/histogram.hpp"
#include "statetrack/views.hpp"

namespace statetrackd {

// The template of a route, of which there are as many as the route table has: a label never comes from
// outside.
struct endpoint {
    std::string_view path{};
    bool beats = false;
};

// The verbs of the storage seam.
enum class store_verb : std::uint8_t { execute, read, find, checkpoint };
inline constexpr std::array<std::string_view, 4> store_verb_names = {"execute", "read", "find", "checkpoint"};

using session_counts = std::array<std::int64_t, statetrack::session_statuses>;

// Safe to call from several threads.
class metrics {
public:
    // `now_us` reads a clock that never goes back, in microseconds.
    explicit metrics(std::vector<endpoint> endpoints, std::function<std::int64_t()> now_us);

    std::int64_t now_us() const { return now_us_(); }

    // `place`: of the endpoint; nothing where the request found no route.
    void request_done(std::optional<std::size_t> place, verb method, int status, std::int64_t us) noexcept;
    void rate_limited() noexcept { rate_limited_.fetch_add(1, std::memory_order_relaxed); }
    void auth_failed(auth_failure why) noexcept;
    void store_called(store_verb what, std::int64_t us) noexcept;
    // Marking time − deadline.
    void stall_marked(std::int64_t late_ms) noexcept { stall_delay_.add(late_ms * 1'000); }
    // As last counted; nothing while the store does not answer.
    void sessions_are(std::optional<session_counts> counts);

    struct request_count {
        std::string_view path;
        verb method;
        int status;  // 0: none that has a name
        std::uint64_t count;
    };
    // Those that there were.
    std::vector<request_count> requests() const;
    std::uint64_t rate_limited_count() const noexcept { return rate_limited_; }
    std::uint64_t auth_failures(auth_failure why) const noexcept;
    std::optional<session_counts> sessions() const;
    const histogram& request_durations() const noexcept { return requests_took_; }
    const histogram& heartbeat_durations() const noexcept { return beats_took_; }
    const histogram& store_durations(store_verb what) const noexcept;
    const histogram& stall_delays() const noexcept { return stall_delay_; }

private:
    std::size_t cell_of(std::size_t place, verb method, int status) const noexcept;

    const std::vector<endpoint> endpoints_;
    const std::function<std::int64_t()> now_us_;
    std::vector<std::atomic<std::uint64_t>> requests_;  // by endpoint, the last for none, verb and status
    std::atomic<std::uint64_t> rate_limited_{0};
    std::array<std::atomic<std::uint64_t>, auth_failure_names.size()> auth_failures_{};
    histogram requests_took_, beats_took_;
    std::array<histogram, store_verb_names.size()> store_took_;
    histogram stall_delay_;
    mutable std::mutex mutex_;
    std::optional<session_counts> sessions_;
};

// Of the operating system's steady clock.
std::int64_t steady_us();

}  // namespace statetrackd
