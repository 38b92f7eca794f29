// A store behind a circuit breaker: while the circuit is open every call is refused unasked.
#pragma once

#include "guard/circuit_breaker.hpp"
#include "observe/log.hpp"
#include "statetrack/storage.hpp"

namespace statetrackd {

// As safe to share between threads as the store below it. All that it is given must outlive it.
class guarded_store final : public statetrack::store {
public:
    guarded_store(statetrack::store& inner, circuit_breaker& breaker, const statetrack::clock& time,
                  logger& log)
        : inner_(inner), breaker_(breaker), time_(time), log_(log) {}

    void execute(std::span<statetrack::unit_of_work* const> group) override;
    statetrack::result<> read(const std::function<statetrack::result<>(statetrack::reader&)>& body) override;
    // Of memory: tells nothing about the store.
    statetrack::result<> read_at_once(
        const std::function<statetrack::result<>(statetrack::reader&)>& body) override;
    // Of memory, perhaps: no trial of the store, so never the call that closes the circuit.
    statetrack::result<std::optional<statetrack::stored_row>> find(const statetrack::table& in,
                                                                   const statetrack::value& key) override;
    statetrack::result<> checkpoint() override;
    std::string_view name() const noexcept override { return inner_.name(); }

private:
    void report(circuit_breaker::permission was, const std::optional<statetrack::error>& failed);

    statetrack::store& inner_;
    circuit_breaker& breaker_;
    const statetrack::clock& time_;
    logger& log_;
};

// Of the store itself, in contrast to refused input. One that is full still answers and still reads, and so
// does one with a broken row, which whoever asks for it again and again must not close to all others.
bool is_failure_of_store(const statetrack::error& e);

}  // namespace statetrackd
