// A store whose calls are timed.
#pragma once

#include "observe/metrics.hpp"
#include "statetrack/storage.hpp"

namespace statetrackd {

// As safe to share between threads as the store below it. Both must outlive it.
class timed_store final : public statetrack::store {
public:
    timed_store(statetrack::store& inner, metrics& into) : inner_(inner), into_(into) {}

    void execute(std::span<statetrack::unit_of_work* const> group) override {
        const stopwatch running(into_, store_verb::execute);
        inner_.execute(group);
    }
    statetrack::result<> read(const std::function<statetrack::result<>(statetrack::reader&)>& body) override {
        const stopwatch running(into_, store_verb::read);
        return inner_.read(body);
    }
    // Asks nobody: there is nothing to time.
    statetrack::result<> read_at_once(
        const std::function<statetrack::result<>(statetrack::reader&)>& body) override {
        return inner_.read_at_once(body);
    }
    statetrack::result<std::optional<statetrack::stored_row>> find(const statetrack::table& in,
                                                                   const statetrack::value& key) override {
        const stopwatch running(into_, store_verb::find);
        return inner_.find(in, key);
    }
    statetrack::result<> checkpoint() override {
        const stopwatch running(into_, store_verb::checkpoint);
        return inner_.checkpoint();
    }
    std::string_view name() const noexcept override { return inner_.name(); }

private:
    class stopwatch {
    public:
        stopwatch(metrics& into, store_verb what) : into_(into), what_(what), began_us_(into.now_us()) {}
        ~stopwatch() { into_.store_called(what_, into_.now_us() - began_us_); }
        stopwatch(const stopwatch&) = delete;
        stopwatch& operator=(const stopwatch&) = delete;

    private:
        metrics& into_;
        const store_verb what_;
        const std::int64_t began_us_;
    };

    statetrack::store& inner_;
    metrics& into_;
};

}  // namespace statetrackd
