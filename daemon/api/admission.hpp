// Whether a routed call may go on: its key, its role, its budget. Judged by the header alone, before the body
// is read.
#pragma once

#include "api/call.hpp"

namespace statetrackd {

// Names the actor, uses a budget and, where the call may not go on, sets its refusal. Wipes the key that was
// sent.
void judge_admission(const context& in, call& routed, const statetrack::clock_reading& now);

// Tells the tracker of the sessions that a refused heartbeat speaks for: being throttled is no silence. A
// body that cannot be read speaks for nobody.
void note_signs_of_life(const context& in, const call& refused);

}  // namespace statetrackd
