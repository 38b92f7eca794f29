// The writes of the detector: each looks again, inside the transaction that records it, whether it still
// holds.
#pragma once

#include <string>

#include "operation.hpp"

namespace statetrack {

// What the detector found about a session, to be recorded if it still holds.
struct candidate {
    uuid id{};
    timestamp seen{};    // the row's last_heartbeat as the detector knows it
    instant deadline{};  // the one that passed
    std::string reason{};
    std::string inputs{};  // members of a JSON object
    bool written = false;  // set by the write; false where something came in between
};

result<> write_stall(operation& op, candidate& about, std::size_t others_in_pass);
// STALL_MODE=observe: the verdict becomes an event, once for each silence.
result<> write_observed_stall(operation& op, candidate& about, std::size_t others_in_pass);
result<> write_no_progress(operation& op, candidate& about);
result<> write_expiry(operation& op, candidate& about);

// A machine gone silent; whether it was marked.
result<bool> write_offline(operation& op, const std::string& machine_id, instant deadline);

}  // namespace statetrack
