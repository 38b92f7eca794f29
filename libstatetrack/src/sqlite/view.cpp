#include "sqlite/view.hpp"

namespace statetrack::sqlite {
namespace {

// Of a longer page most is not in memory, or nobody waits for it.
constexpr std::size_t rows_from_memory_max = 512;

}  // namespace

result<std::optional<stored_row>> view::find(const table& in, const value& key) {
    auto found = guarded([&] { return on_.find(in, key); });
    if (!found || !*found || !memory_.is_about(in)) return found;
    memory_.keep_read(**found, since_);
    return found;
}

result<std::vector<stored_row>> view::select(const table& in, const query& what) {
    if (is_in_memory(in, what)) {
        std::vector<stored_row> page;
        const auto done = look_through_memory(in, what, [&](std::int64_t ordinal, row_view values) {
            page.push_back({ordinal, to_values(values)});
        });
        if (!done) return done.error();
        return page;
    }
    auto found = guarded([&] { return on_.select(in, what); });
    if (found && memory_.is_about(in))
        for (auto& one : *found) memory_.bring_up_to_committed(one, what.columns);
    return found;
}

result<> view::look_through(const table& in, const query& what, const row_look& look) {
    return is_in_memory(in, what) ? look_through_memory(in, what, look)
                                  : look_through_selected(in, what, look);
}

result<std::int64_t> view::count(const table& in, std::span<const condition> where) {
    return guarded([&] { return on_.count(in, where); });
}

result<> view::look_through_selected(const table& in, const query& what, const row_look& look) {
    return transaction::look_through(in, what, look);
}

bool view::is_in_memory(const table& in, const query& what) const {
    return memory_.is_about(in) && what.columns.empty() && what.limit <= rows_from_memory_max &&
           memory_.has_rows();
}

result<> view::look_through_memory(const table& in, const query& what, const row_look& look) {
    const auto ordinals = guarded([&] { return on_.select_ordinals(in, what); });
    if (!ordinals) return ordinals.error();
    memory_.fetch(*ordinals);
    shown_values shown;
    for (std::span<const std::int64_t> left(*ordinals); !left.empty(); left = left.subspan(1)) {
        left = left.subspan(memory_.look_in_view(left, since_, look));
        if (left.empty()) break;
        auto found = guarded([&] { return on_.find_at(in, left.front()); });
        if (!found) return found.error();
        memory_.keep_read(*found, since_);
        show(found->values, shown);
        look(found->ordinal, shown);
    }
    return {};
}

}  // namespace statetrack::sqlite
