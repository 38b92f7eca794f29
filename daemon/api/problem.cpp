#include "api/problem.hpp"

#include <boost/json/serialize.hpp>

#include "api/accept.hpp"
#include "statetrack/fields.hpp"

namespace statetrackd {
namespace {

using statetrack::append_json_string;
using statetrack::errc;

struct mapping {
    errc code;
    int status;
    std::string_view message;  // instead of the library's own detail, where that is not for clients
};

constexpr mapping mappings[] = {
    {errc::validation_failed, 400, ""},
    {errc::not_found, 404, ""},
    {errc::already_exists, 409, ""},
    {errc::place_taken, 409, ""},
    {errc::illegal_transition, 409, ""},
    {errc::wrong_state, 400, ""},
    {errc::terminal, 409, ""},
    {errc::superseded, 409, ""},
    {errc::successor_gone, 410, ""},
    {errc::version_mismatch, 412, ""},
    {errc::in_use, 409, ""},
    {errc::machine_mismatch, 409, ""},
    {errc::store_unavailable, 503, "the store is unavailable; nothing was written, try again"},
    {errc::commit_unknown, 503,
     "the store failed while committing; whether this took effect is unknown, ask again"},
    {errc::store_full, 503, "the store has no space left; nothing was written, make room and try again"},
    {errc::store_corrupt, 500, "the store holds what it should not; see the daemon's log"},
    {errc::store_in_use, 503, "another process owns the store"},
    {errc::schema_too_new, 503, "the store was written by a newer version"},
    {errc::conflict, 409, "a constraint of the store was broken; nothing was written"},
    {errc::request_in_progress, 409, ""},
    {errc::idempotency_key_reused, 422, ""},
    {errc::would_wait, 503, ""},
};

constexpr std::string_view problem_type = "application/problem+json";
constexpr std::int64_t store_retry_after_s = 2;
constexpr std::int64_t in_progress_retry_after_s = 1;

void append_member(std::string& out, std::string_view name, std::string_view text) {
    out += ",\"";
    out += name;
    out += "\":";
    append_json_string(out, text);
}

void append_details(std::string& out, const std::vector<statetrack::field_problem>& details) {
    out += ",\"details\":[";
    for (const auto& p : details) {
        if (out.back() != '[') out += ',';
        out += "{\"field\":";
        append_json_string(out, p.field);
        append_member(out, "message", p.message);
        out += '}';
    }
    out += ']';
}

}  // namespace

refusal_note::refusal_note(statetrack::errc e) {
    auto f = failure_of(statetrack::error(e));
    status = f.status;
    code = f.code;
    message = std::move(f.message);
}

failure failure_of(const statetrack::error& e) {
    for (const auto& m : mappings) {
        if (!e.is(m.code)) continue;
        failure f{.status = m.status,
                  .code = statetrack::name_of(m.code),
                  .message = std::string(m.message),
                  .details = e.problems,
                  .facts = e.facts};
        if (m.code == errc::request_in_progress) f.retry_after_s = in_progress_retry_after_s;
        if (f.message.empty()) f.message = e.detail;
        if (f.message.empty())
            f.message = m.code == errc::validation_failed ? "Validation failed" : e.code.message();
        return f;
    }
    return {.message = "an error inside the daemon; see its log under this request_id"};
}

failure validation_failure(std::vector<statetrack::field_problem> details) {
    return {.status = 400,
            .code = statetrack::name_of(errc::validation_failed),
            .message = "Validation failed",
            .details = std::move(details)};
}

response render(const failure& what, const call& asked, statetrack::timestamp now) {
    const auto phrase = reason_phrase(what.status);
    const auto status = std::to_string(what.status);
    response answer{.status = what.status};
    auto& body = answer.body;
    body = "{\"statusCode\":" + status;
    append_member(body, "error", phrase);
    append_member(body, "message", what.message);
    append_member(body, "timestamp", to_string(now));
    append_member(body, "path", asked.path());
    append_member(body, "request_id", asked.request_id);
    append_member(body, "code", what.code);
    append_details(body, what.details);
    if (!what.facts.empty()) body += ",\"facts\":" + boost::json::serialize(what.facts);
    append_member(body, "type", "urn:statetrack:problem:" + std::string(what.code));
    append_member(body, "title", phrase);
    body += ",\"status\":" + status;
    append_member(body, "detail", what.message);
    append_member(body, "instance", "urn:statetrack:request:" + asked.request_id);
    body += '}';
    if (accepts(asked.asked.fields.accept, problem_type)) answer.content_type = problem_type;
    const auto retry_after_s = what.retry_after_s > 0 ? what.retry_after_s
                               : what.status == 503   ? store_retry_after_s
                                                      : 0;
    if (retry_after_s > 0) answer.set("Retry-After", std::to_string(retry_after_s));
    if (what.status == 401) answer.set("WWW-Authenticate", "Bearer");
    return answer;
}

}  // namespace statetrackd
