// A store of one's own, as plain as can be: every table is a map, and every unit of work runs on a copy of
// the whole state, which replaces the state if the unit succeeds. Slow, and hard to get wrong.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

#include "statetrack/storage.hpp"

namespace example {

// Rows are shared between the copies; nobody changes one, a patch puts another in its place.
struct table_content {
    std::map<std::int64_t, std::shared_ptr<const statetrack::row>> rows{};  // by ordinal
    std::vector<std::map<statetrack::row, std::int64_t>> unique_entries{};  // one map a unique index
    std::int64_t last_ordinal = 0;
};
using state = std::vector<table_content>;  // a table's place is its id

// Safe to use from several threads: whoever reads holds a state that nobody changes any more.
class copying_store final : public statetrack::store {
public:
    copying_store();

    void execute(std::span<statetrack::unit_of_work* const> group) override;
    statetrack::result<> read(const std::function<statetrack::result<>(statetrack::reader&)>& body) override;
    statetrack::result<> checkpoint() override { return {}; }
    std::string_view name() const noexcept override { return "copying"; }

private:
    std::shared_ptr<const state> current() const;

    mutable std::mutex mutex_;
    std::shared_ptr<const state> current_;
};

}  // namespace example
