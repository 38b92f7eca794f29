#include "preparation.hpp"

#include <utility>

namespace statetrack {

result<> commit_job::run_in_group(transaction& in) {
    if (prepared_by_) std::exchange(prepared_by_, nullptr)->end();
    auto outcome = run(in);
    if (ends_group_of_) ends_group_of_->begin();
    return outcome;
}

preparation::preparation(std::function<void()> on_begin) : on_begin_(std::move(on_begin)) {}

void preparation::expect(std::span<commit_job* const> group) {
    if (!is_wanted()) return;
    group_ = group;
    group.back()->ends_group_of_ = this;
}

void preparation::begin() {
    {
        std::lock_guard lock(mutex_);
        stops_ = false;
        left_.clear();
        for (auto job = group_.rbegin(); job != group_.rend(); ++job) {
            if (!(*job)->posted_ || !(*job)->wants_preparing_) continue;
            (*job)->prepared_by_ = this;
            left_.push_back(*job);
        }
        if (left_.empty()) return;
    }
    on_begin_();
}

void preparation::end() {
    if (!is_wanted()) return;
    stops_ = true;  // or the one who prepares might be faster at the lock each time
    std::lock_guard lock(mutex_);
    left_.clear();
}

std::size_t preparation::run() {
    std::vector<std::unique_ptr<commit_job>> past;
    for (std::size_t prepared = 0;; ++prepared) {
        if (stops_) return prepared;
        std::lock_guard lock(mutex_);
        if (left_.empty()) {
            past.swap(past_);
            return prepared;
        }
        auto* const job = left_.back();
        left_.pop_back();
        job->prepare();
    }
}

void preparation::leave(std::vector<std::unique_ptr<commit_job>> past) {
    std::lock_guard lock(mutex_);
    past_.swap(past);
}

}  // namespace statetrack
