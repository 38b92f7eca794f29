#include "sqlite/beat_journal.hpp"

#include <algorithm>

#include "sql/verb_text.hpp"
#include "sqlite/packed_bytes.hpp"
#include "sqlite/sqlite_dialect.hpp"

namespace statetrack::sqlite {
namespace {

// Folding begins at a megabyte, or where the journal holds two beats for every row in memory: later it saves
// writes to the rows, sooner it saves bytes and the time of a replay.
constexpr std::size_t journal_bytes_small = 1024 * 1024;
constexpr std::size_t journal_bytes_per_row = 24;
// Where nobody calls checkpoint the writer begins by itself.
constexpr std::size_t patience = 4;
// A commit folds twice as many rows as it has beats, so that folding gets ahead, and at least so many.
constexpr std::size_t fold_rows_min = 32;
constexpr std::size_t fold_rows_alone = 512;
constexpr std::size_t trim_rows = 16;

const std::string insert_text = "INSERT INTO \"beat_journal\" (\"n\", \"beats\") VALUES (?1, ?2)";
const std::string trim_text = "DELETE FROM \"beat_journal\" WHERE \"n\" <= ?1";
const std::string replay_text = "SELECT \"n\", \"beats\" FROM \"beat_journal\" ORDER BY \"n\"";

}  // namespace

std::string create_journal() {
    return "CREATE TABLE \"beat_journal\" (\"n\" INTEGER PRIMARY KEY, \"beats\" BLOB NOT NULL) STRICT";
}

result<> beat_journal::replay() {
    constexpr std::string_view doing = "reading the journal of heartbeats";
    const auto by = statement::prepare(on_, replay_text, doing);
    if (!by) return by.error();
    std::lock_guard lock(mutex_);
    run all(*by);
    int code = all.step();
    for (; code == SQLITE_ROW; code = all.step()) {
        const auto* bytes = static_cast<const char*>(sqlite3_column_blob(by->get(), 1));
        const auto size = static_cast<std::size_t>(sqlite3_column_bytes(by->get(), 1));
        const auto beats = unpacked(bytes ? std::string_view(bytes, size) : std::string_view());
        if (!beats) return error(errc::store_corrupt, std::string(doing) + ": a row of it is no journal's");
        if (bytes_ == 0) first_row_ = all.integer(0);
        last_row_ = all.integer(0);
        bytes_ += size;
        take(*beats);
    }
    if (code != SQLITE_DONE) return failure(on_.get(), code, doing);
    return {};
}

std::optional<beat_state> beat_journal::find(std::int64_t ordinal) const {
    if (const auto* fresh = batch_.find(ordinal)) return *fresh;
    return beats_.journalled(ordinal);
}

// Later they are folded in order, each row once however often it was beaten.
void beat_journal::take(std::span<const journalled_beat> beats) {
    beats_.take(beats, [this](std::int64_t ordinal) {
        pack_signed(beaten_, ordinal);
        ++beaten_count_;
    });
}

int beat_journal::prepare() {
    if (insert_.get()) return SQLITE_OK;
    const auto fold_text = sql::fold_text(sqlite_dialect(), of_);
    const struct {
        statement& to;
        const std::string& text;
    } wanted[] = {{fold_, fold_text}, {trim_, trim_text}, {insert_, insert_text}};
    for (const auto& one : wanted) {
        auto made = statement::prepare(on_, one.text, "");
        if (!made) return sqlite3_extended_errcode(on_.get());
        one.to = std::move(*made);
    }
    return SQLITE_OK;
}

int beat_journal::write() {
    if (batch_.empty()) return SQLITE_OK;
    if (const int code = prepare(); code != SQLITE_OK) return code;
    const auto journal_row = [&] {
        std::lock_guard lock(mutex_);
        return last_row_ + 1;
    }();
    const std::string blob = batch_.packed();
    run one(insert_);
    one.bind(journal_row);
    one.bind_blob(blob);
    if (const int code = one.step(); code != SQLITE_DONE) return code;
    wrote_batch_ = true;
    batch_bytes_ = blob.size();
    return SQLITE_OK;
}

int beat_journal::fold_some() {
    if (const int code = prepare(); code != SQLITE_OK) return code;
    const auto at = [&] {
        std::lock_guard lock(mutex_);
        return stage_;
    }();
    return at == stage::folding ? fold_slice() : at == stage::trimming ? trim_slice() : SQLITE_OK;
}

bool beat_journal::folds_now() const { return put_off_ == 0 && folding(); }

int beat_journal::fold_slice() {
    const std::size_t least = batch_.empty() ? fold_rows_alone : fold_rows_min;
    const std::size_t end = std::min(order_.size(), folded_ + std::max(least, 2 * batch_.size()));
    for (std::size_t i = folded_; i < end; ++i) {
        // What this very group brings is newer, and has its turn in the next pass.
        const auto state = beats_.journalled(order_[i]);
        if (!state) continue;
        run one(fold_);
        one.bind(state->last_heartbeat);
        state->has_progress ? one.bind(state->last_progress_at) : one.bind_null();
        one.bind(state->progress_seq);
        state->has_silence ? one.bind(state->silence_until) : one.bind_null();
        one.bind(order_[i]);
        if (const int code = one.step(); code != SQLITE_DONE) return code;
    }
    slice_ = end - folded_;
    return SQLITE_OK;
}

// Oldest first: as long as a row's beats stand anywhere in the journal, the newest of them does.
int beat_journal::trim_slice() {
    const std::int64_t rows = std::min<std::int64_t>(trim_rows, fold_up_to_ + 1 - first_row_);
    run one(trim_);
    one.bind(first_row_ + rows - 1);
    if (const int code = one.step(); code != SQLITE_DONE) return code;
    slice_ = static_cast<std::size_t>(rows);
    return SQLITE_OK;
}

void beat_journal::commit_succeeded() {
    std::lock_guard lock(mutex_);
    if (wrote_batch_) {
        ++last_row_;
        bytes_ += batch_bytes_;
        std::vector<journalled_beat> beats;
        beats.reserve(batch_.size());
        batch_.for_each([&](std::int64_t ordinal, const beat_state& state) {
            beats.push_back({ordinal, state});
        });
        take(beats);
    }
    wrote_batch_ = false;
    batch_.clear();
    if (put_off_ > 0) --put_off_;
    const std::size_t done = std::exchange(slice_, 0);
    if (stage_ == stage::folding) {
        folded_ += done;
        if (folded_ < order_.size()) return;
        order_ = {};
        stage_ = stage::trimming;
    } else if (stage_ == stage::trimming) {
        first_row_ += static_cast<std::int64_t>(done);
        if (first_row_ <= fold_up_to_) return;
        stage_ = stage::forgetting;
    }
}

void beat_journal::commit_failed() {
    std::lock_guard lock(mutex_);
    batch_.clear();
    wrote_batch_ = false;
    slice_ = 0;
}

bool beat_journal::wants_fold(bool overdue) const {
    std::lock_guard lock(mutex_);
    const std::size_t enough = std::max(journal_bytes_small, beaten_count_ * journal_bytes_per_row);
    return stage_ == stage::none && bytes_ >= (overdue ? patience * enough : enough);
}

void beat_journal::begin_fold() {
    std::string beaten;
    std::vector<std::int64_t> order;
    {
        std::lock_guard lock(mutex_);
        if (stage_ != stage::none) return;
        stage_ = stage::gathering;
        beats_.begin_pass();
        beaten = std::exchange(beaten_, {});
        order.reserve(std::exchange(beaten_count_, 0));
        fold_up_to_ = last_row_;
        bytes_ = 0;  // of what comes after
    }
    for (unpacker from(beaten); !from.at_end();) order.push_back(from.signed_number());
    std::sort(order.begin(), order.end());
    std::lock_guard lock(mutex_);
    stage_ = stage::folding;
    order_ = std::move(order);
    folded_ = 0;
}

bool beat_journal::folding() const {
    std::lock_guard lock(mutex_);
    return stage_ == stage::folding || stage_ == stage::trimming;
}

result<bool> beat_journal::fold_alone() {
    constexpr std::string_view doing = "folding heartbeats into their sessions";
    if (!folding()) return false;
    if (auto begun = on_.run("BEGIN IMMEDIATE", doing); !begun) return begun.error();
    result<> done{};
    if (const int code = fold_some(); code != SQLITE_OK) done = failure(on_.get(), code, doing);
    if (done) done = on_.run("COMMIT", doing);
    if (!done) {
        if (on_.in_transaction()) (void)on_.run("ROLLBACK", doing);
        commit_failed();
        return done.error();
    }
    commit_succeeded();
    return folding();
}

bool beat_journal::wants_forget() const {
    std::lock_guard lock(mutex_);
    return stage_ == stage::forgetting;
}

void beat_journal::forget_folded() {
    std::lock_guard lock(mutex_);
    if (stage_ != stage::forgetting) return;
    beats_.end_pass();
    stage_ = stage::none;
}

}  // namespace statetrack::sqlite
