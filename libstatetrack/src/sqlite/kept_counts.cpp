#include "sqlite/kept_counts.hpp"

#include <algorithm>
#include <utility>

namespace statetrack::sqlite {
namespace {

bool is_kept(const tally_entry& entry) {
    return std::ranges::find(tallies_with_few_entries(), entry.tally) != tallies_with_few_entries().end();
}

}  // namespace

std::optional<std::int64_t> counts_then::sum(std::span<const tally_entry> entries) const {
    std::int64_t all = 0;
    for (const auto& entry : entries) {
        if (!is_kept(entry)) return std::nullopt;
        if (const auto at = kept_.find(entry); at != kept_.end()) all += at->second;
    }
    return all;
}

result<> kept_counts::load(const database& on) {
    constexpr std::string_view doing = "reading the counts";
    const auto all =
        statement::prepare(on, "SELECT \"key\", \"n\" FROM \"tallies\" WHERE \"tally\" = ?1", doing);
    if (!all) return all.error();
    auto found = std::make_shared<counts_then>();
    for (const auto tally : tallies_with_few_entries()) {
        run one(*all);
        one.bind(tally);
        int code = one.step();
        for (; code == SQLITE_ROW; code = one.step())
            found->kept_.emplace(tally_entry{tally, one.text(0)}, one.integer(1));
        if (code != SQLITE_DONE) return failure(on.get(), code, doing);
    }
    std::lock_guard lock(mutex_);
    latest_ = std::move(found);
    return {};
}

void kept_counts::committed(const tally_batch& changed) {
    std::shared_ptr<counts_then> next;
    changed.for_each([&](const tally_entry& entry, std::int64_t by) {
        if (by == 0 || !is_kept(entry)) return;
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
