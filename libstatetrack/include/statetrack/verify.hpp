// Checks a whole store against every invariant of the model. Reads every row: for `--verify`, after a
// migration and in tests; nothing else in the library looks at everything.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "statetrack/storage.hpp"

namespace statetrack {

struct verification {
    std::int64_t sessions = 0;
    std::int64_t tasks = 0;
    std::int64_t machines = 0;
    std::int64_t events = 0;
    std::int64_t idempotency_records = 0;
    std::vector<std::string> broken{};  // a sentence each, at most problems_shown_max
    std::int64_t broken_count = 0;
};

inline constexpr std::size_t problems_shown_max = 100;

// Places, slots, chains, completed_at, orphans, kept counts, and that the events replayed give the rows.
// Errors: those of the store.
result<verification> verify(store& keep);

}  // namespace statetrack
