#include "statetrack/sqlite_snapshot.hpp"

#include <filesystem>
#include <mutex>
#include <utility>

#include "sqlite/online_copy.hpp"
#include "sqlite/opening.hpp"
#include "sqlite/view.hpp"
#include "statetrack/verify.hpp"

namespace statetrack {
namespace sqlite {
namespace {

constexpr int copied_pages_per_step = 1'024;
// Of SQLite's machine: some tens of microseconds.
constexpr int steps_between_questions = 10'000;

error given_up(const std::string& path) {
    return error(errc::store_unavailable, "copying to " + path + ": interrupted");
}

int ask_whether_interrupted(void* snapshot_asked) {
    return (*static_cast<const std::function<bool()>*>(snapshot_asked))() ? 1 : 0;
}

class one_moment final : public sqlite_snapshot {
public:
    one_moment(database on, std::int64_t version, snapshot_options options)
        : options_(std::move(options)),
          version_(version),
          reader_(std::move(on), names_),
          memory_(reader_.on(), names_, beaten_table(), 0) {
        if (options_.interrupted)
            sqlite3_progress_handler(reader_.on().get(), steps_between_questions, ask_whether_interrupted,
                                     &options_.interrupted);
    }

    result<> begin() {
        if (!readable()) return {};
        if (auto named = names_.load(reader_.on()); !named) return named;
        return memory_.journal.replay();
    }

    std::int64_t version() const noexcept override { return version_; }
    result<std::vector<std::string>> check_file() override;
    result<> copy(const std::string& to, const progress& told) override;
    result<> read(const std::function<result<>(reader&)>& body) override;

    void execute(std::span<unit_of_work* const> group) override {
        for (auto* unit : group) unit->outcome = error(errc::store_unavailable, "a snapshot is only read");
    }
    result<> checkpoint() override { return {}; }
    std::string_view name() const noexcept override { return "sqlite"; }

private:
    bool readable() const noexcept { return version_ == released_schema().version; }
    bool interrupted() const { return options_.interrupted && options_.interrupted(); }
    result<> check_copy(const std::string& path) const;

    snapshot_options options_;
    const std::int64_t version_;
    std::mutex mutex_;
    name_book names_;
    connection reader_;
    row_memory memory_;
};

result<> one_moment::read(const std::function<result<>(reader&)>& body) {
    std::lock_guard only(mutex_);
    if (!readable())
        return error(errc::store_unavailable, options_.path + " has schema version " +
                                                  std::to_string(version_) + "; this release reads version " +
                                                  std::to_string(released_schema().version));
    view in(reader_, memory_, memory_.writes());
    const unit_of_work reading{.body = [&](transaction& from) { return body(from); }};
    auto answer = run_body(reading, in);
    if (answer && in.lost_by()) answer = *in.lost_by();
    return answer;
}

result<std::vector<std::string>> one_moment::check_file() {
    std::lock_guard only(mutex_);
    const std::string doing = "checking " + options_.path;
    std::vector<std::string> found;
    const std::string texts[] = {
        "PRAGMA integrity_check(" + std::to_string(problems_shown_max) + ")",
        "SELECT 'row ' || rowid || ' of ' || \"table\" || ' names what is not there in ' || parent FROM "
        "pragma_foreign_key_check LIMIT " +
            std::to_string(problems_shown_max)};
    for (const auto& text : texts) {
        const auto by = statement::prepare(reader_.on(), text, doing);
        if (!by) return by.error();
        run all(*by);
        int code = all.step();
        for (; code == SQLITE_ROW; code = all.step()) {
            const auto* sentence = reinterpret_cast<const char*>(sqlite3_column_text(by->get(), 0));
            if (sentence && std::string_view(sentence) != "ok") found.emplace_back(sentence);
        }
        if (code == SQLITE_DONE) continue;
        auto why = failure(reader_.on().get(), code, doing);
        if (!why.is(errc::store_corrupt)) return why;
        found.push_back(std::move(why.detail));
    }
    return found;
}

result<> one_moment::copy(const std::string& to, const progress& told) {
    std::unique_lock only(mutex_);
    std::error_code wrong;
    const auto path = std::filesystem::absolute(to, wrong).lexically_normal().string();
    if (to.empty() || wrong) return error(errc::store_unavailable, "'" + to + "' is no path for a copy");
    auto copying = online_copy::begin(reader_.on(), path, options_.path);
    if (!copying) return copying.error();
    for (;;) {  // ends: within one transaction the source does not change
        const auto whole = copying->step(copied_pages_per_step);
        if (!whole || interrupted()) {
            (void)copying->release();
            return whole ? given_up(path) : whole.error();
        }
        if (told) told(copying->pages_done(), copying->pages());
        if (*whole) break;
    }
    if (auto released = copying->release(); !released) return released;
    only.unlock();
    if (auto checked = check_copy(copying->partial_path()); !checked) return checked;
    if (interrupted()) return given_up(path);
    return copying->finish();
}

result<> one_moment::check_copy(const std::string& path) const {
    const auto made =
        open_sqlite_snapshot({.path = path, .nobody_writes = true, .interrupted = options_.interrupted});
    if (!made) return made.error();
    const auto broken = [&](const std::string& how) {
        return error(errc::store_corrupt, "the copy of " + options_.path + " is broken: " + how);
    };
    const auto wrong = (*made)->check_file();
    if (!wrong) return wrong.error();
    if (!wrong->empty()) return broken(wrong->front());
    if (!readable()) return {};
    const auto found = verify(**made);
    if (!found) return found.error();
    if (found->broken_count > 0) return broken(found->broken.front());
    return {};
}

}  // namespace
}  // namespace sqlite

result<std::unique_ptr<sqlite_snapshot>> open_sqlite_snapshot(const snapshot_options& options) {
    if (options.path.empty() || options.path == ":memory:")
        return error(errc::validation_failed, "only a file can be looked at from outside");
    std::error_code wrong;
    snapshot_options resolved = options;
    resolved.path =
        std::filesystem::weakly_canonical(std::filesystem::absolute(options.path), wrong).string();
    if (wrong) return error(errc::store_unavailable, options.path + ": " + wrong.message());
    auto looking = sqlite::open_to_look(resolved);
    if (!looking) return looking.error();
    auto opened =
        std::make_unique<sqlite::one_moment>(std::move(looking->on), looking->version, std::move(resolved));
    if (auto begun = opened->begin(); !begun) return begun.error();
    return std::unique_ptr<sqlite_snapshot>(std::move(opened));
}

}  // namespace statetrack
