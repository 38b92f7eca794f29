#include "sqlite/kept_counts.hpp"

#include <utility>

namespace statetrack::sqlite {

std::optional<std::int64_t> counts_then::sum(std::span<const tally_entry> entries) const {
    std::int64_t all = 0;
    for (const auto& entry : entries) {
        if (!has_few_entries(entry.tally)) return std::nullopt;
        if (const auto at = kept_.find(entry); at != kept_.end()) all += at->second;
    }
    return all;
}

result<> kept_counts::load(const database& on) {
    const auto all = statement::prepare(on, "SELECT \"tally\", \"key\", \"n\" FROM \"tallies\"", "counting");
    if (!all) return all.error();
    auto found = std::make_shared<counts_then>();
    run one(*all);
    int code = one.step();
    for (; code == SQLITE_ROW; code = one.step()) {
        if (!has_few_entries(one.integer(0))) continue;
        found->kept_.emplace(tally_entry{one.integer(0), one.text(1)}, one.integer(2));
    }
    if (code != SQLITE_DONE) return failure(on.get(), code, "counting");
    std::lock_guard lock(mutex_);
    latest_ = std::move(found);
    return {};
}

void kept_counts::committed(const tally_batch& changed) {
    std::shared_ptr<counts_then> next;
    changed.for_each([&](const tally_entry& entry, std::int64_t by) {
        if (by == 0 || !has_few_entries(entry.tally)) return;
        if (!next) next = std::make_shared<counts_then>(*latest());
        next->kept_[entry] += by;
    });
    if (!next) return;
    std::lock_guard lock(mutex_);
    latest_ = std::move(next);
}

std::shared_ptr<const counts_then> kept_counts::latest() const {
    std::lock_guard lock(mutex_);
    return latest_;
}

}  // namespace statetrack::sqlite
