-- The reference service's sessions with the indexes that its lists need, made from the ids in `numbered`.
DROP TABLE IF EXISTS sessions;
CREATE TABLE sessions (
    session_id uuid PRIMARY KEY, project_id text NOT NULL, machine_id text NOT NULL, docker_slot int,
    status text NOT NULL, last_heartbeat timestamptz NOT NULL, current_task_id text,
    started_at timestamptz NOT NULL, completed_at timestamptz, metadata jsonb,
    created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL
) WITH (fillfactor = 80);
INSERT INTO sessions
SELECT id, 'live-project-' || n % 20, 'live-machine-' || n / 100, n % 100, 'active', now(), NULL, now(), NULL,
    '{"vscode":"1.95.0","extension":"0.9.1","host":"dev-laptop"}', now(), now()
FROM numbered;
CREATE INDEX ON sessions (project_id);
CREATE INDEX ON sessions (machine_id);
CREATE INDEX ON sessions (status);
CREATE INDEX ON sessions (last_heartbeat);
CREATE INDEX ON sessions (project_id, status);
CREATE INDEX ON sessions (machine_id, status);
CREATE INDEX ON sessions (completed_at) WHERE completed_at IS NOT NULL AND status IN ('completed', 'failed');
CREATE UNIQUE INDEX ON sessions (project_id, machine_id, docker_slot) WHERE status = 'active';
ANALYZE;
CHECKPOINT;
