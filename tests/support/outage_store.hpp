// A store that can be switched off: every call fails as a lost database would, and nothing is written.
#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "statetrack/storage.hpp"

namespace statetrack::testing {

class outage_store final : public store {
public:
    explicit outage_store(std::unique_ptr<store> inner) : inner_(std::move(inner)) {}

    void execute(std::span<unit_of_work* const> group) override {
        if (!down) return inner_->execute(group);
        for (auto* unit : group) unit->outcome = error(errc::store_unavailable, "switched off by the test");
    }
    result<> read(const std::function<result<>(reader&)>& body) override {
        if (down) return error(errc::store_unavailable, "switched off by the test");
        return inner_->read(body);
    }
    result<> checkpoint() override { return inner_->checkpoint(); }
    std::string_view name() const noexcept override { return inner_->name(); }

    std::atomic<bool> down = false;

private:
    std::unique_ptr<store> inner_;
};

}  // namespace statetrack::testing
