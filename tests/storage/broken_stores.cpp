#include "broken_stores.hpp"

namespace statetrack::testing {

store_factory kept(std::string name, hooks by, making make) {
    const auto keeping = std::make_shared<std::shared_ptr<store>>();
    return {.name = std::move(name),
            .open = [keeping, by]() -> result<std::unique_ptr<store>> {
                return std::make_unique<hooked_store>(*keeping, by);
            },
            .reset = [keeping, make] { *keeping = make(); },
            .durable = true};
}

rows_by_table rows_of(store& from) {
    rows_by_table all;
    (void)from.read([&](reader& in) -> result<> {
        for (const auto* one : schema()) {
            auto rows = in.select(*one, {.limit = select_rows_max});
            if (!rows) return rows.error();
            all.push_back(std::move(*rows));
        }
        return {};
    });
    return all;
}

void fill(store& with, const rows_by_table& rows) {
    unit_of_work unit{.body = [&](transaction& tx) -> result<> {
        for (std::size_t i = 0; i < rows.size(); ++i)
            for (const auto& one : rows[i])
                if (auto inserted = tx.insert(*schema()[i], one.values); !inserted) return inserted.error();
        return {};
    }};
    unit_of_work* const group[] = {&unit};
    with.execute(group);
}

}  // namespace statetrack::testing
