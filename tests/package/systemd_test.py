"""The Debian package under a real systemd: installed, started, hardened, reloaded, watched over, restarted and
upgraded under load on its socket, removed, purged. Usage: systemd_test.py BUILD_FOLDER WORK_FOLDER [FOLDER where a
package may have been made already]. Exit 77: no systemd can be started here."""

import glob
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import uuid

from beating_fleet import Api, BeatingFleet
from deb_test import TESTS, make_package, next_version_of
from systemd_machine import NotHere, SystemdMachine

PORT = 8080
AGENTS = 4
RESTARTS = 4
PATIENCE_S = 30
SERVICE = "statetrackd.service"
OVERRIDES = "/etc/systemd/system/statetrackd.service.d"
SETTINGS = "/etc/statetrack/statetrackd.conf"
KEYS = "/etc/statetrack/keys"
DATA = "/var/lib/private/statetrack"


def await_true(what, holds):
    until = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < until, f"waited in vain: {what}"
        time.sleep(0.1)


def is_ready(api):
    try:
        return api.ask("GET", "/readyz")[0] == 200
    except OSError:
        return False


def install(machine, package, *by):
    shutil.copy(package, machine.path("/root/it.deb"))
    machine.run(*(by or ("dpkg", "-i", "--force-confold")), "/root/it.deb")


def append(machine, inside, line):
    with open(machine.path(inside), "a", encoding="utf-8") as file:
        file.write(line + "\n")


def status_of_process(machine):
    main = machine.shows(SERVICE, "MainPID")
    assert main != "0", machine.log(SERVICE)
    lines = machine.run("cat", f"/proc/{main}/status")[1].splitlines()
    return dict(line.split(":\t", 1) for line in lines)


def check_started(machine):
    assert machine.shows(SERVICE, "ActiveState") == "active", machine.log(SERVICE)
    assert machine.shows(SERVICE, "UnitFileState") == "enabled"
    found = status_of_process(machine)
    assert found["Uid"].split()[0] != "0", "it runs as root"
    assert int(found["CapEff"], 16) == int(found["CapBnd"], 16) == 0, found["CapEff"]
    assert found["NoNewPrivs"] == "1" and found["Seccomp"] == "2", "it is not hardened"
    (line,) = [text for text in machine.text(KEYS).split("\n") if text and text[0] != "#"]
    api = Api(PORT, line.split("=")[1])
    assert is_ready(api)
    # What system calls it makes only now and then the filter has to allow too.
    for path in ("/metrics", "/health/detailed", "/api/sessions", "/api/docs/openapi.json"):
        assert api.ask_text("GET", path)[0] == 200, path
    return api


def check_reload(machine):
    added = Api(PORT, str(uuid.uuid4()))
    assert added.ask("GET", "/api/sessions")[0] == 401
    append(machine, KEYS, f"added={added.key}")
    machine.run("systemctl", "reload", SERVICE)
    await_true("the added key is taken", lambda: added.ask("GET", "/api/sessions")[0] == 200)


def check_ends_that_are_not_asked_for(machine, api):
    """Stopped in its tracks, killed, and given a configuration that is wrong."""
    os.makedirs(machine.path(OVERRIDES))
    append(machine, OVERRIDES + "/sooner.conf", "[Service]\nWatchdogSec=2s\nRestartSec=100ms")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", SERVICE)
    for sent, result in ((signal.SIGSTOP, "watchdog"), (signal.SIGKILL, "signal")):
        before = int(machine.shows(SERVICE, "NRestarts"))
        machine.run("kill", f"-{int(sent)}", machine.shows(SERVICE, "MainPID"))
        await_true(f"it is started again ({result})", lambda: int(machine.shows(SERVICE, "NRestarts")) > before)
        await_true(f"it is ready again ({result})", lambda: is_ready(api))
        assert f"Failed with result '{result}'" in machine.log(SERVICE), machine.log(SERVICE)

    sound = machine.text(SETTINGS)
    append(machine, SETTINGS, "port = nonsense")
    code, _ = machine.run("systemctl", "restart", SERVICE, check=False)
    assert code != 0
    assert machine.shows(SERVICE, "ExecMainStatus") == "78" and "PORT=nonsense" in machine.log(SERVICE)
    assert machine.shows(SERVICE, "ActiveState") == "failed", "it is tried again and again"
    with open(machine.path(SETTINGS), "w", encoding="utf-8") as file:
        file.write(sound)
    machine.run("rm", "-r", OVERRIDES)
    machine.run("systemctl", "daemon-reload")


def check_socket(machine, api, newer):
    """systemd listens: neither a restart nor an upgrade fails a beat."""
    machine.run("systemctl", "enable", "--now", "statetrackd.socket")
    machine.run("systemctl", "start", SERVICE)
    append(machine, SETTINGS, "heartbeat_rate_limit_per_minute = 0")
    machine.run("systemctl", "reload", SERVICE)
    fleet = BeatingFleet(api, "restarted", AGENTS)
    try:
        for _ in range(RESTARTS):
            fleet.await_beats(50 * AGENTS)
            machine.run("systemctl", "reset-failed", SERVICE)  # of starting more often than systemd likes
            machine.run("systemctl", "restart", SERVICE)
        fleet.await_beats(50 * AGENTS)
        install(machine, newer)
        fleet.await_beats(50 * AGENTS)
    finally:
        fleet.end()
    print(f"{fleet.acknowledged} heartbeats over {RESTARTS} restarts and an upgrade, {len(fleet.failures)} failed")
    assert not fleet.failures, fleet.failures[:3]
    assert machine.run("dpkg-query", "-W", "-f", "${Version}", "statetrackd")[1].endswith("+next")
    assert "heartbeat_rate_limit_per_minute" in machine.text(SETTINGS), "an upgrade changes the operator's settings"


def check_sessions(api, sessions):
    for session in sessions:
        status, found = api.ask("GET", f"/api/sessions/{session}")
        assert status == 200 and found["session_id"] == session, (status, found)


def check_older_schema(machine, api, package, work):
    """The database as each earlier release has left it, when the package comes."""
    older = sorted(glob.glob(os.path.join(TESTS, "storage", "databases", "version-*.sql")))
    assert older, "there are no databases of older releases"
    machine.run("systemctl", "stop", "statetrackd.socket", SERVICE)
    machine.run("mv", DATA, DATA + ".kept")
    for file in older:
        left = os.path.join(work, os.path.basename(file) + ".db")
        made = sqlite3.connect(left)
        with open(file, encoding="utf-8") as script:
            made.executescript(script.read())
        (sessions,) = made.execute("SELECT count(*) FROM sessions").fetchone()
        made.close()
        machine.run("install", "-d", "-m", "0700", DATA)
        shutil.copy(left, machine.path(DATA + "/statetrack.db"))
        install(machine, package)
        assert machine.shows(SERVICE, "ActiveState") == "active", machine.log(SERVICE)
        assert is_ready(api)
        said = machine.run("statetrackd", "--config", SETTINGS, "--verify")[1]
        assert said.startswith(f"{sessions} sessions, ") and "every invariant holds" in said, said
        print(f"{os.path.basename(file)}, after the upgrade: {said.strip()}")
        machine.run("systemctl", "stop", SERVICE, "statetrackd.socket")
        machine.run("rm", "-r", DATA)
    machine.run("mv", DATA + ".kept", DATA)
    machine.run("systemctl", "start", SERVICE)


def check_removal(machine, api, package):
    _, made = api.ask("POST", "/api/sessions", {"project_id": "kept", "machine_id": "m"})
    machine.run("dpkg", "-r", "statetrackd")
    assert not is_ready(api), "it still runs"
    assert machine.run("systemctl", "is-active", SERVICE, check=False)[0] != 0
    for kept in (DATA + "/statetrack.db", KEYS, SETTINGS):
        assert os.path.exists(machine.path(kept)), kept
    install(machine, package)
    await_true("it is ready", lambda: is_ready(api))
    check_sessions(api, [made["session_id"]])
    machine.run("apt-get", "-q", "-y", "purge", "statetrackd")
    for gone in (DATA, "/etc/statetrack", "/usr/bin/statetrackd", "/lib/systemd/system/statetrackd.service"):
        assert not os.path.lexists(machine.path(gone)), gone
    assert not is_ready(api)


def main(build, work, made=None):
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    missing = [program for program in ("unshare", "nsenter", "systemctl", "cpack", "dpkg-deb", "dpkg-shlibdeps")
               if not shutil.which(program)]
    if os.geteuid() != 0 or missing:
        raise NotHere("missing: " + ", ".join(missing or ["root's rights"]))
    machine = SystemdMachine(work)
    try:
        found = glob.glob(os.path.join(made, "statetrackd_*.deb")) if made else []
        package = found[0] if found else make_package(build, work)
        newer = next_version_of(package, work)
        machine.take_its_network()
        install(machine, package, "apt-get", "-q", "-y", "install")  # as an operator does
        api = check_started(machine)
        check_reload(machine)
        _, made = api.ask("POST", "/api/sessions", {"project_id": "first", "machine_id": "m"})
        check_ends_that_are_not_asked_for(machine, api)
        check_socket(machine, api, newer)
        check_sessions(api, [made["session_id"]])
        check_older_schema(machine, api, newer, work)
        check_sessions(api, [made["session_id"]])
        check_removal(machine, api, package)
    finally:
        machine.end()
    print("under " + subprocess.run(["systemctl", "--version"], text=True, check=True,
                                    stdout=subprocess.PIPE).stdout.split("\n")[0] +
          ": installed, reloaded, watched over, restarted, upgraded, removed, purged")


if __name__ == "__main__":
    try:
        main(*(os.path.abspath(argument) for argument in sys.argv[1:4]))
    except NotHere as why:
        print(f"NOT TESTED: the Debian package under a real systemd: {why}", file=sys.stderr)
        sys.exit(77)
