// A store that fails a chosen call of the seam: any verb, the beginning of a group, its commit, a read. To
// fail every call of an operation in turn, count its calls first, then fail the first, the second, ...
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "statetrack/storage.hpp"

namespace statetrack::testing {

enum class seam_call : std::uint8_t {
    execute,
    commit,
    read,
    checkpoint,
    find,
    select,
    count,
    insert,
    patch,
    beat,
    erase
};

struct fault {
    std::size_t at = 1;             // the first call, the second, ...
    std::optional<seam_call> of{};  // counting these only
    bool for_ever = false;          // and every one after it
    errc with = errc::store_unavailable;
    // A commit or a read does its work and only then fails: the answer is lost. A commit then says
    // commit_unknown. Verbs, and the beginning of a group, fail before they have done anything, as promised.
    bool afterwards = false;
};

// As safe to share between threads as the store below it. A group is handed on as one unit that runs the
// group's bodies in turn and is run again without those that were refused, so that a commit can fail for all
// of them.
class faulty_store final : public store {
public:
    explicit faulty_store(std::shared_ptr<store> inner) : inner_(std::move(inner)) {}

    // Calls are counted anew from here.
    void fail(fault what) {
        std::lock_guard lock(mutex_);
        armed_ = what;
        calls_.clear();
        matching_ = failed_ = 0;
    }
    void heal() {
        std::lock_guard lock(mutex_);
        armed_.reset();
        calls_.clear();
        matching_ = failed_ = 0;
    }
    std::vector<seam_call> calls() const {
        std::lock_guard lock(mutex_);
        return calls_;
    }
    std::size_t failed() const {
        std::lock_guard lock(mutex_);
        return failed_;
    }

    void execute(std::span<unit_of_work* const> group) override;
    result<> read(const std::function<result<>(reader&)>& body) override;
    result<> checkpoint() override {
        if (auto failure = called(seam_call::checkpoint)) return *failure;
        return inner_->checkpoint();
    }
    std::string_view name() const noexcept override { return inner_->name(); }

private:
    template <class Base>
    class counted_reading;
    class counted_transaction;

    std::optional<error> called(seam_call call);
    bool fails_afterwards() const {
        std::lock_guard lock(mutex_);
        return armed_ && armed_->afterwards;
    }

    std::shared_ptr<store> inner_;
    mutable std::mutex mutex_;
    std::optional<fault> armed_;
    std::vector<seam_call> calls_;
    std::size_t matching_ = 0;
    std::size_t failed_ = 0;
};

inline std::optional<error> faulty_store::called(seam_call call) {
    std::lock_guard lock(mutex_);
    calls_.push_back(call);
    if (!armed_ || (armed_->of && *armed_->of != call)) return std::nullopt;
    ++matching_;
    if (matching_ < armed_->at || (matching_ > armed_->at && !armed_->for_ever)) return std::nullopt;
    ++failed_;
    const bool unknown = call == seam_call::commit && armed_->afterwards;
    return error(unknown ? errc::commit_unknown : armed_->with, "failed by the test");
}

template <class Base>
class faulty_store::counted_reading : public Base {
public:
    counted_reading(faulty_store& by, Base& inner) : by_(by), inner_(inner) {}

    result<std::optional<stored_row>> find(const table& in, const value& key) override {
        if (auto failure = by_.called(seam_call::find)) return *failure;
        return inner_.find(in, key);
    }
    result<bool> look_at(const table& in, const value& key,
                         const std::function<void(row_view)>& look) override {
        if (auto failure = by_.called(seam_call::find)) return *failure;
        return inner_.look_at(in, key, look);
    }
    result<std::vector<stored_row>> select(const table& in, const query& what) override {
        if (auto failure = by_.called(seam_call::select)) return *failure;
        return inner_.select(in, what);
    }
    result<std::int64_t> count(const table& in, std::span<const condition> where) override {
        if (auto failure = by_.called(seam_call::count)) return *failure;
        return inner_.count(in, where);
    }

protected:
    faulty_store& by_;
    Base& inner_;
};

class faulty_store::counted_transaction final : public counted_reading<transaction> {
public:
    using counted_reading::counted_reading;

    result<std::int64_t> insert(const table& in, const row& values) override {
        if (auto failure = by_.called(seam_call::insert)) return *failure;
        return inner_.insert(in, values);
    }
    result<> patch(const table& in, const value& key, std::optional<std::int64_t> version,
                   std::span<const assignment> changes) override {
        if (auto failure = by_.called(seam_call::patch)) return *failure;
        return inner_.patch(in, key, version, changes);
    }
    result<> beat(std::span<const struct beat> beats) override {
        if (auto failure = by_.called(seam_call::beat)) return *failure;
        return inner_.beat(beats);
    }
    result<> erase(const table& in, const value& key) override {
        if (auto failure = by_.called(seam_call::erase)) return *failure;
        return inner_.erase(in, key);
    }
};

inline void faulty_store::execute(std::span<unit_of_work* const> group) {
    if (auto failure = called(seam_call::execute)) {
        for (auto* unit : group) unit->outcome = *failure;
        return;
    }
    std::vector<unit_of_work*> left(group.begin(), group.end());
    std::optional<error> lost;
    for (;;) {
        std::optional<std::size_t> refused;
        unit_of_work together{.body = [&](transaction& in) -> result<> {
            refused.reset();
            lost.reset();
            counted_transaction counted(*this, in);
            for (std::size_t i = 0; i < left.size(); ++i) {
                left[i]->outcome = run_body(*left[i], counted);
                if (left[i]->outcome) continue;
                refused = i;
                return left[i]->outcome;
            }
            lost = called(seam_call::commit);
            if (lost && !lost->is(errc::commit_unknown)) return *lost;
            return {};
        }};
        unit_of_work* const one[] = {&together};
        inner_->execute(one);
        if (refused) {
            left.erase(left.begin() + static_cast<std::ptrdiff_t>(*refused));
            continue;
        }
        if (!together.outcome) lost = together.outcome.error();
        break;
    }
    if (lost)
        for (auto* unit : left) unit->outcome = *lost;
}

inline result<> faulty_store::read(const std::function<result<>(reader&)>& body) {
    const auto failure = called(seam_call::read);
    if (failure && !fails_afterwards()) return *failure;
    auto done = inner_->read([&](reader& in) {
        counted_reading<reader> counted(*this, in);
        return body(counted);
    });
    return failure ? result<>(*failure) : done;
}

}  // namespace statetrack::testing
