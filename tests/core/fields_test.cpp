#include "statetrack/fields.hpp"

#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <string>

#include "printers.hpp"
#include "statetrack/entities.hpp"
#include "statetrack/requests.hpp"

using namespace statetrack;

namespace {

// Of the kinds of members that entities and requests have.
struct described_whole {
    std::string text{};
    std::optional<std::int64_t> number{};
    change<json_text> document{};
    std::vector<progress_mark> marks{};
};
BOOST_DESCRIBE_STRUCT(described_whole, (), (text, number, document, marks))
static_assert(fully_described<described_whole>);

struct described_without_its_last {
    std::string text{};
    std::optional<std::int64_t> number{};
    change<json_text> document{};
};
BOOST_DESCRIBE_STRUCT(described_without_its_last, (), (text, number))
static_assert(!fully_described<described_without_its_last>);

uuid id_of(std::uint8_t n) {
    uuid id;
    id.bytes.fill(n);
    return id;
}

session full_session() {
    return {.session_id = id_of(0x11),
            .project_id = "p \"q\" \\",
            .machine_id = "m",
            .docker_slot = 0,
            .agent_role = "builder",
            .status = session_status::completed,
            .last_heartbeat = {1'768'816'800'001},
            .current_task_id = "t",
            .stall_threshold_ms = 60'000,
            .silence_until = timestamp{1'768'816'800'002},
            .progress_threshold_ms = 900'000,
            .last_progress_at = timestamp{1'768'816'800'003},
            .progress_seq = 9'223'372'036'854'775'807,
            .phase = session_phase::waiting_input,
            .checkpoint = json_text::trusted(R"({"c":1})"),
            .started_at = timestamp{1'768'816'800'004},
            .completed_at = timestamp{1'768'816'800'005},
            .metadata = json_text::trusted(R"({"z":1,"a":[]})"),
            .recovered_from = id_of(0x22),
            .superseded_by = id_of(0x33),
            .lineage_id = id_of(0x44),
            .epoch = 2,
            .version = 3,
            .created_at = {0},
            .updated_at = {-1},
            .archived = true};
}

event full_event() {
    return {.sequence = 12,
            .entity = entity_type::task,
            .entity_id = "e",
            .session_id = id_of(0x11),
            .kind = "changed",
            .from = "pending",
            .to = "in_progress",
            .at = {0},
            .reason = "r",
            .actor = "a",
            .request_id = "q",
            .data = json_text::trusted(R"({"changes":{}})")};
}

template <class T>
void comes_back(const T& entity) {
    const row values = to_row(entity);
    const auto& columns = table_of<T>().columns;
    REQUIRE(values.size() == columns.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
        CAPTURE(columns[i].name);
        CHECK(admits(columns[i], values[i]));
    }
    CHECK(to_row(from_row<T>(values)) == values);
}

}  // namespace

TEST_CASE("A session comes back from its row, full and bare") {
    comes_back(full_session());
    CHECK(from_row<session>(to_row(full_session())) == full_session());
    comes_back(session{});
    CHECK(from_row<session>(to_row(session{})) == session{});
}

TEST_CASE("A task, a machine, an event and a memo come back from their rows") {
    const task work{.task_id = id_of(1),
                    .session_id = id_of(2),
                    .project_id = "p",
                    .github_issue_id = "o/r#1",
                    .task_name = "n",
                    .status = task_status::blocked,
                    .started_at = timestamp{1},
                    .completed_at = timestamp{2},
                    .error_message = "e",
                    .metadata = json_text::trusted(R"({"k":1})"),
                    .retry_of = id_of(3),
                    .attempt = 4,
                    .version = 5,
                    .created_at = {6},
                    .updated_at = {7}};
    comes_back(work);
    CHECK(from_row<task>(to_row(work)) == work);
    comes_back(task{});
    const machine host{.machine_id = "m",
                       .hostname = "h",
                       .docker_slots = {0, 3, 2},
                       .status = machine_status::maintenance,
                       .last_heartbeat = {1},
                       .metadata = json_text::trusted(R"({"k":1})"),
                       .version = 2,
                       .created_at = {3},
                       .updated_at = {4}};
    comes_back(host);
    CHECK(from_row<machine>(to_row(host)) == host);
    CHECK(from_row<machine>(to_row(machine{})).docker_slots.empty());
    comes_back(full_event());
    CHECK(from_row<event>(to_row(full_event())) == full_event());
    comes_back(event{});
    comes_back(memo{.name = "n", .content = json_text::trusted(R"({"k":1})"), .version = 2});
}

TEST_CASE("A row holds each field as its primitive, nulls where nothing is") {
    const row values = to_row(full_session());
    CHECK(values[column_of<&session::session_id>()] == value{id_of(0x11)});
    CHECK(values[column_of<&session::docker_slot>()] == value{std::int64_t{0}});
    CHECK(values[column_of<&session::status>()] == value{std::string("completed")});
    CHECK(values[column_of<&session::phase>()] == value{std::string("waiting_input")});
    CHECK(values[column_of<&session::updated_at>()] == value{std::int64_t{-1}});
    CHECK(values[column_of<&session::metadata>()] == value{std::string(R"({"z":1,"a":[]})")});
    CHECK(values[column_of<&session::archived>()] == value{true});
    const row bare = to_row(session{});
    for (std::size_t i = 0; i < bare.size(); ++i)
        CHECK(is_null(bare[i]) == table_of<session>().columns[i].nullable);
    CHECK(to_row(machine{.docker_slots = {1, -2}})[column_of<&machine::docker_slots>()] ==
          value{std::string("[1,-2]")});
    CHECK(to_row(machine{})[column_of<&machine::docker_slots>()] == value{std::string("[]")});
}

TEST_CASE("A session's JSON is exact, hidden fields left out") {
    CHECK(
        to_json(full_session()) ==
        R"({"session_id":"11111111-1111-1111-1111-111111111111","project_id":"p \"q\" \\","machine_id":"m",)"
        R"("docker_slot":0,"agent_role":"builder","status":"completed",)"
        R"("last_heartbeat":"2026-01-19T10:00:00.001Z","current_task_id":"t","stall_threshold_ms":60000,)"
        R"("silence_until":"2026-01-19T10:00:00.002Z","progress_threshold_ms":900000,)"
        R"("last_progress_at":"2026-01-19T10:00:00.003Z","progress_seq":9223372036854775807,)"
        R"("phase":"waiting_input","checkpoint":{"c":1},"started_at":"2026-01-19T10:00:00.004Z",)"
        R"("completed_at":"2026-01-19T10:00:00.005Z","metadata":{"z":1,"a":[]},)"
        R"("recovered_from":"22222222-2222-2222-2222-222222222222",)"
        R"("superseded_by":"33333333-3333-3333-3333-333333333333",)"
        R"("lineage_id":"44444444-4444-4444-4444-444444444444","epoch":2,"version":3,)"
        R"("created_at":"1970-01-01T00:00:00.000Z","updated_at":"1969-12-31T23:59:59.999Z"})");
}

TEST_CASE("What is not there is null in JSON, and every entity is one JSON object") {
    const auto bare = boost::json::parse(to_json(session{})).as_object();
    CHECK(bare.at("machine_id").is_null());
    CHECK(bare.at("completed_at").is_null());
    CHECK(bare.at("status") == "active");
    CHECK(bare.at("metadata").as_object().empty());
    CHECK(!bare.contains("archived"));
    CHECK(to_json(machine{.machine_id = "m", .hostname = "h", .docker_slots = {0, 2}}) ==
          R"({"machine_id":"m","hostname":"h","docker_slots":[0,2],"status":"online",)"
          R"("last_heartbeat":"1970-01-01T00:00:00.000Z","metadata":{},"version":1,)"
          R"("created_at":"1970-01-01T00:00:00.000Z","updated_at":"1970-01-01T00:00:00.000Z"})");
    const auto happened = boost::json::parse(to_json(full_event())).as_object();
    CHECK(happened.at("sequence") == 12);
    CHECK(!happened.contains("session_id"));
    CHECK(boost::json::parse(to_json(task{})).is_object());
}

TEST_CASE("Text is escaped as JSON wants it and otherwise left as it is") {
    const auto escaped = [](std::string_view text) {
        std::string out;
        append_json_string(out, text);
        return out;
    };
    CHECK(escaped("") == R"("")");
    CHECK(escaped("a\"b\\c/d") == R"("a\"b\\c/d")");
    CHECK(escaped("\n\r\t\b\f\x1f") == R"("\n\r\t\u0008\u000c\u001f")");
    CHECK(escaped("\x7f\xC3\xA9\xF0\x9F\xA7\xAA") == "\"\x7f\xC3\xA9\xF0\x9F\xA7\xAA\"");
    for (int c = 1; c < 0x80; ++c) {
        const std::string text(1, static_cast<char>(c));
        CHECK(boost::json::parse(escaped(text)) == boost::json::value(text));
    }
}

TEST_CASE("An enumeration's names lead to its values and nothing else does") {
    for (const auto name : enum_names<session_status>())
        CHECK(enum_name(enum_from_name<session_status>(name).value()) == name);
    CHECK(enum_names<session_status>().size() == 7);
    for (const char* wrong : {"", "Active", "active ", "unknown"})
        CHECK(!enum_from_name<session_status>(wrong));
}

TEST_CASE("Columns carry what the members say") {
    const auto& in = table_of<session>();
    const auto& slot = in.columns[column_of<&session::docker_slot>()];
    CHECK(slot.kind == column_kind::integer);
    CHECK(slot.nullable);
    CHECK(slot.min == 0);
    const auto& phase = in.columns[column_of<&session::phase>()];
    CHECK(phase.kind == column_kind::enumeration);
    CHECK(phase.nullable);
    CHECK(phase.enumerators == enum_names<session_phase>());
    CHECK(in.columns[column_of<&session::metadata>()].kind == column_kind::json);
    CHECK(!in.columns[column_of<&session::metadata>()].nullable);
    CHECK(in.columns[column_of<&session::created_at>()].kind == column_kind::time);
    CHECK(!in.columns[column_of<&session::created_at>()].min);
    CHECK(table_of<machine>().columns[column_of<&machine::docker_slots>()].kind == column_kind::json);
}

TEST_CASE("A change knows unmentioned from null from a value") {
    change<std::string> unmentioned, cleared = std::nullopt, given = "x";
    CHECK(!unmentioned.given);
    CHECK((cleared.given && !cleared.to));
    CHECK((given.given && given.to == "x"));
    CHECK(unmentioned != cleared);
    const change<std::int64_t> number = 3;
    CHECK(number.to == 3);
}
