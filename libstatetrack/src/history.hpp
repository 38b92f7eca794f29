// What an event says of its row by itself, so that its `changes` need not say it again: half of what the
// store writes are events.
//
// Of a new row: its id, its status (`to`), its times (`at`), and for the rest what a row begins with. Of a
// change, which is known by the version in its `changes`: the status and updated_at.
#pragma once

#include "statetrack/entities.hpp"

namespace statetrack {

session born(const uuid& id, session_status status, timestamp at);
task born(const uuid& id, const uuid& session_id, task_status status, timestamp at);
machine born(const std::string& id, machine_status status, timestamp at);

// The same from an event that begins a history: one without `from`. Nothing where it is malformed.
std::optional<row> row_at_birth(const event& e);

// An event about a session is stored without its entity_id, which its session_id says already.
void complete(event& stored);

}  // namespace statetrack
