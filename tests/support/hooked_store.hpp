// A store over another one, any of whose calls a test may put something else in the place of. What is not
// hooked goes straight through.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "statetrack/storage.hpp"

namespace statetrack::testing {

using found_row = result<std::optional<stored_row>>;
using found_rows = result<std::vector<stored_row>>;
using look = std::function<void(row_view)>;
using units = std::span<unit_of_work* const>;
using reading = std::function<result<>(reader&)>;

// Each hook is handed what it stands before, to call it or not.
struct hooks {
    std::function<found_row(reader&, const table&, const value&)> find{};  // looked at, too
    std::function<result<bool>(reader&, const table&, const value&, const look&)> look_at{};
    std::function<found_rows(reader&, const table&, const query&)> select{};  // looked through, too
    std::function<result<>(reader&, const table&, const query&, const reader::row_look&)> look_through{};
    std::function<result<std::int64_t>(reader&, const table&, std::span<const condition>)> count{};
    std::function<result<std::int64_t>(transaction&, const table&, const row&)> insert{};
    std::function<result<>(transaction&, const table&, const value&, std::optional<std::int64_t>,
                           std::span<const assignment>)>
        patch{};
    std::function<result<>(transaction&, std::span<const beat>)> beat{};
    std::function<result<>(transaction&, const table&, const value&)> erase{};
    std::function<void(store&, units)> execute{};
    std::function<result<>(store&, const reading&)> read{};
    std::function<result<>(store&, const reading&)> read_at_once{};
    std::function<result<>(store&)> checkpoint{};
};

template <class Base>
class hooked_reading : public Base {
public:
    hooked_reading(Base& inner, const hooks& by) : inner_(inner), by_(by) {}

    found_row find(const table& in, const value& key) override {
        return by_.find ? by_.find(inner_, in, key) : inner_.find(in, key);
    }
    result<bool> look_at(const table& in, const value& key, const look& at) override {
        if (by_.look_at) return by_.look_at(inner_, in, key, at);
        return by_.find ? Base::look_at(in, key, at) : inner_.look_at(in, key, at);
    }
    found_rows select(const table& in, const query& what) override {
        return by_.select ? by_.select(inner_, in, what) : inner_.select(in, what);
    }
    result<> look_through(const table& in, const query& what, const reader::row_look& at) override {
        if (by_.look_through) return by_.look_through(inner_, in, what, at);
        return by_.select ? Base::look_through(in, what, at) : inner_.look_through(in, what, at);
    }
    result<std::int64_t> count(const table& in, std::span<const condition> where) override {
        return by_.count ? by_.count(inner_, in, where) : inner_.count(in, where);
    }

protected:
    Base& inner_;
    const hooks& by_;
};

using hooked_reader = hooked_reading<reader>;

class hooked_transaction final : public hooked_reading<transaction> {
public:
    using hooked_reading::hooked_reading;

    result<std::int64_t> insert(const table& in, const row& values) override {
        return by_.insert ? by_.insert(inner_, in, values) : inner_.insert(in, values);
    }
    result<> patch(const table& in, const value& key, std::optional<std::int64_t> version,
                   std::span<const assignment> changes) override {
        return by_.patch ? by_.patch(inner_, in, key, version, changes)
                         : inner_.patch(in, key, version, changes);
    }
    result<> beat(std::span<const struct beat> beats) override {
        return by_.beat ? by_.beat(inner_, beats) : inner_.beat(beats);
    }
    result<> erase(const table& in, const value& key) override {
        return by_.erase ? by_.erase(inner_, in, key) : inner_.erase(in, key);
    }
};

// Runs the bodies in transactions that come to nothing, as a store may before the one that counts. How many.
inline int run_in_vain(store& in, units group) {
    int runs = 0;
    for (auto* unit : group) {
        unit_of_work thrown_away{.body = [&](transaction& tx) -> result<> {
            ++runs;
            (void)unit->body(tx);
            return error(errc::conflict);
        }};
        unit_of_work* const one[] = {&thrown_away};
        in.execute(one);
    }
    return runs;
}

// As safe to share between threads as the store below it and the hooks are.
class hooked_store final : public store {
public:
    hooked_store(std::shared_ptr<store> inner, hooks by) : inner_(std::move(inner)), by_(std::move(by)) {}

    void execute(units group) override {
        std::vector<unit_of_work> hooked(group.size());
        std::vector<unit_of_work*> handed_on;
        for (std::size_t i = 0; i < group.size(); ++i) {
            hooked[i].body = [this, unit = group[i]](transaction& in) {
                hooked_transaction through(in, by_);
                return unit->body(through);
            };
            hooked[i].outcome = group[i]->outcome;
            handed_on.push_back(&hooked[i]);
        }
        if (by_.execute)
            by_.execute(*inner_, handed_on);
        else
            inner_->execute(handed_on);
        for (std::size_t i = 0; i < group.size(); ++i) group[i]->outcome = std::move(hooked[i].outcome);
    }
    result<> read(const reading& body) override {
        const reading through = [&](reader& in) {
            hooked_reader hooked(in, by_);
            return body(hooked);
        };
        return by_.read ? by_.read(*inner_, through) : inner_->read(through);
    }
    result<> read_at_once(const reading& body) override {
        const reading through = [&](reader& in) {
            hooked_reader hooked(in, by_);
            return body(hooked);
        };
        return by_.read_at_once ? by_.read_at_once(*inner_, through) : inner_->read_at_once(through);
    }
    result<> checkpoint() override { return by_.checkpoint ? by_.checkpoint(*inner_) : inner_->checkpoint(); }
    std::string_view name() const noexcept override { return inner_->name(); }

private:
    std::shared_ptr<store> inner_;
    hooks by_;
};

}  // namespace statetrack::testing
