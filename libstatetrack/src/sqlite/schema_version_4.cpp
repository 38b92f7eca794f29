// Version 4 of the schema, which is all of it in other forms: names that recur as numbers, enumerators as
// their places, ids among texts as bytes, JSON shortened. A live session with its first event took 709 bytes,
// indexes and all, and takes 444.
#include "sqlite/opening.hpp"

namespace statetrack::sqlite {

// Every table is made anew, beside its old self; ordinals stay, and are not used again.
sql::migration to_version_4() {
    return {
        .to = 4,
        .statements = {
            "DROP INDEX \"sessions_key\"",
            "DROP INDEX \"sessions_slot\"",
            "DROP INDEX \"sessions_lineage\"",
            "DROP INDEX \"sessions_recovered_from\"",
            "DROP INDEX \"sessions_project_status\"",
            "DROP INDEX \"sessions_machine_status\"",
            "DROP INDEX \"sessions_status\"",
            "DROP INDEX \"sessions_archived\"",
            "DROP INDEX \"sessions_completed_at\"",
            "DROP INDEX \"sessions_active_place\"",
            "DROP INDEX \"tasks_key\"",
            "DROP INDEX \"tasks_session_status\"",
            "DROP INDEX \"tasks_project_status\"",
            "DROP INDEX \"tasks_status\"",
            "DROP INDEX \"tasks_retry\"",
            "DROP INDEX \"machines_key\"",
            "DROP INDEX \"machines_status\"",
            "DROP INDEX \"events_session\"",
            "DROP INDEX \"events_machine\"",
            "DROP INDEX \"events_deleted\"",
            "DROP INDEX \"memos_key\"",
            "DROP INDEX \"idempotency_caller_key\"",
            "DROP INDEX \"idempotency_expires_at\"",
            "ALTER TABLE \"sessions\" RENAME TO \"old_sessions\"",
            "ALTER TABLE \"tasks\" RENAME TO \"old_tasks\"",
            "ALTER TABLE \"machines\" RENAME TO \"old_machines\"",
            "ALTER TABLE \"events\" RENAME TO \"old_events\"",
            "ALTER TABLE \"memos\" RENAME TO \"old_memos\"",
            "ALTER TABLE \"idempotency_records\" RENAME TO \"old_idempotency_records\"",
            "CREATE TABLE \"names\" (\"number\" INTEGER PRIMARY KEY, \"text\" TEXT NOT NULL UNIQUE) STRICT",
            "CREATE TABLE \"sessions\" (\"ordinal\" INTEGER PRIMARY KEY AUTOINCREMENT, \"session_id\" BLOB "
            "NOT "
            "NULL CONSTRAINT \"sessions_session_id_type\" CHECK (length(\"session_id\") = 16), "
            "\"project_id\" "
            "INTEGER NOT NULL CONSTRAINT \"sessions_project_id_type\" CHECK (\"project_id\" > 0), "
            "\"machine_id\" INTEGER CONSTRAINT \"sessions_machine_id_type\" CHECK (\"machine_id\" > 0), "
            "\"docker_slot\" INTEGER CONSTRAINT \"sessions_docker_slot_min\" CHECK (\"docker_slot\" >= 0), "
            "\"agent_role\" ANY CONSTRAINT \"sessions_agent_role_type\" CHECK (\"agent_role\" >= ''), "
            "\"status\" INTEGER NOT NULL CONSTRAINT \"sessions_status_type\" CHECK (\"status\" BETWEEN 0 AND "
            "6), \"last_heartbeat\" INTEGER NOT NULL, \"current_task_id\" ANY CONSTRAINT "
            "\"sessions_current_task_id_type\" CHECK (\"current_task_id\" >= ''), \"stall_threshold_ms\" "
            "INTEGER CONSTRAINT \"sessions_stall_threshold_ms_min\" CHECK (\"stall_threshold_ms\" >= 1000), "
            "\"silence_until\" INTEGER, \"progress_threshold_ms\" INTEGER CONSTRAINT "
            "\"sessions_progress_threshold_ms_min\" CHECK (\"progress_threshold_ms\" >= 1000), "
            "\"last_progress_at\" INTEGER, \"progress_seq\" INTEGER NOT NULL CONSTRAINT "
            "\"sessions_progress_seq_min\" CHECK (\"progress_seq\" >= 0), \"phase\" INTEGER CONSTRAINT "
            "\"sessions_phase_type\" CHECK (\"phase\" BETWEEN 0 AND 4), \"checkpoint\" ANY CONSTRAINT "
            "\"sessions_checkpoint_type\" CHECK (\"checkpoint\" >= ''), \"started_at\" INTEGER, "
            "\"completed_at\" INTEGER, \"metadata\" ANY NOT NULL CONSTRAINT \"sessions_metadata_type\" CHECK "
            "(\"metadata\" >= ''), \"recovered_from\" BLOB CONSTRAINT \"sessions_recovered_from_type\" CHECK "
            "(length(\"recovered_from\") = 16), \"superseded_by\" BLOB CONSTRAINT "
            "\"sessions_superseded_by_type\" CHECK (length(\"superseded_by\") = 16), \"lineage_id\" BLOB NOT "
            "NULL CONSTRAINT \"sessions_lineage_id_type\" CHECK (length(\"lineage_id\") = 16), \"epoch\" "
            "INTEGER NOT NULL CONSTRAINT \"sessions_epoch_min\" CHECK (\"epoch\" >= 1), \"version\" INTEGER "
            "NOT NULL CONSTRAINT \"sessions_version_min\" CHECK (\"version\" >= 1), \"created_at\" INTEGER "
            "NOT "
            "NULL, \"updated_at\" INTEGER NOT NULL, \"archived\" INTEGER NOT NULL CONSTRAINT "
            "\"sessions_archived_type\" CHECK (\"archived\" BETWEEN 0 AND 1), CONSTRAINT "
            "\"sessions_completed_at_terminal\" CHECK ((\"completed_at\" IS NULL) = (((\"status\" = 0 OR "
            "\"status\" = 1 OR \"status\" = 2 OR \"status\" = 3)) IS TRUE)), CONSTRAINT "
            "\"sessions_lineage_begins\" CHECK ((\"epoch\" = 1) IS NOT TRUE OR \"lineage_id\" = "
            "\"session_id\")) STRICT",
            "CREATE TABLE \"tasks\" (\"ordinal\" INTEGER PRIMARY KEY AUTOINCREMENT, \"task_id\" BLOB NOT "
            "NULL "
            "CONSTRAINT \"tasks_task_id_type\" CHECK (length(\"task_id\") = 16), \"session_id\" BLOB NOT "
            "NULL "
            "CONSTRAINT \"tasks_session_id_type\" CHECK (length(\"session_id\") = 16) REFERENCES "
            "\"sessions\" "
            "(\"session_id\") ON DELETE CASCADE, \"project_id\" INTEGER NOT NULL CONSTRAINT "
            "\"tasks_project_id_type\" CHECK (\"project_id\" > 0), \"github_issue_id\" ANY CONSTRAINT "
            "\"tasks_github_issue_id_type\" CHECK (\"github_issue_id\" >= ''), \"task_name\" ANY NOT NULL "
            "CONSTRAINT \"tasks_task_name_type\" CHECK (\"task_name\" >= ''), \"status\" INTEGER NOT NULL "
            "CONSTRAINT \"tasks_status_type\" CHECK (\"status\" BETWEEN 0 AND 4), \"started_at\" INTEGER, "
            "\"completed_at\" INTEGER, \"error_message\" ANY CONSTRAINT \"tasks_error_message_type\" CHECK "
            "(\"error_message\" >= ''), \"metadata\" ANY NOT NULL CONSTRAINT \"tasks_metadata_type\" CHECK "
            "(\"metadata\" >= ''), \"retry_of\" BLOB CONSTRAINT \"tasks_retry_of_type\" CHECK "
            "(length(\"retry_of\") = 16), \"attempt\" INTEGER NOT NULL CONSTRAINT \"tasks_attempt_min\" "
            "CHECK "
            "(\"attempt\" >= 1), \"version\" INTEGER NOT NULL CONSTRAINT \"tasks_version_min\" CHECK "
            "(\"version\" >= 1), \"created_at\" INTEGER NOT NULL, \"updated_at\" INTEGER NOT NULL) STRICT",
            "CREATE TABLE \"machines\" (\"ordinal\" INTEGER PRIMARY KEY AUTOINCREMENT, \"machine_id\" ANY "
            "NOT "
            "NULL CONSTRAINT \"machines_machine_id_type\" CHECK (\"machine_id\" >= ''), \"hostname\" ANY NOT "
            "NULL CONSTRAINT \"machines_hostname_type\" CHECK (\"hostname\" >= ''), \"docker_slots\" ANY NOT "
            "NULL CONSTRAINT \"machines_docker_slots_type\" CHECK (\"docker_slots\" >= ''), \"status\" "
            "INTEGER "
            "NOT NULL CONSTRAINT \"machines_status_type\" CHECK (\"status\" BETWEEN 0 AND 2), "
            "\"last_heartbeat\" INTEGER NOT NULL, \"metadata\" ANY NOT NULL CONSTRAINT "
            "\"machines_metadata_type\" CHECK (\"metadata\" >= ''), \"version\" INTEGER NOT NULL CONSTRAINT "
            "\"machines_version_min\" CHECK (\"version\" >= 1), \"created_at\" INTEGER NOT NULL, "
            "\"updated_at\" INTEGER NOT NULL) STRICT",
            "CREATE TABLE \"events\" (\"sequence\" INTEGER PRIMARY KEY AUTOINCREMENT, \"entity\" INTEGER NOT "
            "NULL CONSTRAINT \"events_entity_type\" CHECK (\"entity\" BETWEEN 0 AND 2), \"entity_id\" ANY "
            "NOT "
            "NULL CONSTRAINT \"events_entity_id_type\" CHECK (\"entity_id\" >= ''), \"session_id\" BLOB "
            "CONSTRAINT \"events_session_id_type\" CHECK (length(\"session_id\") = 16), \"kind\" INTEGER NOT "
            "NULL CONSTRAINT \"events_kind_type\" CHECK (\"kind\" > 0), \"from\" INTEGER CONSTRAINT "
            "\"events_from_type\" CHECK (\"from\" > 0), \"to\" INTEGER CONSTRAINT \"events_to_type\" CHECK "
            "(\"to\" > 0), \"at\" INTEGER NOT NULL, \"reason\" ANY CONSTRAINT \"events_reason_type\" CHECK "
            "(\"reason\" >= ''), \"actor\" INTEGER NOT NULL CONSTRAINT \"events_actor_type\" CHECK "
            "(\"actor\" "
            "> 0), \"request_id\" ANY CONSTRAINT \"events_request_id_type\" CHECK (\"request_id\" >= ''), "
            "\"data\" ANY NOT NULL CONSTRAINT \"events_data_type\" CHECK (\"data\" >= '')) STRICT",
            "CREATE TABLE \"memos\" (\"ordinal\" INTEGER PRIMARY KEY AUTOINCREMENT, \"name\" ANY NOT NULL "
            "CONSTRAINT \"memos_name_type\" CHECK (\"name\" >= ''), \"content\" ANY NOT NULL CONSTRAINT "
            "\"memos_content_type\" CHECK (\"content\" >= ''), \"version\" INTEGER NOT NULL) STRICT",
            "CREATE TABLE \"idempotency_records\" (\"record_id\" INTEGER PRIMARY KEY AUTOINCREMENT, "
            "\"caller\" "
            "ANY NOT NULL CONSTRAINT \"idempotency_records_caller_type\" CHECK (\"caller\" >= ''), \"key\" "
            "ANY "
            "NOT NULL CONSTRAINT \"idempotency_records_key_type\" CHECK (\"key\" >= ''), \"fingerprint\" ANY "
            "NOT NULL CONSTRAINT \"idempotency_records_fingerprint_type\" CHECK (\"fingerprint\" >= ''), "
            "\"answer\" ANY NOT NULL CONSTRAINT \"idempotency_records_answer_type\" CHECK (\"answer\" >= "
            "''), "
            "\"expires_at\" INTEGER NOT NULL) STRICT",
            "INSERT INTO \"names\" (\"text\") SELECT \"project_id\" FROM \"old_sessions\" WHERE "
            "\"project_id\" "
            "IS NOT NULL UNION SELECT \"machine_id\" FROM \"old_sessions\" WHERE \"machine_id\" IS NOT NULL "
            "UNION SELECT \"project_id\" FROM \"old_tasks\" WHERE \"project_id\" IS NOT NULL UNION SELECT "
            "\"kind\" FROM \"old_events\" WHERE \"kind\" IS NOT NULL UNION SELECT \"from\" FROM "
            "\"old_events\" "
            "WHERE \"from\" IS NOT NULL UNION SELECT \"to\" FROM \"old_events\" WHERE \"to\" IS NOT NULL "
            "UNION "
            "SELECT \"actor\" FROM \"old_events\" WHERE \"actor\" IS NOT NULL",
            "INSERT INTO \"sessions\" SELECT \"ordinal\", \"session_id\", (SELECT \"number\" FROM \"names\" "
            "WHERE \"text\" = \"project_id\"), (SELECT \"number\" FROM \"names\" WHERE \"text\" = "
            "\"machine_id\"), \"docker_slot\", kept_text(\"agent_role\"), CASE \"status\" WHEN 'pending' "
            "THEN "
            "0 WHEN 'active' THEN 1 WHEN 'paused' THEN 2 WHEN 'stalled' THEN 3 WHEN 'completed' THEN 4 WHEN "
            "'failed' THEN 5 WHEN 'expired' THEN 6 END, \"last_heartbeat\", kept_text(\"current_task_id\"), "
            "\"stall_threshold_ms\", \"silence_until\", \"progress_threshold_ms\", \"last_progress_at\", "
            "\"progress_seq\", CASE \"phase\" WHEN 'starting' THEN 0 WHEN 'working' THEN 1 WHEN 'tool' THEN "
            "2 "
            "WHEN 'waiting_input' THEN 3 WHEN 'waiting_permission' THEN 4 END, kept_json(\"checkpoint\"), "
            "\"started_at\", \"completed_at\", kept_json(\"metadata\"), \"recovered_from\", "
            "\"superseded_by\", "
            "\"lineage_id\", \"epoch\", \"version\", \"created_at\", \"updated_at\", \"archived\" FROM "
            "\"old_sessions\" ORDER BY \"ordinal\"",
            "INSERT INTO \"tasks\" SELECT \"ordinal\", \"task_id\", \"session_id\", (SELECT \"number\" FROM "
            "\"names\" WHERE \"text\" = \"project_id\"), kept_text(\"github_issue_id\"), "
            "kept_text(\"task_name\"), CASE \"status\" WHEN 'pending' THEN 0 WHEN 'in_progress' THEN 1 WHEN "
            "'completed' THEN 2 WHEN 'failed' THEN 3 WHEN 'blocked' THEN 4 END, \"started_at\", "
            "\"completed_at\", kept_text(\"error_message\"), kept_json(\"metadata\"), \"retry_of\", "
            "\"attempt\", \"version\", \"created_at\", \"updated_at\" FROM \"old_tasks\" ORDER BY "
            "\"ordinal\"",
            "INSERT INTO \"machines\" SELECT \"ordinal\", kept_text(\"machine_id\"), "
            "kept_text(\"hostname\"), "
            "kept_json(\"docker_slots\"), CASE \"status\" WHEN 'online' THEN 0 WHEN 'offline' THEN 1 WHEN "
            "'maintenance' THEN 2 END, \"last_heartbeat\", kept_json(\"metadata\"), \"version\", "
            "\"created_at\", \"updated_at\" FROM \"old_machines\" ORDER BY \"ordinal\"",
            "INSERT INTO \"events\" SELECT \"sequence\", CASE \"entity\" WHEN 'session' THEN 0 WHEN 'task' "
            "THEN 1 WHEN 'machine' THEN 2 END, CASE \"entity\" WHEN 'session' THEN '' ELSE "
            "kept_text(\"entity_id\") END, \"session_id\", (SELECT \"number\" FROM \"names\" WHERE \"text\" "
            "= "
            "\"kind\"), (SELECT \"number\" FROM \"names\" WHERE \"text\" = \"from\"), (SELECT \"number\" "
            "FROM "
            "\"names\" WHERE \"text\" = \"to\"), \"at\", kept_text(\"reason\"), (SELECT \"number\" FROM "
            "\"names\" WHERE \"text\" = \"actor\"), kept_text(\"request_id\"), kept_json(\"data\") FROM "
            "\"old_events\" ORDER BY \"sequence\"",
            "INSERT INTO \"memos\" SELECT \"ordinal\", kept_text(\"name\"), kept_json(\"content\"), "
            "\"version\" FROM \"old_memos\" ORDER BY \"ordinal\"",
            "INSERT INTO \"idempotency_records\" SELECT \"record_id\", kept_text(\"caller\"), "
            "kept_text(\"key\"), kept_text(\"fingerprint\"), kept_text(\"answer\"), \"expires_at\" FROM "
            "\"old_idempotency_records\" ORDER BY \"record_id\"",
            "DELETE FROM sqlite_sequence WHERE name = 'sessions'",
            "UPDATE sqlite_sequence SET name = 'sessions' WHERE name = 'old_sessions'",
            "DELETE FROM sqlite_sequence WHERE name = 'tasks'",
            "UPDATE sqlite_sequence SET name = 'tasks' WHERE name = 'old_tasks'",
            "DELETE FROM sqlite_sequence WHERE name = 'machines'",
            "UPDATE sqlite_sequence SET name = 'machines' WHERE name = 'old_machines'",
            "DELETE FROM sqlite_sequence WHERE name = 'events'",
            "UPDATE sqlite_sequence SET name = 'events' WHERE name = 'old_events'",
            "DELETE FROM sqlite_sequence WHERE name = 'memos'",
            "UPDATE sqlite_sequence SET name = 'memos' WHERE name = 'old_memos'",
            "DELETE FROM sqlite_sequence WHERE name = 'idempotency_records'",
            "UPDATE sqlite_sequence SET name = 'idempotency_records' WHERE name = 'old_idempotency_records'",
            "DROP TABLE \"old_idempotency_records\"",
            "DROP TABLE \"old_memos\"",
            "DROP TABLE \"old_events\"",
            "DROP TABLE \"old_machines\"",
            "DROP TABLE \"old_tasks\"",
            "DROP TABLE \"old_sessions\"",
            "CREATE UNIQUE INDEX \"sessions_key\" ON \"sessions\" (\"session_id\")",
            "CREATE UNIQUE INDEX \"sessions_active_place\" ON \"sessions\" (\"project_id\", \"machine_id\") "
            "WHERE \"status\" = 1 AND \"machine_id\" IS NOT NULL AND \"docker_slot\" IS NULL",
            "CREATE UNIQUE INDEX \"sessions_slot\" ON \"sessions\" (\"machine_id\", \"docker_slot\") WHERE "
            "(\"status\" = 0 OR \"status\" = 1 OR \"status\" = 2) AND \"machine_id\" IS NOT NULL AND "
            "\"docker_slot\" IS NOT NULL",
            "CREATE UNIQUE INDEX \"sessions_lineage\" ON \"sessions\" (\"lineage_id\", \"epoch\") WHERE "
            "\"epoch\" <> 1",
            "CREATE UNIQUE INDEX \"sessions_recovered_from\" ON \"sessions\" (\"recovered_from\") WHERE "
            "\"recovered_from\" IS NOT NULL",
            "CREATE INDEX \"sessions_project_status\" ON \"sessions\" (\"project_id\", \"status\")",
            "CREATE INDEX \"sessions_machine_status\" ON \"sessions\" (\"machine_id\", \"status\")",
            "CREATE INDEX \"sessions_status\" ON \"sessions\" (\"status\")",
            "CREATE INDEX \"sessions_archived\" ON \"sessions\" (\"archived\") WHERE \"archived\" = 1",
            "CREATE INDEX \"sessions_completed_at\" ON \"sessions\" (\"completed_at\") WHERE "
            "\"completed_at\" "
            "IS NOT NULL",
            "CREATE UNIQUE INDEX \"tasks_key\" ON \"tasks\" (\"task_id\")",
            "CREATE INDEX \"tasks_session_status\" ON \"tasks\" (\"session_id\", \"status\")",
            "CREATE INDEX \"tasks_project_status\" ON \"tasks\" (\"project_id\", \"status\")",
            "CREATE INDEX \"tasks_status\" ON \"tasks\" (\"status\")",
            "CREATE UNIQUE INDEX \"tasks_retry\" ON \"tasks\" (\"session_id\", \"retry_of\") WHERE "
            "\"retry_of\" IS NOT NULL",
            "CREATE UNIQUE INDEX \"machines_key\" ON \"machines\" (\"machine_id\")",
            "CREATE INDEX \"machines_status\" ON \"machines\" (\"status\")",
            "CREATE INDEX \"events_session\" ON \"events\" (\"session_id\") WHERE \"session_id\" IS NOT NULL",
            "CREATE INDEX \"events_machine\" ON \"events\" (\"entity_id\") WHERE \"entity\" = 2",
            "CREATE INDEX \"events_deleted\" ON \"events\" (\"at\") WHERE \"to\" IS NULL",
            "CREATE UNIQUE INDEX \"memos_key\" ON \"memos\" (\"name\")",
            "CREATE UNIQUE INDEX \"idempotency_caller_key\" ON \"idempotency_records\" (\"caller\", \"key\")",
            "CREATE INDEX \"idempotency_expires_at\" ON \"idempotency_records\" (\"expires_at\")"}};
}

}  // namespace statetrack::sqlite
