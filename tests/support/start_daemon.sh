# For scripts that ask a real daemon something; sourced by them.
#   start_daemon PROGRAM [NAME=VALUE ...]   starts one on a free port over memory; sets `url`, `key`, `daemon_pid`
# Every process in `started` is ended with the script.

start_tries_max=300
started=()
end_started() { [ ${#started[@]} -eq 0 ] || kill "${started[@]}" 2>/dev/null || true; }
trap end_started EXIT

# await_url LOG: the first URL that the log names.
await_url() {
    local i found
    for ((i = 0; i < start_tries_max; ++i)); do
        found=$(grep -oE 'http://127\.0\.0\.1:[0-9]+' "$1" 2>/dev/null | head -1 || true)
        [ -z "$found" ] || { echo "$found"; return; }
        sleep 0.1
    done
    cat "$1" >&2
    return 1
}

start_daemon() {
    local program=$1
    shift
    key=$(cat /proc/sys/kernel/random/uuid)
    : >daemon.log  # here and now: the URL of the daemon before this one must not be found in it
    # Whatever the environment sets for another daemon is no matter here.
    env -i API_KEYS="script=$key" DATABASE_URL=memory: PORT=0 "$@" "$program" 2>daemon.log &
    daemon_pid=$!
    started+=("$daemon_pid")
    url=$(await_url daemon.log)
}
