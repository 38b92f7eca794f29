#include "statetrack/sqlite_store.hpp"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <mutex>
#include <utility>

#include "sqlite/checkpointer.hpp"
#include "sqlite/group_commit.hpp"
#include "sqlite/kept_reader.hpp"
#include "sqlite/online_copy.hpp"
#include "sqlite/opening.hpp"
#include "sqlite/owner_lock.hpp"
#include "sqlite/row_filler.hpp"
#include "sqlite/settings.hpp"
#include "sqlite/view.hpp"

namespace statetrack {
namespace sqlite {
namespace {

// One turn of a backup, about a millisecond.
constexpr int backup_pages_per_turn = 128;
// Of some milliseconds each: a checkpoint folds for no longer than that.
constexpr int quiet_slices_max = 64;

class one_file final : public sqlite_store {
public:
    one_file(owner_lock lock, database writer, database reader, database passes,
             const sqlite_options& options)
        : lock_(std::move(lock)),
          writer_(std::move(writer), names_),
          memory_(writer_.on(), names_, beaten_table(), options.row_memory_kib * 1024),
          reader_(std::move(reader), names_),
          checkpointer_(std::move(passes), writer_.on()),
          filler_(options, names_),
          cache_kib_max_(options.cache_kib) {}

    result<> begin() {
        if (auto named = names_.load(writer_.on()); !named) return named;
        if (auto counted = memory_.counts.load(writer_.on()); !counted) return counted;
        return memory_.journal.replay();
    }

    void execute(std::span<unit_of_work* const> group) override;
    result<> read(const std::function<result<>(reader&)>& body) override;
    result<> read_at_once(const std::function<result<>(reader&)>& body) override {
        kept_reader in(memory_);
        return body(in);
    }
    result<std::optional<stored_row>> find(const table& in, const value& key) override;
    result<> checkpoint() override;

    result<> backup(const std::string& path) override;

    std::string_view name() const noexcept override { return "sqlite"; }

private:
    void forget_folded();
    // With reader_mutex_ held. The view of one read is the next one's too while nothing has been committed:
    // to begin and end one takes longer than finding a row.
    int begin_reading();
    void end_reading();
    void let_go();
    result<> fit_cache_to_growth();
    // Folds while nobody writes: a writer does it by the way.
    result<> fold_in_quiet();

    owner_lock lock_;  // outlives the connections
    turns writers_turn_;
    name_book names_;
    connection writer_;
    row_memory memory_;
    std::atomic<std::uint64_t> groups_ = 0;  // executed
    std::uint64_t groups_seen_ = 0;          // by the last checkpoint
    std::mutex reader_mutex_;
    connection reader_;
    std::uint64_t commits_read_ = 0;  // that there were when the open view began
    std::mutex checkpoint_mutex_;
    checkpointer checkpointer_;
    row_filler filler_;
    const std::int64_t cache_kib_max_;
    std::mutex backup_mutex_;
};

void one_file::execute(std::span<unit_of_work* const> group) {
    std::lock_guard turn(writers_turn_);
    memory_.fetch(group);
    execute_group(writer_, memory_, group);
    memory_.group_ended();
    groups_.fetch_add(1, std::memory_order_relaxed);
    if (memory_.journal.wants_fold(true)) memory_.journal.begin_fold();
    if (memory_.journal.wants_forget()) forget_folded();
    checkpointer_.run_own_pass([this] { let_go(); });
}

// The log begins anew only where no view needs it.
void one_file::let_go() {
    const std::unique_lock no_reader(reader_mutex_, std::try_to_lock);
    if (no_reader) end_reading();
}

// A reader may have begun before the fold was committed: then another time.
void one_file::forget_folded() {
    const std::unique_lock no_reader(reader_mutex_, std::try_to_lock);
    if (!no_reader) return;
    const auto no_filler = filler_.pause();
    if (!no_filler) return;
    end_reading();
    memory_.journal.forget_folded();
}

int one_file::begin_reading() {
    const auto commits = memory_.commits();
    if (reader_.on().in_transaction()) {
        if (commits == commits_read_) return SQLITE_OK;
        end_reading();
    }
    commits_read_ = commits;
    return reader_.take(control::begin);
}

void one_file::end_reading() {
    if (reader_.on().in_transaction()) (void)reader_.take(control::rollback);
}

result<> one_file::checkpoint() {
    std::lock_guard only(checkpoint_mutex_);
    if (memory_.journal.wants_fold()) memory_.journal.begin_fold();
    const auto groups = groups_.load(std::memory_order_relaxed);
    result<> folded{};
    if (std::exchange(groups_seen_, groups) == groups) folded = fold_in_quiet();
    auto copied = checkpointer_.run_passes(writers_turn_, [this] { let_go(); });
    auto filled = filler_.fill_some(memory_);
    for (const auto& step : {folded, copied, filled})
        if (!step) return step;
    return fit_cache_to_growth();
}

result<> one_file::fit_cache_to_growth() {
    std::lock_guard turn(writers_turn_);
    return fit_cache(writer_.on(), cache_kib_max_);
}

result<> one_file::fold_in_quiet() {
    for (int slices = 0; slices < quiet_slices_max; ++slices) {
        std::lock_guard turn(writers_turn_);
        const auto more = memory_.journal.fold_alone();
        if (!more) return more.error();
        if (memory_.journal.wants_forget()) forget_folded();
        if (!*more) break;
    }
    return {};
}

// Where the row is not in memory it is read: what is kept there is the writer's business.
result<std::optional<stored_row>> one_file::find(const table& in, const value& key) {
    if (const auto* id = memory_.is_about(in) ? std::get_if<uuid>(&key) : nullptr)
        if (auto warm = memory_.find_committed(*id)) return warm;
    return store::find(in, key);
}

result<> one_file::read(const std::function<result<>(reader&)>& body) {
    std::lock_guard only(reader_mutex_);
    const auto since = memory_.writes();  // before the view that it says something of
    if (const int code = begin_reading(); code != SQLITE_OK)
        return failure(reader_.on().get(), code, "beginning to read");
    view in(reader_, memory_, since);
    const unit_of_work reading{.body = [&](transaction& from) { return body(from); }};
    auto answer = run_body(reading, in);
    if (answer && in.lost_by()) answer = *in.lost_by();
    if (!answer) end_reading();
    return answer;
}

result<> one_file::backup(const std::string& path) {
    std::lock_guard only(backup_mutex_);
    std::error_code wrong;
    const auto to = std::filesystem::absolute(path, wrong).lexically_normal().string();
    if (path.empty() || wrong)
        return error(errc::store_unavailable, "'" + path + "' is no path for a backup");
    std::unique_lock turn(writers_turn_);
    auto copy = online_copy::begin(writer_.on(), to, lock_.path());
    if (!copy) return copy.error();
    for (;;) {  // ends: the copy keeps up with the writer, and each turn brings it nearer to the end
        const auto whole = copy->step(backup_pages_per_turn);
        if (!whole) {
            (void)copy->release();
            return whole.error();
        }
        if (*whole) break;
        turn.unlock();
        turn.lock();
    }
    if (auto released = copy->release(); !released) return released;
    turn.unlock();
    return copy->finish();
}

}  // namespace

result<std::unique_ptr<sqlite_store>> open_sqlite_store_at(const sqlite_options& options,
                                                           const sql::schema_target& target) {
    if (options.path.empty() || options.path == ":memory:")
        return error(errc::validation_failed,
                     "a SQLite store needs a file; for one in memory there is the memory store");
    if (sqlite3_threadsafe() == 0)
        return error(errc::store_unavailable, "this SQLite was built for a single thread");
    // The lock goes by the name of the file itself, whatever links lead to it.
    std::error_code wrong;
    sqlite_options resolved = options;
    resolved.path =
        std::filesystem::weakly_canonical(std::filesystem::absolute(options.path), wrong).string();
    if (wrong) return error(errc::store_unavailable, options.path + ": " + wrong.message());
    auto lock = owner_lock::take(resolved.path);
    if (!lock) return lock.error();
    auto writer = open_writer(resolved, lock->path(), target);
    if (!writer) return writer.error();
    auto reader = open_beside(resolved, use::reading);
    if (!reader) return reader.error();
    auto passes = open_beside(resolved, use::checkpoints);
    if (!passes) return passes.error();
    auto opened = std::make_unique<one_file>(std::move(*lock), std::move(*writer), std::move(*reader),
                                             std::move(*passes), resolved);
    if (auto begun = opened->begin(); !begun) return begun.error();
    return opened;
}

}  // namespace sqlite

result<std::unique_ptr<sqlite_store>> open_sqlite_store(const sqlite_options& options) {
    return sqlite::open_sqlite_store_at(options, sqlite::released_schema());
}

bool stop_counting_sqlite_memory() { return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) == SQLITE_OK; }

}  // namespace statetrack
