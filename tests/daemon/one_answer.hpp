// Waits for the answer of one call, and has nothing made ready early.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "api/call.hpp"

namespace statetrackd::testing {

struct one_answer final : asker {
    void answered(std::uint64_t, response given) override {
        made = std::move(given);
        ++times;
    }
    bool take_early(std::uint64_t, response&) override { return false; }
    void answered_early(std::uint64_t) override { ++times; }

    // Has the tracker work until it is there, or nothing is left that could give it.
    void await(statetrack::tracker& from) const {
        while (!made && from.commit_pending() > 0) {}
    }

    std::optional<response> made{};
    int times = 0;
};

}  // namespace statetrackd::testing
