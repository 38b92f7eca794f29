// SQLite's C handles as values that clean up after themselves, and its result codes as errors.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "statetrack/error.hpp"
#include "statetrack/table.hpp"

namespace statetrack::sqlite {

// The error of a call that failed with this code. `doing` says what was being done ("reading sessions"); the
// detail quotes no SQL. `on` may be null.
error failure(sqlite3* on, int code, std::string_view doing);

struct open_options {
    int flags = SQLITE_OPEN_READWRITE;
    std::string mode_of{};      // a file whose permissions a new database file gets
    const char* vfs = nullptr;  // the file system's name; null: the default one
    bool unchanging = false;    // nobody writes to it: read without locks, and without files beside it
};

// One connection. Not safe to share between threads without a lock of the owner's.
class database {
public:
    database() = default;
    // `path` is absolute. Errors: store_unavailable, store_corrupt.
    static result<database> open(const std::string& path, const open_options& options);

    sqlite3* get() const noexcept { return handle_.get(); }
    // Runs statements that answer nothing.
    result<> run(const std::string& sql, std::string_view doing) const;
    // The first column of the first row: 0 or empty where there is none.
    result<std::int64_t> number(const std::string& sql, std::string_view doing) const;
    result<std::string> text(const std::string& sql, std::string_view doing) const;
    // False once SQLite has given up the transaction, by itself or as asked.
    bool in_transaction() const noexcept { return sqlite3_get_autocommit(handle_.get()) == 0; }

private:
    struct closed {
        void operator()(sqlite3* handle) const noexcept { sqlite3_close_v2(handle); }
    };
    std::unique_ptr<sqlite3, closed> handle_;
};

class statement {
public:
    statement() = default;
    static result<statement> prepare(const database& on, const std::string& sql, std::string_view doing);

    sqlite3_stmt* get() const noexcept { return handle_.get(); }

private:
    struct finalized {
        void operator()(sqlite3_stmt* handle) const noexcept { sqlite3_finalize(handle); }
    };
    std::unique_ptr<sqlite3_stmt, finalized> handle_;
};

// One run of a statement, which is free for the next one when this goes. Texts and ids that are bound must
// outlive it.
class run {
public:
    explicit run(const statement& of) : statement_(of.get()) {}
    run(const run&) = delete;
    run& operator=(const run&) = delete;
    ~run() { sqlite3_reset(statement_); }

    // In the order of the parameters. A value of a column whose texts do not recur, in its stored form.
    void bind(const column& as, const value& v);
    void bind(std::int64_t v) { note(sqlite3_bind_int64(statement_, ++bound_, v)); }
    void bind_text(std::string_view v) {
        note(sqlite3_bind_text64(statement_, ++bound_, v.data(), v.size(), SQLITE_STATIC, SQLITE_UTF8));
    }
    void bind_null() { note(sqlite3_bind_null(statement_, ++bound_)); }
    void bind_blob(std::string_view v) {
        note(sqlite3_bind_blob64(statement_, ++bound_, v.data(), v.size(), SQLITE_STATIC));
    }
    // What is bound could not be made.
    void fail(int code) { note(code); }
    // SQLITE_ROW, SQLITE_DONE or what went wrong.
    int step() { return bind_failure_ != SQLITE_OK ? bind_failure_ : sqlite3_step(statement_); }

    std::string text(int column) const;
    std::int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
    // The value of a column whose texts do not recur; false where what is stored is not as described.
    bool read(int column, const struct column& as, value& to) const;

private:
    void bind_stored(const column& as, const std::string& text);
    void note(int code) {
        if (code != SQLITE_OK && bind_failure_ == SQLITE_OK) bind_failure_ = code;
    }

    sqlite3_stmt* statement_;
    int bound_ = 0;
    int bind_failure_ = SQLITE_OK;
};

}  // namespace statetrack::sqlite
