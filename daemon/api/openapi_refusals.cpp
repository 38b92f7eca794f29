#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <map>

#include "api/openapi.hpp"
#include "api/problem.hpp"
#include "statetrack/json_text.hpp"

namespace statetrackd {
namespace {

using boost::json::array;
using boost::json::object;
using statetrack::errc;

// What the dispatcher and the guard answer, whatever the route.
const refusal_note bad_target_note{400, "bad_request", "the request target cannot be read"};
const refusal_note malformed_note{400, "malformed_json", "the body is no JSON object that can be read"};
const refusal_note unauthorized_note{401, "unauthorized", "API key required, malformed or invalid"};
const refusal_note forbidden_note{403, "forbidden", "the key's role is too small for this"};
const refusal_note throttled_note{429, "rate_limited", "the budget of this minute is used up"};
const refusal_note internal_note{500, "internal_error", "an error inside the daemon; its log says more"};
const refusal_note overloaded_note{503, "overloaded", "too much is waiting for the store; try again shortly"};

// Every one that any use of the store may end in.
constexpr errc store_errors[] = {errc::store_unavailable, errc::commit_unknown, errc::store_full,
                                 errc::store_corrupt,     errc::store_in_use,   errc::schema_too_new};

bool patches_what_is_tagged(const route& r) { return r.method == verb::patch; }

// Made by what makes every refusal, about an imagined call.
boost::json::value rendered(const refusal_note& why, std::string_view path) {
    call imagined;
    imagined.asked.target = path;
    imagined.request_id = "0b6f3c52-8d1a-4e7b-a2c4-91d5e6f70813";
    failure what{.status = why.status, .code = why.code, .message = why.message};
    if (why.code == statetrack::name_of(errc::validation_failed))
        what.details = {{.field = "limit", .message = "must be an integer from 1 to 100"}};
    constexpr statetrack::timestamp some_day{1'768'816'800'000};
    return statetrack::parse_trusted(render(what, imagined, some_day).body);
}

object header_ref(std::string_view name) { return {{"$ref", "#/components/headers/" + std::string(name)}}; }

object problem_content(const object& schema, const boost::json::value& example) {
    const object shown{{"schema", schema}, {"example", example}};
    return {{"application/json", shown}, {"application/problem+json", shown}};
}

object refusal_answer(int status, const std::vector<refusal_note>& whys, bool takes_budget,
                      const object& problem_schema) {
    std::string told(reason_phrase(status));
    told += '.';
    array codes;
    for (const auto& why : whys) {
        told += "\n\n- `" + std::string(why.code) + "`: " + why.message;
        codes.emplace_back(why.code);
    }
    const object narrowed{
        {"allOf", array{problem_schema, object{{"properties", {{"code", {{"enum", codes}}}}}}}}};
    object fields{{"X-Request-Id", header_ref("X-Request-Id")}};
    if (status == 401) fields["WWW-Authenticate"] = header_ref("WWW-Authenticate");
    if (takes_budget)
        for (const auto* name : {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"})
            fields[name] = header_ref(name);
    const bool waits = std::ranges::any_of(
        whys, [](const auto& why) { return why.code == statetrack::name_of(errc::request_in_progress); });
    if (status == 429 || status == 503 || waits) fields["Retry-After"] = header_ref("Retry-After");
    return {{"description", told},
            {"headers", std::move(fields)},
            {"content", problem_content(narrowed, rendered(whys.front(), "/api/sessions"))}};
}

}  // namespace

std::vector<refusal_note> refusals_of(const route& r) {
    std::vector<refusal_note> all{bad_target_note};
    if (!r.open) {
        all.insert(all.end(), {errc::validation_failed, unauthorized_note, throttled_note});
        if (r.needs > role::read) all.push_back(forbidden_note);
    }
    if (r.notes.takes != nullptr) all.push_back(malformed_note);
    if (r.path.find('{') != std::string_view::npos) all.emplace_back(errc::not_found);
    if (r.notes.once) all.insert(all.end(), {errc::request_in_progress, errc::idempotency_key_reused});
    if (patches_what_is_tagged(r)) all.emplace_back(errc::version_mismatch);
    all.push_back(internal_note);
    if (r.uses_store) {
        all.insert(all.end(), std::begin(store_errors), std::end(store_errors));
        all.push_back(overloaded_note);
    }
    all.insert(all.end(), r.notes.refusals.begin(), r.notes.refusals.end());
    return all;
}

void add_refusals(const route& r, object& answers, object& shared, const object& problem_schema) {
    std::map<int, std::vector<refusal_note>> by_status;
    for (auto& why : refusals_of(r)) by_status[why.status].push_back(std::move(why));
    for (const auto& [status, whys] : by_status) {
        const auto number = std::to_string(status);
        auto answer = refusal_answer(status, whys, !r.open || status >= 500, problem_schema);
        if (auto* shown = answers.if_contains(number)) {  // an answer of the route's own, and refusals
            auto& content = shown->as_object()["content"].as_object();
            auto& own = content["application/json"].as_object();
            own["schema"] = object{
                {"anyOf", array{own["schema"], answer["content"].at("application/json").at("schema")}}};
            content["application/problem+json"] = answer["content"].at("application/problem+json");
            continue;
        }
        std::string name = number;
        for (const auto& why : whys) name += "." + std::string(why.code);
        if (!shared.contains(name)) shared[name] = std::move(answer);
        answers[number] = object{{"$ref", "#/components/responses/" + name}};
    }
}

object early_refusal(const object& problem_schema) {
    const refusal_note example{413, "payload_too_large", "the body is larger than this daemon takes"};
    return {{"description",
             "Refused by no handler: framing (400, 501, 505), sizes (413, 414, 431), times (408, 504), "
             "another method (405)."},
            {"headers", {{"X-Request-Id", header_ref("X-Request-Id")}}},
            {"content", problem_content(problem_schema, rendered(example, "/api/sessions"))}};
}

object common_answer_fields(const route& r) {
    object fields{{"X-Request-Id", header_ref("X-Request-Id")},
                  {"Cache-Control", header_ref("Cache-Control")}};
    if (r.open) return fields;
    for (const auto* name : {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"})
        fields[name] = header_ref(name);
    return fields;
}

object response_fields() {
    const auto field = [](std::string_view doc, object schema) {
        return object{{"description", doc}, {"schema", std::move(schema)}};
    };
    const object text{{"type", "string"}};
    const object count{{"type", "integer"}, {"minimum", 0}};
    const object tag{{"type", "string"}, {"examples", array{"\"3-9f2c1a77\""}}};
    return {{"ETag", field("`\"<version>-<n>\"`: n covers what the version does not (beats, derived "
                           "fields). Send it back in If-None-Match or If-Match.",
                           tag)},
            {"Location",
             field("Where what was made can be read.", {{"type", "string"}, {"format", "uri-reference"}})},
            {"X-Request-Id", field("The request's own if it sent a sane one, else a new UUID v4.", text)},
            {"X-RateLimit-Limit", field("Requests a minute in the budget that this one used.", count)},
            {"X-RateLimit-Remaining", field("What is left of it.", count)},
            {"X-RateLimit-Reset", field("When it is full again, in Unix seconds.", count)},
            {"Retry-After", field("Seconds to wait.", count)},
            {"WWW-Authenticate", field("`Bearer`.", text)},
            {"Idempotent-Replayed",
             field("`true` on the answer to a repetition: it was kept from the first time, and nothing was "
                   "done.",
                   text)},
            {"Preference-Applied", field("`return=minimal`, where it was asked for.", text)},
            {"Cache-Control", field("`private, no-cache` where there is an ETag, else `no-store`.", text)}};
}

}  // namespace statetrackd
