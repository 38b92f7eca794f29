// The document against the table, the descriptions and itself.
#include <boost/json/serialize.hpp>

#include "api/query.hpp"
#include "openapi_harness.hpp"
#include "statetrack/requests.hpp"
#include "statetrack/views.hpp"
#include "version.hpp"

using namespace statetrackd;
using namespace statetrackd::testing;
using boost::json::object;
using boost::json::value;

namespace {

const object& schemas() { return served_document().at("components").at("schemas").as_object(); }

// Calls f(object) for each object in the document.
template <class F>
void for_each_object(const value& v, F f) {
    if (const auto* list = v.if_array())
        for (const auto& element : *list) for_each_object(element, f);
    if (const auto* o = v.if_object()) {
        f(*o);
        for (const auto& member : *o)
            if (member.key() != "example" && member.key() != "examples") for_each_object(member.value(), f);
    }
}

std::int64_t number_at(const object& schema, std::string_view key) {
    const auto* n = schema.if_contains(key);
    return n ? n->to_number<std::int64_t>() : -1;
}

// Whether a property says what its member's notes say; `inner` is the list's element where it is one.
void check_notes(const object& property, const statetrack::field_notes& notes) {
    if (!notes.doc.empty()) CHECK(property.at("description").as_string() == notes.doc);
    const auto* items = property.if_contains("items");
    const auto& bounded = items ? items->as_object() : property;
    if (notes.min) CHECK(number_at(bounded, "minimum") == *notes.min);
    if (notes.max) CHECK(number_at(bounded, "maximum") == *notes.max);
    if (notes.length_max != 0)
        CHECK(number_at(property, items ? "maxItems" : "maxLength") ==
              static_cast<std::int64_t>(notes.length_max));
    if (notes.length_min != 0)
        CHECK(number_at(property, "minLength") == static_cast<std::int64_t>(notes.length_min));
    if (notes.bytes_max != 0)
        CHECK(number_at(property, "x-bytes-max") == static_cast<std::int64_t>(notes.bytes_max));
}

bool requires_member(const object& schema, std::string_view name) {
    const auto* list = schema.if_contains("required");
    if (list == nullptr) return false;
    for (const auto& n : list->as_array())
        if (std::string_view(n.as_string()) == name) return true;
    return false;
}

template <class T>
void check_shown(std::string_view name) {
    CAPTURE(name);
    const auto& schema = schemas().at(name).as_object();
    statetrack::for_each_member<T>([&](std::string_view field, auto member) {
        CAPTURE(field);
        constexpr auto& notes = statetrack::notes_of<member.value>;
        const auto* property = schema.at("properties").as_object().if_contains(field);
        REQUIRE((property != nullptr) == !notes.hidden);
        if (property == nullptr) return;
        CHECK(requires_member(schema, field));
        CHECK_FALSE(notes.doc.empty());
        check_notes(property->as_object(), notes);
    });
}

template <class Request>
void check_sent(std::string_view name, bool in_list = false) {
    CAPTURE(name);
    const auto& schema = schemas().at(name).as_object();
    CHECK(schema.at("additionalProperties") == false);
    statetrack::for_each_member<Request>([&](std::string_view field, auto member) {
        CAPTURE(field);
        constexpr auto& notes = statetrack::notes_of<member.value>;
        const auto* property = schema.at("properties").as_object().if_contains(field);
        REQUIRE((property != nullptr) == (in_list || !notes.in_path));
        if (property == nullptr) return;
        CHECK(requires_member(schema, field) == notes.required);
        CHECK_FALSE(notes.doc.empty());
        check_notes(property->as_object(), notes);
    });
}

}  // namespace

TEST_CASE("the served routes are the documented ones") {
    std::set<std::string> documented, served, ids;
    for (const auto& [path, methods] : served_document().at("paths").as_object())
        for (const auto& [method, op] : methods.as_object()) {
            documented.insert(std::string(method) + ' ' + std::string(path));
            CHECK(ids.insert(std::string(op.at("operationId").as_string())).second);
            CHECK_FALSE(op.at("summary").as_string().empty());
        }
    for (const auto& r : all_routes())
        served.insert(in_lower_case(name_of(r.method)) + ' ' + std::string(r.path));
    CHECK(documented == served);
    CHECK(served_document().at("openapi") == "3.1.0");
    CHECK(served_document().at("info").at("version").as_string() == version);
}

TEST_CASE("every reference in the document leads somewhere") {
    std::size_t refs = 0;
    for_each_object(served_document(), [&](const object& o) {
        if (!o.contains("$ref")) return;
        ++refs;
        CHECK_NOTHROW(resolved(o, served_document()));
    });
    CHECK(refs > 200);
}

TEST_CASE("nothing stands among the components that nobody refers to") {
    std::set<std::string> referred;
    for_each_object(served_document(), [&](const object& o) {
        if (const auto* ref = o.if_contains("$ref")) referred.insert(std::string(ref->as_string()));
    });
    for (const auto& [kind, named] : served_document().at("components").as_object()) {
        if (kind == "securitySchemes") continue;
        for (const auto& [name, what] : named.as_object()) {
            const auto path = "#/components/" + std::string(kind) + '/' + std::string(name);
            CAPTURE(path);
            CHECK(referred.contains(path));
        }
    }
}

TEST_CASE("every field of an entity is in its schema, with words, and with the bounds of its notes") {
    check_shown<statetrack::session>("session");
    check_shown<statetrack::session>("heartbeat_answer");
    check_shown<statetrack::task>("task");
    check_shown<statetrack::machine>("machine");
    check_shown<statetrack::event>("event");
    check_shown<statetrack::session_health>("session_health");
}

TEST_CASE("every field of a request is in its schema, with words, and with the bounds of its notes") {
    using namespace statetrack;
    check_sent<new_session>("new_session");
    check_sent<session_patch>("session_patch");
    check_sent<heartbeat>("heartbeat");
    check_sent<heartbeat>("heartbeat_element", true);
    check_sent<progress_mark>("progress_mark");
    check_sent<failure_mark>("failure_mark");
    check_sent<stall_mark>("stall_mark");
    check_sent<recovery_preparation>("recovery_preparation");
    check_sent<recovery>("recovery");
    check_sent<archiving>("archiving");
    check_sent<new_task>("new_task");
    check_sent<task_patch>("task_patch");
    check_sent<machine_registration>("machine_registration");
    check_sent<machine_patch>("machine_patch");
    check_sent<machine_heartbeat>("machine_heartbeat");
}

TEST_CASE("every example fits the schema that it stands in") {
    std::size_t examples = 0;
    const auto check = [&](const value& schema, const value& example) {
        ++examples;
        for (const auto& why : breaks_of(schema, example, served_document(), strangers::none))
            FAIL_CHECK(why << " in " << boost::json::serialize(example));
    };
    for_each_object(served_document(), [&](const object& o) {
        if (const auto* example = o.if_contains("example")) check(o.at("schema"), *example);
        if (const auto* own = o.if_contains("examples"))
            for (const auto& example : own->as_array()) check(o, example);
    });
    CHECK(examples > 100);
}

TEST_CASE("every route but the open ones says which key it needs, and for what role") {
    for (const auto& r : all_routes()) {
        CAPTURE(r.path);
        const auto& security = operation(r.path, r.method).at("security").as_array();
        CHECK(security.size() == (r.open ? 0u : 2u));
        for (const auto& one : security)
            for (const auto& scheme : one.as_object()) {
                CHECK(served_document()
                          .at("components")
                          .at("securitySchemes")
                          .as_object()
                          .contains(scheme.key()));
                CHECK(scheme.value().at(0).as_string() == name_of(r.needs));
            }
    }
}

TEST_CASE("a parameter that the table does not declare is an error of ours, not a silent one") {
    const std::vector<route> routes = {{.method = verb::get,
                                        .path = "/undeclared",
                                        .where = lane::memory,
                                        .handler = answering([](const context&, const call& asked) {
                                            query_reader query(asked);
                                            query.text("hidden");
                                            return response{};
                                        }),
                                        .open = true}};
    api_harness h(statetrack::make_memory_store(), routes);
    CHECK(h.get("/undeclared?hidden=1").status == 500);
}
