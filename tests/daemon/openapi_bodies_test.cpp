// The documented body of every route against what the route takes: whatever the schema refuses is refused by
// name, and whatever it allows is no wrong field.
#include <boost/json/serialize.hpp>

#include "openapi_harness.hpp"

using namespace statetrackd;
using namespace statetrackd::testing;
using boost::json::array;
using boost::json::object;
using boost::json::value;

namespace {

// Values of every type, and those around the schema's own bounds.
std::vector<value> candidates(const object& schema) {
    std::vector<value> all{nullptr, true, 0, -1, 1, 2.5, "", "x", "active", array{}, object{}};
    const auto number = [&](const object& in, std::string_view key) {
        const auto* n = in.if_contains(key);
        return n ? std::optional(n->to_number<std::int64_t>()) : std::nullopt;
    };
    if (const auto n = number(schema, "minimum")) all.insert(all.end(), {*n - 1, *n});
    if (const auto n = number(schema, "maximum")) all.insert(all.end(), {*n, *n + 1});
    if (const auto n = number(schema, "maxLength"))
        for (const auto length : {*n, *n + 1}) {
            std::string text;
            for (std::int64_t i = 0; i < length; ++i) text += "\xC3\xA4";
            all.emplace_back(text);
        }
    if (const auto* names = schema.if_contains("enum"))
        for (const auto& name : names->as_array()) all.push_back(name);
    if (const auto* examples = schema.if_contains("examples")) all.push_back(examples->as_array().at(0));
    const auto* items = schema.if_contains("items");
    if (items == nullptr) return all;
    const auto& element = resolved(*items, served_document()).as_object();
    all.push_back(array{object{{"session_id", "7f2c9a04-5b1e-4c8d-9e3f-2a6b8d0c4e11"}, {"epoch", 0}}});
    all.push_back(array{object{{"session_id", "7f2c9a04-5b1e-4c8d-9e3f-2a6b8d0c4e11"}}});
    if (element.contains("properties")) return all;
    for (const auto& one : candidates(element)) all.push_back(array{one});
    all.push_back(array{1, 1});
    if (const auto most = number(schema, "maxItems"))
        for (const auto length : {*most, *most + 1}) {
            array list;
            for (std::int64_t i = 0; i < length; ++i) list.emplace_back(i);
            all.emplace_back(list);
        }
    return all;
}

std::string path_for(const route& r, const std::string& session, const std::string& task) {
    if (r.path.starts_with("/api/tasks")) return target_for(r, task);
    return target_for(r, r.path.starts_with("/api/machines") ? "m" : session);
}

bool refuses_a_field(const reply& got) {
    return got.status == 400 && got.text_at("code") == "validation_failed";
}

// The deepest problem named must lie in the field that was changed.
bool names(const reply& got, std::string_view field) {
    for (const auto& d : got["details"].as_array())
        if (std::string_view(d.at("field").as_string()).starts_with(field)) return true;
    return false;
}

}  // namespace

TEST_CASE("what a body's schema refuses is refused by the name of its field, and the rest is not") {
    std::size_t refused = 0, taken = 0;
    for (const auto& r : all_routes()) {
        const auto& op = operation(r.path, r.method);
        if (!op.contains("requestBody")) continue;
        CAPTURE(r.path);
        const auto& content = op.at("requestBody").at("content").at("application/json");
        const auto& schema = content.at("schema");
        api_harness h;
        const auto session = h.create("p", "m");
        const auto id = session.substr(session.rfind('/') + 1);
        const auto made =
            h.post("/api/tasks", R"({"project_id":"p","task_name":"n","session_id":")" + id + R"("})");
        const auto path = path_for(r, id, made.text_at("task_id"));
        for (const auto& [name, property] :
             resolved(schema, served_document()).at("properties").as_object()) {
            // That a session exists is no matter of the body's form.
            if (r.path == "/api/tasks" && name == "session_id") continue;
            for (const auto& candidate : candidates(property.as_object())) {
                auto body = content.at("example").as_object();
                if (r.path == "/api/tasks") body["session_id"] = id;
                body[name] = candidate;
                const auto breaks = breaks_of(schema, body, served_document());
                const auto text = boost::json::serialize(body);
                CAPTURE(text.substr(0, 300));
                const auto got = h.ask(r.method, path, text);
                CAPTURE(got.text);
                CHECK(refuses_a_field(got) == !breaks.empty());
                if (!breaks.empty() && refuses_a_field(got)) CHECK(names(got, std::string_view(name)));
                ++(breaks.empty() ? taken : refused);
            }
        }
        auto body = content.at("example").as_object();
        body["no_such_field"] = 1;
        CHECK(h.ask(r.method, path, boost::json::serialize(body)).detail("no_such_field") ==
              "is not a field of this request");
    }
    CHECK(refused > 300);
    CHECK(taken > 100);
}

TEST_CASE("the example of every body is taken by its route") {
    for (const auto& r : all_routes()) {
        const auto& op = operation(r.path, r.method);
        if (!op.contains("requestBody")) continue;
        CAPTURE(r.path);
        api_harness h;
        const auto session = h.create("p", "m");
        const auto id = session.substr(session.rfind('/') + 1);
        const auto task =
            h.post("/api/tasks", R"({"project_id":"p","task_name":"n","session_id":")" + id + R"("})");
        auto body = op.at("requestBody").at("content").at("application/json").at("example").as_object();
        if (r.path == "/api/tasks") body["session_id"] = id;
        const auto got =
            h.ask(r.method, path_for(r, id, task.text_at("task_id")), boost::json::serialize(body));
        CAPTURE(got.text);
        // Another state than these may be needed; the form is right.
        CHECK_FALSE(refuses_a_field(got));
    }
}

TEST_CASE("every documented query parameter is taken at its bounds and refused beyond them") {
    api_harness h;
    std::size_t tried = 0;
    for (const auto& r : all_routes()) {
        if (r.notes.query.empty()) continue;
        const auto session = h.create("p" + std::to_string(tried), "m");
        const auto path = target_for(r, session.substr(session.rfind('/') + 1));
        for (const auto& p : r.notes.query) {
            CAPTURE(r.path);
            CAPTURE(p.name);
            const auto ask = [&](const std::string& v) {
                ++tried;
                return h.ask(r.method, path + '?' + std::string(p.name) + '=' + v);
            };
            CHECK_FALSE(ask("").detail(p.name).empty());
            if (p.kind == parameter_kind::integer) {
                CHECK(ask(std::to_string(p.min)).status == 200);
                CHECK(ask(std::to_string(p.max)).status == 200);
                CHECK_FALSE(ask(std::to_string(p.min - 1)).detail(p.name).empty());
                CHECK_FALSE(ask(p.max == std::numeric_limits<std::int64_t>::max() ? "9223372036854775808"
                                                                                  : std::to_string(p.max + 1))
                                .detail(p.name)
                                .empty());
            }
            for (const auto v : p.values) CHECK(ask(std::string(v)).status == 200);
            if (!p.values.empty()) CHECK_FALSE(ask("nonsense").detail(p.name).empty());
            if (p.kind == parameter_kind::id) CHECK_FALSE(ask("nonsense").detail(p.name).empty());
        }
    }
    CHECK(tried > 60);
}
