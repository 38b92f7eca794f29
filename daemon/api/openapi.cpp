#include "api/openapi.hpp"

#include <boost/json/array.hpp>

#include "api/answer_schemas.hpp"
#include "api/ascii.hpp"
#include "version.hpp"

namespace statetrackd {
namespace {

using boost::json::array;
using boost::json::object;

// The one sentence that a reader needs about each group of routes.
struct group {
    std::string_view name;
    std::string_view doc;
};
constexpr group groups[] = {
    {"sessions", "Runs of an orchestrator: create, beat, judge, recover, clean up."},
    {"tasks", "Pieces of work inside sessions."},
    {"machines", "Laptops and servers that sessions run on."},
    {"service", "The daemon itself."},
    {"docs", "This document."},
};

std::string_view group_of(std::string_view path) {
    for (const auto& g : groups)
        if (path.starts_with("/api/" + std::string(g.name))) return g.name;
    return "service";
}

std::string in_lower_case(verb method) {
    std::string name;
    for (const char c : name_of(method)) name += lower(c);
    return name;
}

// `post_sessions_id_recover`
std::string operation_id(const route& r) {
    auto id = in_lower_case(r.method);
    auto path = r.path;
    if (path.starts_with("/api/")) path.remove_prefix(4);
    for (const char c : path)
        if (c == '/' || c == '.')
            id += '_';
        else if (c != '{' && c != '}')
            id += c;
    return id;
}

object parameter_schema(const query_parameter& p) {
    object schema;
    switch (p.kind) {
        case parameter_kind::text:
            schema = text_schema({.length_min = 1});
            break;
        case parameter_kind::integer:
            schema = integer_schema({.min = p.min, .max = p.max});
            break;
        case parameter_kind::id:
            schema = uuid_schema();
            break;
        case parameter_kind::enumeration:
            schema = enumeration_schema(p.values);
            break;
    }
    if (p.standard) schema["default"] = *p.standard;
    return schema;
}

object path_id_schema(std::string_view path, schema_book& book) {
    const auto of = group_of(path);
    if (of == "machines") return shown_schema<&statetrack::machine::machine_id>(book);
    return of == "tasks" ? shown_schema<&statetrack::task::task_id>(book)
                         : shown_schema<&statetrack::session::session_id>(book);
}

object field_ref(std::string_view name) { return {{"$ref", "#/components/parameters/" + std::string(name)}}; }

bool has_tagged_answer(const route& r) {
    for (const auto& a : r.notes.answers)
        if (a.tagged) return true;
    return false;
}

array parameters_of(const route& r, schema_book& book) {
    array all;
    if (r.path.find("{id}") != std::string_view::npos)
        all.push_back(object{
            {"name", "id"}, {"in", "path"}, {"required", true}, {"schema", path_id_schema(r.path, book)}});
    for (const auto& p : r.notes.query)
        all.push_back(object{
            {"name", p.name}, {"in", "query"}, {"description", p.doc}, {"schema", parameter_schema(p)}});
    for (const auto name : r.notes.fields) all.push_back(field_ref(name));
    if (r.notes.once) all.push_back(field_ref("Idempotency-Key"));
    if (r.notes.body.takes_epoch) all.push_back(field_ref("X-Session-Epoch"));
    if (r.method == verb::get && has_tagged_answer(r)) all.push_back(field_ref("If-None-Match"));
    if (r.method == verb::patch) all.push_back(field_ref("If-Match"));
    all.push_back(field_ref("X-Request-Id"));
    return all;
}

object request_fields_document() {
    const auto field = [](std::string_view name, std::string_view doc, object schema) {
        return object{{"name", name}, {"in", "header"}, {"description", doc}, {"schema", std::move(schema)}};
    };
    const object text{{"type", "string"}};
    return {
        {"X-Session-Epoch", field("X-Session-Epoch",
                                  "The epoch that the caller believes the session to have; another one is "
                                  "refused as superseded. The same as `epoch` in the body.",
                                  integer_schema({.min = 1}))},
        {"If-None-Match", field("If-None-Match", "ETags that the caller has: 304 for any of them.", text)},
        {"If-Match", field("If-Match",
                           "The version that the change is meant for, as an ETag or `\"<version>\"`; "
                           "another one is refused.",
                           text)},
        {"Idempotency-Key",
         field("Idempotency-Key",
               "A name for this one intention, unique to the caller, as a string in double quotes or bare "
               "(draft-ietf-httpapi-idempotency-key-header-07). Sent again under it, the same request does "
               "nothing and is answered as it was the first time; while the first one runs: 409; another "
               "request under it: 422. Kept for IDEMPOTENCY_TTL_SECONDS, also across restarts. A refusal is "
               "not kept: the corrected request may use the same key.",
               {{"type", "string"}, {"minLength", 1}, {"examples", array{"\"8e03978e-40d5-43dd\""}}})},
        {"Prefer", field("Prefer", "`return=minimal` (RFC 7240): only what the next beat needs.", text)},
        {"X-Request-Id", field("X-Request-Id", "What to call this request in logs and events.", text)}};
}

// A body on DELETE is taken, but has no meaning to HTTP: X-Session-Epoch says all that it could.
void add_request_body(const route& r, object& operation, schema_book& book) {
    if (r.notes.takes == nullptr || r.method == verb::del) return;
    const auto schema = r.notes.takes(book, r.notes.body);
    operation["requestBody"] =
        object{{"required", !r.notes.body.may_be_empty},
               {"content",
                {{"application/json",
                  {{"schema", schema}, {"example", sample_of(schema, book.schemas(), sampling::telling)}}}}}};
}

// Answers of one status differ by their media type.
void add_answer(const route& r, const answer_note& a, object& answers, schema_book& book) {
    auto& slot = answers[std::to_string(a.status)];
    if (slot.is_null()) {
        auto fields = common_answer_fields(r);
        slot = object{{"description", a.doc}, {"headers", std::move(fields)}};
    }
    auto& answer = slot.as_object();
    auto& fields = answer["headers"].as_object();
    const auto add_field = [&](std::string_view name) {
        fields[name] = object{{"$ref", "#/components/headers/" + std::string(name)}};
    };
    if (a.tagged) add_field("ETag");
    if (a.located) add_field("Location");
    if (r.notes.once) add_field("Idempotent-Replayed");
    for (const auto name : r.notes.fields)
        if (name == "Prefer") add_field("Preference-Applied");
    if (a.body == nullptr) return;
    auto schema = a.body(book);
    object shown{{"schema", schema}};
    if (a.content_type == "application/json" && schema.if_contains("additionalProperties") == nullptr)
        shown["example"] = sample_of(schema, book.schemas(), sampling::everything);
    if (!answer.contains("content")) answer["content"] = object{};
    answer["content"].as_object()[a.content_type] = std::move(shown);
}

object answers_of(const route& r, object& shared, schema_book& book) {
    object answers;
    for (const auto& a : r.notes.answers) add_answer(r, a, answers, book);
    if (r.method == verb::get && has_tagged_answer(r)) {
        auto fields = common_answer_fields(r);
        fields["ETag"] = object{{"$ref", "#/components/headers/ETag"}};
        answers["304"] =
            object{{"description", "The caller has it already."}, {"headers", std::move(fields)}};
    }
    const auto problem = problem_schema(book);
    add_refusals(r, answers, shared, problem);
    answers["default"] = object{{"$ref", "#/components/responses/refused_early"}};
    return answers;
}

object operation_of(const route& r, object& shared, schema_book& book) {
    object operation{
        {"operationId", operation_id(r)}, {"summary", r.summary}, {"tags", array{group_of(r.path)}}};
    std::string doc(r.notes.doc);
    if (!r.open) {
        if (!doc.empty()) doc += "\n\n";
        doc += "Needs a key of the role `" + std::string(name_of(r.needs)) + "`" +
               (r.needs == role::admin ? "." : ", or of a greater one.");
    }
    if (!doc.empty()) operation["description"] = doc;
    array security;
    if (!r.open)
        for (const auto* scheme : {"api_key", "bearer"})
            security.push_back(object{{scheme, array{name_of(r.needs)}}});
    operation["security"] = std::move(security);
    operation["parameters"] = parameters_of(r, book);
    add_request_body(r, operation, book);
    operation["responses"] = answers_of(r, shared, book);
    return operation;
}

object security_schemes() {
    return {{"api_key",
             {{"type", "apiKey"}, {"in", "header"}, {"name", "X-API-Key"}, {"description", "A UUID v4."}}},
            {"bearer",
             {{"type", "http"}, {"scheme", "bearer"}, {"description", "The same key as a bearer token."}}}};
}

object about() {
    return {{"title", "statetrackd"},
            {"version", version},
            {"summary", "Which agent sessions live, which have stalled, and who continues them."},
            {"description",
             "JSON in and out, UTF-8. A session beats; one that falls silent is marked stalled, with its "
             "reason; its work is handed on exactly once, and what the old one still writes is refused by "
             "its epoch.\n\nA key has a role: `read` may GET, `client` may do what agents do, `admin` may do "
             "everything. HEAD works wherever GET does, OPTIONS everywhere. A malformed id in a path is an "
             "id that does not exist. Unknown fields and parameters are refused by name. Every refusal has "
             "one shape, `problem`: with `Accept: application/problem+json` it is sent under that type."},
            {"license", {{"name", "MIT"}, {"identifier", "MIT"}}}};
}

}  // namespace

object openapi_document(const std::vector<route>& routes) {
    schema_book book;
    object shared, paths;
    for (const auto& r : routes) {
        if (!paths.contains(r.path)) paths[r.path] = object{};
        paths[r.path].as_object()[in_lower_case(r.method)] = operation_of(r, shared, book);
    }
    shared["refused_early"] = early_refusal(problem_schema(book));
    array tags;
    for (const auto& g : groups) tags.push_back(object{{"name", g.name}, {"description", g.doc}});
    return {{"openapi", "3.1.0"},
            {"info", about()},
            {"servers", array{object{{"url", "/"}, {"description", "Where this document comes from."}}}},
            {"tags", std::move(tags)},
            {"paths", std::move(paths)},
            {"components",
             {{"securitySchemes", security_schemes()},
              {"parameters", request_fields_document()},
              {"headers", response_fields()},
              {"responses", std::move(shared)},
              {"schemas", book.schemas()}}}};
}

}  // namespace statetrackd
