#!/usr/bin/env bash
# What 05_supervisor promises, tried on real commands: exit codes, output, signals, one owner a file, takeover.
# Usage: 05_supervisor_test.sh SUPERVISOR
set -euo pipefail
set -m # every background job gets a process group of its own

[ $# -eq 1 ] || { echo "usage: 05_supervisor_test.sh SUPERVISOR" >&2; exit 64; }
supervisor=$(realpath "$1")
folder=$(mktemp -d)
cd "$folder"

groups=()
clean_up() {
    local group
    for group in "${groups[@]}"; do kill -KILL -- "-$group" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

fail() { echo "FAILED: $*" >&2; exit 1; }

# await WHAT COMMAND...: asks again and again until the command succeeds, for twenty seconds.
await() {
    local end=$((SECONDS + 20)) what=$1
    shift
    until "$@"; do
        [ $SECONDS -lt $end ] || fail "waited in vain: $what"
        sleep 0.1
    done
}

# expect STATUS SAID ARGUMENT...: the supervisor ends with that status and says so.
expect() {
    local wanted=$1 said=$2 status=0
    shift 2
    echo "\$ 05_supervisor $*"
    "$supervisor" "$@" >out 2>err || status=$?
    sed 's/^/  /' out err
    [ $status -eq "$wanted" ] || fail "ended with $status, not $wanted"
    grep -qF -- "$said" err || fail "did not say: $said"
}

# start FILE COMMAND...: supervised in the background; waits until the command has written its process id.
start() {
    local pid_file=$1
    shift
    echo "\$ 05_supervisor -- $* &"
    "$supervisor" -- "$@" >background.out 2>background.err &
    job=$!
    await "$1 to start" test -s "$pid_file"
    child=$(cat "$pid_file")
    groups+=("$child")
}

has_ended() { ! kill -0 "$1" 2>/dev/null; }

echo "== Exit codes are the command's own"
expect 0 completed -- echo 'all done'
grep -qx 'all done' out || fail "the output was not passed on"
expect 3 'failed, exited with 3' -- sh -c 'exit 3'
expect 137 'failed, killed by SIGKILL' -- sh -c 'kill -9 $$'
expect 127 'cannot be run' -- ./no-such-command
expect 125 usage
expect 125 'progress_threshold_ms' --progress-ms 1 -- true

echo "== Output is passed on whole, and input too"
seq 200000 >wanted
"$supervisor" -- cat <wanted >got 2>err || fail "cat failed"
cmp wanted got

echo "== A signal reaches the command's whole process group"
start first.pid sh -c 'sleep 600 & echo $! >grandchild.pid; echo $$ >first.pid; wait'
expect 125 'owns' -- true
echo "\$ kill -TERM $job"
kill -TERM "$job"
status=0
wait "$job" || status=$?
[ $status -eq 143 ] || fail "ended with $status, not 143"
grep -F 'failed, killed by SIGTERM' background.err
await "the grandchild to end" has_ended "$(cat grandchild.pid)"

echo "== The session of a supervisor that died is taken over"
start second.pid sh -c 'echo $$ >second.pid; exec sleep 600'
echo "\$ kill -KILL $job"
kill -KILL "$job"
wait "$job" 2>/dev/null || true
dead=$(sed -n 's/.*session \([0-9a-f-]*\), epoch 1/\1/p' background.err)
expect 0 "takes over from $dead" -- true
grep -q 'epoch 2' err || fail "the successor's epoch is not 2"
