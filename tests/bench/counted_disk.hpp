// A SQLite VFS over the system's own: counts what is written to write-ahead logs and how often files are
// synced, and can make every sync take longer, as on a slow disk. For benchmarks; one a process.
#pragma once

#include <atomic>
#include <cstdint>

namespace statetrack::bench {

struct disk_counts {
    std::atomic<std::int64_t> wal_bytes{0};
    std::atomic<std::int64_t> syncs{0};
};

// Makes it SQLite's default; call it before any database is opened. Every sync takes sync_ms longer.
disk_counts& use_counted_disk(int sync_ms);

}  // namespace statetrack::bench
