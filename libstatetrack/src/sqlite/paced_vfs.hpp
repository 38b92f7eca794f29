// The operating system's files as SQLite asks for them, but for one thing: what is written to the database's
// file is synced a little at a time. A checkpoint writes thousands of pages and syncs them at its end; the
// syncs of commits that come meanwhile would wait behind all of them.
#pragma once

#include "sqlite/handle.hpp"

namespace statetrack::sqlite {

// The name to open a connection with that only makes checkpoints. Over whatever file system is the default
// one at the first call. Null: it could not be registered. From any thread.
const char* paced_vfs();

// After how many pages the connection's writes are synced from now on; before, only when SQLite asks for it.
// Without effect on a connection that was not opened with paced_vfs().
void set_pace(const database& on, int writes_between_syncs);

}  // namespace statetrack::sqlite
