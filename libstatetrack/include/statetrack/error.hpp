// What a refused or failed operation answers. Errors are values; result<T>::value() throws for those who
// like.
#pragma once

#include <boost/json/object.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>
#include <boost/system/system_error.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace statetrack {

enum class errc {
    validation_failed = 1,   // the request itself is wrong; error::problems names every field
    not_found,               // no such session, task or machine
    already_exists,          // that id is taken by something else
    place_taken,             // another session holds the place or slot; error::facts names it
    illegal_transition,      // the lifecycle has no such step
    wrong_state,             // the operation is not for a session in this state
    terminal,                // the session has ended; error::facts says how and by whom it was replaced
    superseded,              // another session continues this one, or the epoch given is not the session's
    successor_gone,          // the session was recovered once and its successor has been deleted
    version_mismatch,        // the version named by the caller is not the stored one any more
    in_use,                  // a live session needs what would be taken away
    machine_mismatch,        // that machine_id is registered under another hostname
    store_unavailable,       // the storage failed; nothing was written
    commit_unknown,          // the storage failed in COMMIT; ask again to learn what became of it
    store_full,              // no space is left; nothing was written
    store_corrupt,           // the storage holds what it should not
    store_in_use,            // another process owns the store
    schema_too_new,          // the store was written by a newer version
    conflict,                // a storage constraint that no other code names
    request_in_progress,     // a request under the same idempotency key has not been answered yet
    idempotency_key_reused,  // another request was sent under the same idempotency key
    would_wait,              // it was to be answered at once, and the store has not all of it in memory
};

const boost::system::error_category& statetrack_category() noexcept;
boost::system::error_code make_error_code(errc code) noexcept;
// The stable name that programs see: `place_taken`, ...
std::string_view name_of(errc code) noexcept;

struct field_problem {
    std::string field;    // `metadata`, `sessions[3].epoch`
    std::string message;  // `is required`

    friend bool operator==(const field_problem&, const field_problem&) = default;
};

struct error {
    boost::system::error_code code{};
    std::string detail{};                   // for people
    std::vector<field_problem> problems{};  // of validation_failed: every wrong field
    boost::json::object facts{};            // what a program needs next: status, superseded_by, epoch, ...

    error() = default;
    error(errc c, std::string d = {}) : code(make_error_code(c)), detail(std::move(d)) {}
    error(errc c, std::string d, boost::json::object f)
        : code(make_error_code(c)), detail(std::move(d)), facts(std::move(f)) {}

    bool is(errc c) const noexcept { return code == make_error_code(c); }
};

// Used by result<T>::value().
[[noreturn]] void throw_exception_from_error(const error& e, const boost::source_location& where);

template <class T = void>
using result = boost::system::result<T, error>;

}  // namespace statetrack

template <>
struct boost::system::is_error_code_enum<statetrack::errc> : std::true_type {};
