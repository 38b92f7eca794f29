// Every version of the schema that was released, and the way from each to the next.
#include <initializer_list>
#include <string>

#include "sqlite/opening.hpp"
#include "statetrack/table.hpp"

namespace statetrack::sqlite {
namespace {

constexpr const char* drop_old_places = "DROP INDEX \"sessions_active_place\"";
constexpr const char* create_places =
    "CREATE UNIQUE INDEX \"sessions_active_place\" ON \"sessions\" (\"project_id\", \"machine_id\") "
    "WHERE \"status\" = 'active' AND \"machine_id\" IS NOT NULL AND \"docker_slot\" IS NULL";
constexpr const char* create_records =
    "CREATE TABLE \"idempotency_records\" (\"record_id\" INTEGER PRIMARY KEY AUTOINCREMENT, \"caller\" TEXT "
    "NOT "
    "NULL, \"key\" TEXT NOT NULL, \"fingerprint\" TEXT NOT NULL, \"answer\" TEXT NOT NULL, \"expires_at\" "
    "INTEGER NOT NULL) STRICT";
constexpr const char* create_record_keys =
    "CREATE UNIQUE INDEX \"idempotency_caller_key\" ON \"idempotency_records\" (\"caller\", \"key\")";
constexpr const char* create_expiries =
    "CREATE INDEX \"idempotency_expires_at\" ON \"idempotency_records\" (\"expires_at\")";

// Triggers kept the counts; now the writer does, once a group. A session in a slot stands in one unique index
// of places instead of two. Answers are kept for those who ask again.
sql::migration to_version_2() {
    sql::migration step{.to = 2};
    struct triggers {
        const char* of;
        int tallies;
        int first[2];  // that had triggers for inserting and deleting; -1: none
    };
    const triggers before[] = {{"sessions", 16, {0, 8}}, {"tasks", 4, {0, -1}}, {"machines", 2, {0, -1}}};
    for (const auto& t : before) {
        const std::string head = "DROP TRIGGER IF EXISTS \"" + std::string(t.of) + "_tally_";
        for (int i = 0; i < t.tallies; ++i) step.statements.push_back(head + std::to_string(i) + "_UPDATE\"");
        for (const int i : t.first) {
            if (i < 0) continue;
            step.statements.push_back(head + std::to_string(i) + "_INSERT\"");
            step.statements.push_back(head + std::to_string(i) + "_DELETE\"");
        }
    }
    for (const char* const sql :
         {drop_old_places, create_places, create_records, create_record_keys, create_expiries})
        step.statements.emplace_back(sql);
    return step;
}

// Which values a column holds was a list in checks and indexes, and is a chain of comparisons. What is stored
// is the same, so only the text of the schema changes (https://sqlite.org/lang_altertable.html#otheralter).
std::string list_into_chain(const std::string& column, std::initializer_list<const char*> values) {
    std::string list, chain;
    for (const auto* v : values) {
        const std::string text = "''" + std::string(v) + "''";
        list += (list.empty() ? "" : ", ") + text;
        chain += (chain.empty() ? "\"" : " OR \"") + column + "\" = " + text;
    }
    return "UPDATE sqlite_schema SET sql = replace(sql, '\"" + column + "\" IN (" + list + ")', '(" + chain +
           ")')";
}

// A list of all that a project, a machine or a session has is merged out of the runs of its states.
sql::migration to_version_3() {
    sql::migration step{.to = 3};
    step.statements = {
        "PRAGMA writable_schema = ON",
        list_into_chain("status",
                        {"pending", "active", "paused", "stalled", "completed", "failed", "expired"}),
        list_into_chain("status", {"pending", "active", "paused", "stalled"}),
        list_into_chain("status", {"pending", "active", "paused"}),
        list_into_chain("status", {"pending", "in_progress", "completed", "failed", "blocked"}),
        list_into_chain("status", {"online", "offline", "maintenance"}),
        list_into_chain("phase", {"starting", "working", "tool", "waiting_input", "waiting_permission"}),
        list_into_chain("entity", {"session", "task", "machine"}),
        "PRAGMA writable_schema = RESET",
    };
    for (const char* const index : {"sessions_project", "sessions_machine", "tasks_session", "tasks_project"})
        step.statements.push_back("DROP INDEX \"" + std::string(index) + '"');
    return step;
}

// A stall, a pause or an activation moved the session within three indexes of all sessions, in each to and
// from pages that nothing else had touched. The indexes of all that are live do not say the state any more,
// those of the states that few are in are small.
sql::migration to_version_5() {
    sql::migration step{.to = 5};
    for (const char* const index : {"sessions_project_status", "sessions_machine_status", "sessions_status"})
        step.statements.push_back("DROP INDEX \"" + std::string(index) + '"');
    for (const std::string of : {"project", "machine"}) {
        const auto create = [&](const char* name, const char* parts, const char* where) {
            step.statements.push_back("CREATE INDEX \"sessions_" + of + "_" + name +
                                      "\" ON \"sessions\" (\"" + of + "_id\"" + parts + ") WHERE " + where);
        };
        create("live", "", "\"completed_at\" IS NULL");
        create("idle", ", \"status\"", "(\"status\" = 0 OR \"status\" = 2 OR \"status\" = 3)");
        create("ended", ", \"status\"", "\"completed_at\" IS NOT NULL");
    }
    step.statements.insert(
        step.statements.end(),
        {"CREATE INDEX \"sessions_live\" ON \"sessions\" (\"ordinal\") WHERE \"completed_at\" IS NULL",
         "CREATE INDEX \"sessions_status\" ON \"sessions\" (\"status\") WHERE \"status\" <> 1"});
    return step;
}

}  // namespace

const sql::schema_target& released_schema() {
    static const sql::schema_target released{
        .version = schema_version, .steps = {to_version_2(), to_version_3(), to_version_4(), to_version_5()}};
    return released;
}

}  // namespace statetrack::sqlite
