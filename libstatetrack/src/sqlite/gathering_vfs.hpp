// The operating system's files as SQLite asks for them, but for three things. What it appends to the
// write-ahead log, two small writes a page, is gathered and written at once when the log is synced. The log's
// file grows in steps, of zeros, so that most syncs have no new length of it to make durable. And the disk
// begins with a large commit before its sync (sync_file_range(2)).
//
// Sound because nobody looks for a commit in the log before the sync that makes it durable: with
// synchronous=FULL SQLite publishes a commit's pages after that (sqlite3WalFrames syncs, then appends to the
// wal-index), and the order of writes and syncs stays what it was. A failed write is reported by the sync
// that needed it, as the write's own error, and what was gathered is dropped: the commit is not in the log.
// Zeros behind the last frame are what the rest of an older, longer log is: no frame, for their salt is not
// the log's (SQLite's file format, 4.1). Where they cannot be written nothing is lost but time. What the disk
// began with early is durable when its sync says so, and an error of it is told by that sync.
#pragma once

namespace statetrack::sqlite {

// The name to open a connection with; only one whose synchronous stays FULL. Over whatever file system is the
// default one at the first call. Null: it could not be registered. From any thread.
const char* gathering_vfs();

}  // namespace statetrack::sqlite
