#!/usr/bin/env bash
# A tour of statetrackd on real processes: two workers write files, one is killed and one is stopped; both
# stalls are found and explained, the work goes on elsewhere and is finished exactly once, and the stopped one,
# woken again, is refused. Every call is printed as one could type it. Needs bash, curl, jq, coreutils.
# Usage: 06_daemon_tour.sh [STATETRACKD]
set -euo pipefail
set -m # every background job gets a process group of its own

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
steps=8
stall_threshold_ms=3000

fail() {
    echo "FAILED: $*" >&2
    [ ! -s "$folder/daemon.log" ] || { echo "the daemon's last words:"; tail -5 "$folder/daemon.log"; } >&2
    exit 1
}
say() { printf '\n== %s\n' "$*"; }

# await SECONDS WHAT COMMAND...: asks again and again until the command succeeds.
await() {
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@"; do
        [ $SECONDS -lt $end ] || fail "waited in vain: $what"
        sleep 0.1
    done
}

# call WANTED_STATUS ESSENCE METHOD PATH [BODY]: prints the curl line and what jq finds essential in the answer,
# which is left in $answer.
call() {
    local wanted=$1 essence=$2 method=$3 path=$4 body=${5-} status
    local arguments=(-s) shown="curl -s"
    if [ "$method" != GET ] && { [ "$method" != POST ] || [ -z "$body" ]; }; then
        arguments+=(-X "$method")
        shown+=" -X $method"
    fi
    shown+=" -H \"X-API-Key: \$KEY\" \"\$URL$path\""
    [ -z "$body" ] || { arguments+=(-d "$body"); shown+=" -d '$body'"; }
    echo "\$ $shown"
    status=$(curl "${arguments[@]}" --max-time 10 -H "X-API-Key: $KEY" -o "$folder/answer" -w '%{http_code}' "$URL$path")
    answer=$(cat "$folder/answer")
    echo "  $status $(jq -c "$essence" <<<"$answer")"
    [ "$status" = "$wanted" ] || fail "expected $wanted: $answer"
}
field() { jq -r "$1" <<<"$answer"; }
# The same in silence, for polling and for what would be printed too often.
quietly() { curl -s --max-time 10 -H "X-API-Key: $KEY" "$@"; }

# ------------------------------------------------------------------------- what is started, and how it ends

folder=$(mktemp -d)
jobs_started=()
clean_up() {
    local job
    # They are our own jobs, not waited for yet: no number can belong to anybody else meanwhile.
    for job in "${jobs_started[@]}"; do kill -KILL -- "-$job" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

forget() { # JOB
    local job left=()
    for job in "${jobs_started[@]}"; do [ "$job" = "$1" ] || left+=("$job"); done
    jobs_started=("${left[@]}")
}
has_ended() { ! kill -0 "$1" 2>/dev/null; }

# ends JOB STATUS WHAT
ends() {
    local status=0
    await 60 "$3 should end" has_ended "$1"
    wait "$1" 2>/dev/null || status=$?
    forget "$1"
    [ $status -eq "$2" ] || fail "$3 ended with $status, not $2"
}

find_daemon() {
    local found
    [ $# -eq 0 ] || { echo "$1"; return; }
    for found in "$here"/../build/*/daemon/statetrackd; do
        [ ! -x "$found" ] || { echo "$found"; return; }
    done
    echo "Found no statetrackd; build it, or name it: 06_daemon_tour.sh STATETRACKD" >&2
    exit 64
}

url_in_log() {
    URL=$(jq -rR 'fromjson? | select(.message == "started") | .context.url' "$folder/daemon.log" 2>/dev/null)
    [ -n "$URL" ]
}

start_daemon() {
    KEY=$(cat /proc/sys/kernel/random/uuid)
    export API_KEYS=$KEY HOST=127.0.0.1 PORT=0 DATABASE_URL="sqlite:$folder/statetrack.db"
    export LOG_FORMAT=json RATE_LIMIT_PER_MINUTE=0
    "$statetrackd" 2>"$folder/daemon.log" &
    daemon=$!
    jobs_started+=("$daemon")
    await 20 "the daemon should start" url_in_log
    export URL KEY
    echo "\$ API_KEYS=$KEY PORT=0 DATABASE_URL=$DATABASE_URL statetrackd &"
    echo "\$ KEY=$KEY URL=$URL"
    call 200 '{status}' GET /readyz
}

# ------------------------------------------------------------------------------------------------- the work

# create_work PROJECT MACHINE: a session with its tasks; its id is left in $session.
create_work() {
    local n
    mkdir "$folder/$1"
    call 201 '{session_id, status, epoch}' POST /api/sessions \
        "{\"project_id\":\"$1\",\"machine_id\":\"$2\",\"stall_threshold_ms\":$stall_threshold_ms}"
    session=$(field .session_id)
    call 201 '{task_id, task_name, status}' POST /api/tasks \
        "{\"session_id\":\"$session\",\"project_id\":\"$1\",\"task_name\":\"step-1\"}"
    for n in $(seq 2 $steps); do
        quietly --fail -o /dev/null "$URL/api/tasks" \
            -d "{\"session_id\":\"$session\",\"project_id\":\"$1\",\"task_name\":\"step-$n\"}"
    done
    echo "  ... and $((steps - 1)) more tasks like it"
}

# start_worker SESSION EPOCH MACHINE PROJECT: its process group is left in $worker.
start_worker() {
    echo "\$ 06_worker.sh $1 $2 $3 $4 &"
    "$here/06_worker.sh" "$1" "$2" "$3" "$folder/$4" 2>"$folder/$4.epoch-$2.err" &
    worker=$!
    jobs_started+=("$worker")
}

is_stalled() { [ "$(quietly "$URL/api/sessions/$1" | jq -r .status)" = stalled ]; }

explain() { # SESSION
    call 200 '{verdict, reason: .last_verdict.reason} + (.last_verdict.data.verdict
              | {silence_ms, stall_threshold_ms, threshold_origin, lateness_ms, others_in_this_pass})' \
        GET "/api/sessions/$1/explain"
    [ "$(field .last_verdict.reason)" = silent ] || fail "stalled for another reason than silence"
}

# recover SESSION MACHINE: the successor's id is left in $session.
recover() {
    call 200 '{last_done: .last_successful_task.task_name, interrupted: [.in_progress_tasks[].task_name],
               waiting: [.pending_tasks[].task_name]}' GET "/api/sessions/$1/recovery-state"
    call 201 '{session_id, machine_id, epoch, recovered_from}' POST "/api/sessions/$1/recover" \
        "{\"new_machine_id\":\"$2\"}"
    session=$(field .session_id)
    [ "$(field .epoch)" = 2 ] || fail "the successor's epoch is not 2"
}

# Every step has exactly one output of one line, and exactly one completed task along the chain of sessions.
check_finished_once() { # PROJECT FIRST_SESSION SECOND_SESSION
    local completed outputs wanted
    wanted=$(seq -f 'step-%g' $steps | sort)
    outputs=$(cd "$folder/$1" && printf '%s\n' * | sort)
    [ "$outputs" = "$wanted" ] || fail "outputs of $1: $outputs"
    [ "$(cat "$folder/$1"/* | wc -l)" = $steps ] || fail "an output of $1 was written twice"
    completed=$(for s in "$2" "$3"; do
        quietly "$URL/api/tasks?session_id=$s&status=completed&limit=200" | jq -r '.tasks[].task_name'
    done | sort)
    [ "$completed" = "$wanted" ] || fail "completed tasks of $1: $completed"
    echo "  $1: $steps steps, each done exactly once:"
    cat "$folder/$1"/* | cut -d, -f2 | sort | uniq -c
}

# ------------------------------------------------------------------------------------------------- the tour

statetrackd=$(find_daemon "$@")

say "The daemon, on any free port, with a key made on the spot"
start_daemon

say "Two sessions on two machines, $steps tasks each; silence of $stall_threshold_ms ms is a stall"
create_work website laptop
website=$session
create_work shop desktop
shop=$session

say "Two workers do the tasks and beat"
start_worker "$website" 1 laptop website
website_worker=$worker
start_worker "$shop" 1 desktop shop
shop_worker=$worker
await 30 "both should get on" test -e "$folder/website/step-2" -a -e "$folder/shop/step-2"

say "One is killed with all its processes, the other one is stopped, as by a laptop's closed lid"
echo "\$ kill -KILL -- -$website_worker; kill -STOP -- -$shop_worker"
kill -KILL -- "-$website_worker"
kill -STOP -- "-$shop_worker"
ends "$website_worker" 137 "the killed worker"
await 30 "the killed one's session should stall" is_stalled "$website"
await 30 "the stopped one's session should stall" is_stalled "$shop"
call 200 '[.stalled_sessions[] | {project_id, machine_id, time_since_heartbeat_ms}]' GET /api/sessions/stalled

say "Why?"
explain "$website"
explain "$shop"

say "The work of each goes on on the other machine"
recover "$website" desktop
website_next=$session
recover "$shop" laptop
shop_next=$session
call 200 '{session_id}' POST "/api/sessions/$shop/recover" '{"new_machine_id":"laptop"}'
[ "$(field .session_id)" = "$shop_next" ] || fail "a second recovery made a second successor"
echo "  asked twice: the same successor, no second one"
start_worker "$website_next" 2 desktop website
website_worker=$worker
start_worker "$shop_next" 2 laptop shop
ends "$website_worker" 0 "the website's second worker"
ends "$worker" 0 "the shop's second worker"

say "The lid is opened: the stopped worker goes on as if nothing had happened, and is refused"
before=$(cat "$folder/shop"/* | sha256sum)
echo "\$ kill -CONT -- -$shop_worker"
kill -CONT -- "-$shop_worker"
ends "$shop_worker" 3 "the stopped worker"
grep -h 'refused: ' "$folder/shop.epoch-1.err" || fail "the zombie was not refused"
call 409 '{code, message, superseded_by: .facts.superseded_by}' POST "/api/sessions/$shop/heartbeat" '{"epoch":1}'
[ "$(field .code) $(field .facts.superseded_by)" = "superseded $shop_next" ] || fail "the successor is not named"
[ "$(cat "$folder/shop"/* | sha256sum)" = "$before" ] || fail "the zombie changed the output"

say "What stands in the files"
check_finished_once website "$website" "$website_next"
check_finished_once shop "$shop" "$shop_next"

say "The daemon ends when told to"
echo "\$ kill -TERM $daemon"
kill -TERM "$daemon"
ends "$daemon" 0 "the daemon"
