// Request bodies, through every decoder of the route table: answered or refused, and whatever was written,
// the model's invariants hold and all of it can be read and shown.
#include <string>
#include <vector>

#include "api/routes.hpp"
#include "small_daemon.hpp"

namespace statetrackd::fuzz {
namespace {

constexpr std::size_t input_bytes_max = 8'192;
constexpr std::int64_t until_stalled_ms = 3 * statetrack::threshold_ms_min;

struct place {
    verb method;
    std::string path;
};

std::vector<place> places_with_bodies(const small_daemon& daemon) {
    std::vector<place> places;
    for (const auto& r : all_routes()) {
        if (r.notes.takes == nullptr) continue;
        std::string path(r.path);
        const std::string id(path.starts_with("/api/machines") ? machine_id
                             : path.starts_with("/api/tasks")  ? std::string_view(daemon.task_id())
                                                               : session_id);
        if (const auto at = path.find("{id}"); at != std::string::npos) path.replace(at, 4, id);
        places.push_back({r.method, std::move(path)});
    }
    return places;
}

// What the session went through before: bits of the second byte.
void prepare(small_daemon& daemon, unsigned bits) {
    const auto session = "/api/sessions/" + std::string(session_id);
    if (bits & 1u) daemon.ask(verb::post, session + "/heartbeat", R"({"progress":{"seq":1},"phase":"tool"})");
    if (bits & 2u) daemon.ask(verb::patch, "/api/tasks/" + daemon.task_id(), R"({"status":"failed"})");
    if (bits & 4u) daemon.pass_time(until_stalled_ms);
    if (bits & 8u) {
        const auto made = daemon.ask(verb::post, session + "/recover", R"({"new_machine_id":"m2"})");
        must(made.status == (bits & 4u ? 201 : 400), "a stalled session is recovered", made.body);
    }
    if (bits & 16u) daemon.ask(verb::patch, session, R"({"status":"paused","metadata":{"a":{"b":1}}})");
}

void look_at_all(small_daemon& daemon) {
    const auto session = "/api/sessions/" + std::string(session_id);
    for (const auto& path :
         {session, session + "/events", session + "/explain", session + "/recovery-state",
          std::string("/api/sessions"), std::string("/api/tasks"), std::string("/api/machines")})
        must(daemon.ask(verb::get, path).status == 200, "what was written can be read", path);
}

}  // namespace
}  // namespace statetrackd::fuzz

// The first byte chooses the route, the second what went before, the third header fields.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace statetrackd;
    using namespace statetrackd::fuzz;
    if (size < 3 || size > input_bytes_max) return -1;
    const std::string body(reinterpret_cast<const char*>(data) + 3, size - 3);
    small_daemon daemon;
    prepare(daemon, data[1]);
    const auto places = places_with_bodies(daemon);
    const auto& there = places[data[0] % places.size()];
    request_fields fields;
    if (data[2] & 1u) fields.session_epoch = data[2] & 2u ? "2" : "1";
    if (data[2] & 4u) fields.if_match = data[2] & 8u ? "\"2\"" : "\"1\"";
    if (data[2] & 16u) fields.prefer = "return=minimal";
    if (data[2] & 32u) fields.accept = "application/problem+json";
    const auto first = daemon.ask(there.method, there.path, body, fields);
    must(first.status != 404, "the entity is there", there.path);
    daemon.ask(there.method, there.path, body, fields);
    daemon.verify();
    if (there.method == verb::del && first.status < 300) return 0;  // nothing is left to be looked at
    daemon.pass_time(until_stalled_ms);
    look_at_all(daemon);
    daemon.verify();
    return 0;
}
