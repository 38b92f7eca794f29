#include "statetrack/error.hpp"

namespace statetrack {
namespace {

struct code_text {
    errc code;
    std::string_view name;
    std::string_view message;
};

constexpr code_text texts[] = {
    {errc::validation_failed, "validation_failed", "the request is wrong"},
    {errc::not_found, "not_found", "there is no such entity"},
    {errc::already_exists, "already_exists", "that id is taken"},
    {errc::place_taken, "place_taken", "another session holds the place"},
    {errc::illegal_transition, "illegal_transition", "the lifecycle has no such step"},
    {errc::wrong_state, "wrong_state", "not possible in this state"},
    {errc::terminal, "terminal", "the session has ended"},
    {errc::superseded, "superseded", "the session was superseded"},
    {errc::successor_gone, "successor_gone", "the successor was deleted"},
    {errc::version_mismatch, "version_mismatch", "the version is not the stored one"},
    {errc::in_use, "in_use", "a live session needs it"},
    {errc::machine_mismatch, "machine_mismatch", "that machine_id belongs to another hostname"},
    {errc::store_unavailable, "store_unavailable", "the store is unavailable"},
    {errc::commit_unknown, "commit_unknown", "the outcome of the commit is unknown"},
    {errc::store_full, "store_full", "the store has no space left"},
    {errc::store_corrupt, "store_corrupt", "the store is corrupt"},
    {errc::store_in_use, "store_in_use", "another process owns the store"},
    {errc::schema_too_new, "schema_too_new", "the store was written by a newer version"},
    {errc::conflict, "conflict", "a storage constraint was broken"},
    {errc::request_in_progress, "request_in_progress", "the request under this key is still running"},
    {errc::idempotency_key_reused, "idempotency_key_reused", "the key was used for another request"},
    {errc::would_wait, "would_wait", "the answer is not in memory"},
};

const code_text* text_of(int code) {
    for (const auto& t : texts)
        if (static_cast<int>(t.code) == code) return &t;
    return nullptr;
}

class category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "statetrack"; }
    std::string message(int code) const override {
        const auto* t = text_of(code);
        return t ? std::string(t->message) : "unknown error " + std::to_string(code);
    }
};

}  // namespace

const boost::system::error_category& statetrack_category() noexcept {
    static const category instance;
    return instance;
}

boost::system::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), statetrack_category()};
}

std::string_view name_of(errc code) noexcept {
    const auto* t = text_of(static_cast<int>(code));
    return t ? t->name : "unknown";
}

void throw_exception_from_error(const error& e, const boost::source_location&) {
    std::string text = e.detail;
    for (const auto& p : e.problems) text += (text.empty() ? "" : "; ") + p.field + " " + p.message;
    throw boost::system::system_error(e.code, text);
}

}  // namespace statetrack
