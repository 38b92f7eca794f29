#include "statetrack/sqlite_store.hpp"

#include <filesystem>
#include <mutex>

#include "sqlite/checkpointer.hpp"
#include "sqlite/group_commit.hpp"
#include "sqlite/online_copy.hpp"
#include "sqlite/opening.hpp"
#include "sqlite/owner_lock.hpp"
#include "sqlite/view.hpp"

namespace statetrack {
namespace sqlite {
namespace {

// One turn of a backup, about a millisecond.
constexpr int backup_pages_per_turn = 128;

class one_file final : public sqlite_store {
public:
    one_file(owner_lock lock, database writer, database reader, database passes)
        : lock_(std::move(lock)),
          writer_(std::move(writer)),
          reader_(std::move(reader)),
          checkpointer_(std::move(passes)) {}

    void execute(std::span<unit_of_work* const> group) override {
        std::lock_guard turn(writers_turn_);
        execute_group(writer_, group);
    }

    result<> read(const std::function<result<>(reader&)>& body) override;

    result<> checkpoint() override {
        std::lock_guard only(checkpoint_mutex_);
        return checkpointer_.run_passes(writers_turn_, writer_.on());
    }

    result<> backup(const std::string& path) override;

    std::string_view name() const noexcept override { return "sqlite"; }

private:
    owner_lock lock_;  // outlives the connections
    turns writers_turn_;
    connection writer_;
    std::mutex reader_mutex_;
    connection reader_;
    std::mutex checkpoint_mutex_;
    checkpointer checkpointer_;
    std::mutex backup_mutex_;
};

result<> one_file::read(const std::function<result<>(reader&)>& body) {
    std::lock_guard only(reader_mutex_);
    if (const int code = reader_.take(control::begin); code != SQLITE_OK)
        return failure(reader_.on().get(), code, "beginning to read");
    view in(reader_);
    const unit_of_work reading{.body = [&](transaction& from) { return body(from); }};
    auto answer = run_body(reading, in);
    if (answer && in.lost_by()) answer = *in.lost_by();
    if (reader_.on().in_transaction()) (void)reader_.take(control::rollback);
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
    return std::make_unique<one_file>(std::move(*lock), std::move(*writer), std::move(*reader),
                                      std::move(*passes));
}

}  // namespace sqlite

result<std::unique_ptr<sqlite_store>> open_sqlite_store(const sqlite_options& options) {
    return sqlite::open_sqlite_store_at(options, sqlite::released_schema());
}

}  // namespace statetrack
