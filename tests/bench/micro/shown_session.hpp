// A session as most are: active, on a machine and a slot, with a little metadata.
#pragma once

#include "statetrack/requests.hpp"

namespace statetrack::bench {

inline session_view some_session() {
    const timestamp created{1'768'816'800'000};
    session row{.session_id = parse_uuid("4d6f2c1e-9a58-4b7e-8c3d-2f1a0b9c8d7e").value(),
                .project_id = "live-project-17",
                .machine_id = "live-machine-4711",
                .docker_slot = 42,
                .last_heartbeat = {created.ms + 60'000},
                .started_at = created,
                .metadata = json_text({{"vscode", "1.95.0"}, {"extension", "0.9.1"}, {"host", "dev-laptop"}}),
                .created_at = created,
                .updated_at = created};
    row.lineage_id = row.session_id;
    return {.row = std::move(row)};
}

}  // namespace statetrack::bench
