#include "sqlite/checkpointer.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>

#include "sqlite/paced_vfs.hpp"

namespace statetrack::sqlite {
namespace {

// A log up to this many pages (4 MB) is nobody's concern: it is what SQLite itself lets gather.
constexpr int log_pages_small = 1'000;
// From so many on (32 MB) it is to begin anew, which takes more passes than copying does.
constexpr int log_pages_large = 8'000;
// So many pages the first pass copies between two syncs, where it has many: commits that come meanwhile wait
// behind no more. Measured with heartbeats beside a retention that deletes 400 sessions a second: their p99
// is 2.9 ms with 16 and with 64, 4.1 with 256, and 4.9 where only the end is synced. Each further pass takes
// four times as many, so that no writer stays ahead of them all.
constexpr int pages_between_syncs = 64;
// So many the writer copies, and the disk takes, in a millisecond or two.
constexpr int pages_left_for_writer = 64;
// And no more than so many where a commit came before its turn.
constexpr int pages_in_turn_max = 256;
// Each pass copies what came in during the one before, which took a fraction of the time.
constexpr int passes_max = 8;
// Where the host stops calling, the writer does it after all before the disk fills: 200 MB.
constexpr int log_pages_max = 50'000;

struct log_state {
    int in_log = 0;
    int left = 0;
};

// Copies what no reader needs the log for. SQLite syncs the database file only in a pass that reaches the
// log's end, and only then begins the log anew.
result<log_state> pass(const database& on) {
    int in_log = 0, copied = 0;
    const int code = sqlite3_wal_checkpoint_v2(on.get(), "main", SQLITE_CHECKPOINT_PASSIVE, &in_log, &copied);
    if (code == SQLITE_BUSY) return log_state{};  // somebody else is at it
    if (code != SQLITE_OK) return failure(on.get(), code, "checkpointing");
    return log_state{in_log, in_log - copied};
}

int note_length(void* to, sqlite3*, const char*, int pages) {
    static_cast<std::atomic<int>*>(to)->store(pages, std::memory_order_relaxed);
    return SQLITE_OK;
}

}  // namespace

// SQLite's own hook copies whatever views are open, and goes on trying at every commit.
checkpointer::checkpointer(database on, const database& writer) : on_(std::move(on)), writer_(writer) {
    sqlite3_wal_hook(writer_.get(), note_length, &log_pages_);
}

// A log into which commits keep coming is never copied whole: the last pass is one in which nothing comes.
// Where they come as fast as they are copied there is none this time, rather than that the writer waits.
result<> checkpointer::run_passes(turns& writers_turn, const std::function<void()>& let_go) {
    took_over_ = true;
    for (int passes = 0; passes < passes_max; ++passes) {
        let_go();
        const int log_pages = log_pages_;
        const int uncopied = log_pages < copied_ ? log_pages : log_pages - copied_;  // it has begun anew
        set_pace(on_, uncopied > log_pages_small ? pages_between_syncs << 2 * passes : log_pages_small);
        const auto after = pass(on_);
        if (!after) return after.error();
        copied_ = after->in_log - after->left;
        if (after->in_log <= log_pages_small) return {};
        if (after->left == 0 && after->in_log < log_pages_large) return {};
        const auto left = [&] {
            return std::max(0, log_pages_.load(std::memory_order_relaxed) - after->in_log) + after->left;
        };
        if (left() > pages_left_for_writer) continue;
        std::lock_guard turn(writers_turn);
        if (left() > pages_in_turn_max) continue;
        let_go();
        if (const auto last = pass(writer_); !last) return last.error();
        return {};
    }
    return {};
}

void checkpointer::run_own_pass(const std::function<void()>& let_go) {
    const int pages = log_pages_.load(std::memory_order_relaxed);
    const int pages_max = took_over_ ? log_pages_max : log_pages_small;
    if (pages < pages_max || pages < next_pass_at_) return;
    let_go();
    const auto done = pass(writer_);
    next_pass_at_ = done && done->left == 0 ? 0 : pages + log_pages_small;
}

}  // namespace statetrack::sqlite
