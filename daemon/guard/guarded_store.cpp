#include "guard/guarded_store.hpp"

namespace statetrackd {
namespace {

using namespace statetrack;
using permission = circuit_breaker::permission;

template <class T>
std::optional<error> failure_in(const result<T>& outcome) {
    if (outcome || !is_failure_of_store(outcome.error())) return std::nullopt;
    return outcome.error();
}

error not_asked() { return error(errc::store_unavailable, "not asked: it has failed several times lately"); }

// A trial that ends by an exception has failed, or nobody would ever try again.
class trial_guard {
public:
    trial_guard(circuit_breaker& breaker, permission was, const statetrack::clock& time)
        : breaker_(breaker), was_(was), time_(time) {}
    ~trial_guard() {
        if (!reported_) breaker_.report(was_, false, time_.read().age);
    }
    trial_guard(const trial_guard&) = delete;
    trial_guard& operator=(const trial_guard&) = delete;
    void reported() { reported_ = true; }

private:
    circuit_breaker& breaker_;
    const permission was_;
    const statetrack::clock& time_;
    bool reported_ = false;
};

}  // namespace

bool is_failure_of_store(const error& e) {
    return e.is(errc::store_unavailable) || e.is(errc::commit_unknown);
}

void guarded_store::report(permission was, const std::optional<error>& failed) {
    const bool worked = !failed;
    if (worked && was == permission::usual) return;
    switch (breaker_.report(was, worked, time_.read().age)) {
        case circuit_breaker::change::none:
            return;
        case circuit_breaker::change::opened:
            return log_.error("store circuit opened",
                              {{"error", failed ? failed->code.message() : std::string()},
                               {"detail", failed ? std::string_view(failed->detail) : std::string_view()},
                               {"next_trial_in_ms", open_for_ms}});
        case circuit_breaker::change::closed:
            return log_.warn("store circuit closed");
    }
}

void guarded_store::execute(std::span<unit_of_work* const> group) {
    const auto may = breaker_.ask(time_.read().age);
    if (may == permission::refused) {
        for (auto* unit : group) unit->outcome = not_asked();
        return;
    }
    trial_guard guard(breaker_, may, time_);
    inner_.execute(group);
    guard.reported();
    std::optional<error> failed;
    for (const auto* unit : group)
        if (!failed) failed = failure_in(unit->outcome);
    report(may, failed);
}

result<> guarded_store::read(const std::function<result<>(reader&)>& body) {
    const auto may = breaker_.ask(time_.read().age);
    if (may == permission::refused) return not_asked();
    trial_guard guard(breaker_, may, time_);
    auto outcome = inner_.read(body);
    guard.reported();
    report(may, failure_in(outcome));
    return outcome;
}

result<> guarded_store::read_at_once(const std::function<result<>(reader&)>& body) {
    if (breaker_.is_open()) return not_asked();
    return inner_.read_at_once(body);
}

result<std::optional<stored_row>> guarded_store::find(const table& in, const value& key) {
    if (breaker_.is_open()) return not_asked();
    auto found = inner_.find(in, key);
    report(permission::usual, failure_in(found));
    return found;
}

// Housekeeping beside the calls that somebody waits for: tells nothing, and is let through.
result<> guarded_store::checkpoint() { return inner_.checkpoint(); }

}  // namespace statetrackd
