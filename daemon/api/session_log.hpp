// The lines of the log that tell what became of a session through a request.
#pragma once

#include <string_view>

#include "api/call.hpp"

namespace statetrackd {

void log_session(const context& in, const call& asked, std::string_view what, const statetrack::session& s,
                 log_level level = log_level::info);
// A session's first beat at info, the rest at debug.
void log_beat(const context& in, const call& asked, const statetrack::heartbeat_answer& beat);
void log_stalled(const context& in, const call& asked, const statetrack::session& s);
// `original`: the id of the predecessor.
void log_recovered(const context& in, const call& asked, std::string_view original,
                   const statetrack::recovered& made);

}  // namespace statetrackd
