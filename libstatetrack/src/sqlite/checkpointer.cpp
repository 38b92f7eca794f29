#include "sqlite/checkpointer.hpp"

#include <mutex>

namespace statetrack::sqlite {
namespace {

// A log up to this many pages (4 MB) is nobody's concern: it is what SQLite itself lets gather.
constexpr int log_pages_small = 1'000;
// So many the writer copies in less than half a millisecond.
constexpr int pages_left_for_writer = 300;
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

// What a pass has copied, so that the writer's own pass does not wait for it.
result<> sync(const database& on) {
    sqlite3_file* file = nullptr;
    int code = sqlite3_file_control(on.get(), "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (code == SQLITE_OK && file && file->pMethods) code = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
    if (code != SQLITE_OK) return failure(on.get(), code, "syncing the database");
    return {};
}

}  // namespace

result<> checkpointer::run_passes(turns& writers_turn, const database& writer,
                                  const std::function<void()>& let_go) {
    if (!took_over_) {
        std::lock_guard turn(writers_turn);
        sqlite3_wal_autocheckpoint(writer.get(), log_pages_max);
        took_over_ = true;
    }
    for (int passes = 0; passes < passes_max; ++passes) {
        let_go();
        const auto after = pass(on_);
        if (!after) return after.error();
        // Where all is copied the next commit begins the log anew.
        if (after->left == 0 || after->in_log <= log_pages_small) return {};
        if (auto synced = sync(on_); !synced) return synced;
        if (after->left <= pages_left_for_writer) break;
    }
    std::lock_guard turn(writers_turn);
    let_go();
    if (const auto last = pass(writer); !last) return last.error();
    return {};
}

}  // namespace statetrack::sqlite
