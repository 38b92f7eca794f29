// The operating system's files beneath SQLite, under a test's eyes: it is told of every write, sync,
// truncation and question for a size before it happens, and of every time when readers are shown more of the
// write-ahead log.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>

namespace statetrack::testing {

// The newest frame that readers are shown, as the log's index names it (SQLite's file format, 4.5 and
// WAL-mode File Format, 2.1).
struct shown_frame {
    std::uint32_t number = 0;  // from 1; 0: the log holds nothing
    std::uint32_t page_bytes = 0;
    std::array<unsigned char, 8> salt{};
    std::array<std::uint32_t, 2> checksum{};

    bool operator==(const shown_frame&) const = default;
};

struct disk_event {
    enum class kind : std::uint8_t { write, sync, truncate, size, show };
    kind what;
    bool of_log;         // of the database itself where not
    bool zeros = false;  // a write of nothing else
    shown_frame shown{};
};

// What it answers is what SQLite gets instead, where it is not SQLITE_OK. What it does to files itself is not
// reported.
using disk_observer = std::function<int(const disk_event&)>;

// As long as it lives. From one thread, one at a time. A program that links this has it beneath every store,
// seen or not.
class observed_disk {
public:
    explicit observed_disk(disk_observer by);
    ~observed_disk();
    observed_disk(const observed_disk&) = delete;
    observed_disk& operator=(const observed_disk&) = delete;
};

}  // namespace statetrack::testing
