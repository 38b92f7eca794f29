#include "sqlite/row_filler.hpp"

#include <utility>

#include "sqlite/opening.hpp"

namespace statetrack::sqlite {
namespace {

// In one view of the file: a millisecond or two.
constexpr std::size_t slice_rows = 256;
constexpr int slices_max = 1'024;

}  // namespace

result<> row_filler::fill_some(row_memory& memory) {
    for (int slices = 0; slices < slices_max && !done_; ++slices) {
        const auto more = fill_slice(memory);
        if (!more) return more.error();
        if (!*more) done_ = true;
    }
    if (done_) on_.reset();
    return {};
}

result<bool> row_filler::fill_slice(row_memory& memory) {
    if (!memory.has_room()) return false;
    if (!on_) {
        auto opened = open_beside(options_, use::reading);
        if (!opened) return opened.error();
        on_.emplace(std::move(*opened), names_);
        const auto expected = on_->count(memory.of(), memory.of().beaten_where);
        if (!expected) return expected.error();
        memory.expect(static_cast<std::size_t>(*expected));
    }
    std::lock_guard only(reading_);
    const auto since = memory.writes();  // before the view that it says something of
    if (const int code = on_->take(control::begin); code != SQLITE_OK)
        return failure(on_->on().get(), code, "beginning to read");
    auto page = on_->select(memory.of(), {.where = memory.of().beaten_where,
                                          .order = direction::descending,
                                          .after = behind_,
                                          .limit = slice_rows});
    if (page)
        for (auto& row : *page) memory.keep_read(row, since);
    if (on_->on().in_transaction()) (void)on_->take(control::rollback);
    if (!page) return page.error();
    if (!page->empty()) behind_ = page->back().ordinal;
    return page->size() == slice_rows;
}

}  // namespace statetrack::sqlite
