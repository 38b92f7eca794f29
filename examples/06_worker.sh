#!/usr/bin/env bash
# A worker under a supervisor's beats: does the tasks of one session, one after another, one file a task. For
# 06_daemon_tour.sh, which kills it and stops it. Reads URL and KEY from the environment.
# Exit: 0 all is done; 3 another session continues this one; 1 anything else.
set -euo pipefail

[ $# -eq 4 ] || { echo "usage: 06_worker.sh SESSION EPOCH MACHINE OUTPUT_FOLDER" >&2; exit 64; }
session=$1 epoch=$2 machine=$3 output=$4
name="$machine/${output##*/}"

# The epoch in every write makes it refused once somebody else does this work.
api() { curl -sS --max-time 10 -H "X-API-Key: $KEY" -H "X-Session-Epoch: $epoch" "$@"; }

set_task() { api --fail -o /dev/null -X PATCH "$URL/api/tasks/$1" -d "{\"status\":\"$2\"}"; }

# `ln` publishes a whole file or none, and refuses to do it twice: whoever was interrupted between the output
# and the report may repeat the step. What the tracker cannot promise for files outside is done here.
do_step() {
    local draft="$output.$1.epoch-$epoch" # beside the outputs, not among them
    sleep 0.3 # the work
    echo "$1, by $machine in epoch $epoch" >"$draft"
    ln "$draft" "$output/$1" 2>/dev/null || echo "$name: $1 was done already"
    rm "$draft"
}

work() {
    local todo id step
    todo=$(api --fail "$URL/api/tasks?session_id=$session&status=pending&limit=200" |
        jq -r '.tasks | sort_by(.task_name)[] | "\(.task_id) \(.task_name)"')
    while read -r id step; do
        set_task "$id" in_progress
        do_step "$step"
        set_task "$id" completed
        echo "$name: $step"
    done <<<"$todo"
}

# Answers how many seconds the tracker wants to wait for the next beat; 3: another session took over.
beat() {
    local answer
    answer=$(api "$URL/api/sessions/$session/heartbeat" -d "{\"epoch\":$epoch}") || return 1
    case $(jq -r '.code // "ok"' <<<"$answer") in
        ok) jq -r '.next_heartbeat_ms / 1000' <<<"$answer" ;;
        superseded | terminal)
            echo "$name: refused: $(jq -r .message <<<"$answer")" >&2
            return 3
            ;;
        *) return 1 ;;
    esac
}

work &
worker=$!
# Nothing of the worker goes on once its supervisor has ended.
trap '{ kill $worker && wait $worker; } 2>/dev/null || true' EXIT
while kill -0 $worker 2>/dev/null; do
    refused=0
    pause=$(beat) || refused=$?
    [ $refused -ne 3 ] || exit 3
    sleep "${pause:-0.2}" # a beat that did not get through is tried again soon
done
wait $worker
api --fail -o /dev/null -X PATCH "$URL/api/sessions/$session" -d '{"status":"completed"}'
echo "$name: completed"
