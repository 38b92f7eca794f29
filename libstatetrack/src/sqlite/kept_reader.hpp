// What a body sees that is to be answered from memory: warm rows and few counts, as they are committed.
#pragma once

#include "sqlite/row_memory.hpp"

namespace statetrack::sqlite {

// A row is as it is when it is asked for, the counts are those of the moment when this was made.
class kept_reader final : public reader {
public:
    explicit kept_reader(row_memory& memory) : memory_(memory), counts_(memory.counts.latest()) {}

    result<std::optional<stored_row>> find(const table& in, const value& key) override {
        if (const auto* id = memory_.is_about(in) ? std::get_if<uuid>(&key) : nullptr)
            if (auto warm = memory_.find_committed(*id)) return warm;
        return error(errc::would_wait);
    }
    result<bool> look_at(const table& in, const value& key,
                         const std::function<void(row_view)>& look) override {
        if (const auto* id = memory_.is_about(in) ? std::get_if<uuid>(&key) : nullptr)
            if (memory_.look_at_committed(*id, look)) return true;
        return error(errc::would_wait);
    }
    result<std::vector<stored_row>> select(const table&, const query&) override {
        return error(errc::would_wait);
    }
    result<std::int64_t> count(const table& in, std::span<const condition> where) override {
        if (const auto entries = tally_entries(in, where, memory_.names))
            if (const auto all = counts_->sum(*entries)) return *all;
        return error(errc::would_wait);
    }

private:
    row_memory& memory_;
    std::shared_ptr<const counts_then> counts_;
};

}  // namespace statetrack::sqlite
