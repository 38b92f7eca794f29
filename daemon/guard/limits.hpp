// Who may ask how often: budgets a minute for keys, sessions, machines and failed authentication.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string_view>

#include "guard/window_table.hpp"
#include "statetrack/clock.hpp"
#include "statetrack/ids.hpp"

namespace statetrackd {

// A minute; 0: none.
struct rate_limits {
    std::int64_t requests = 100;    // of a key, heartbeats apart
    std::int64_t heartbeats = 600;  // of a session, and of a machine's own beat
    std::int64_t failed_keys = 30;  // 401s of an address; whoever then shows a valid key is still served
};

// Where a request stands in the budget that it used.
struct budget_standing {
    std::int64_t limit = 0;  // 0: it used none
    std::int64_t remaining = 0;
    std::int64_t resets_at_s = 0;  // Unix time
    std::int64_t resets_in_s = 0;  // at least 1
    bool exceeded = false;
};

// Each budget is a fixed window that opens with its first use. Safe to call from several threads.
class limiter {
public:
    limiter(rate_limits limits, std::uint64_t seed);

    // The windows that are open stay so and count on.
    void set(rate_limits limits);

    budget_standing use_key(std::span<const std::uint8_t, 32> digest, const statetrack::clock_reading& now);
    budget_standing use_session(const statetrack::uuid& id, const statetrack::clock_reading& now);
    budget_standing use_machine(std::string_view id, const statetrack::clock_reading& now);
    // An IPv6 network of 64 bits counts as one address: its holder has them all.
    budget_standing use_address(std::string_view address, const statetrack::clock_reading& now);

    std::size_t memory_bytes() const;

private:
    static budget_standing use(window_table& in, const window_name& name, std::int64_t limit,
                               const statetrack::clock_reading& now);

    std::atomic<std::int64_t> requests_, heartbeats_, failed_keys_;
    window_table keys_, sessions_, machines_, addresses_;
};

}  // namespace statetrackd
