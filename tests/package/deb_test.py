"""The life of the Debian package in a folder of its own: installed, started, restarted and upgraded under load,
removed, installed again, purged. Usage: deb_test.py BUILD_FOLDER WORK_FOLDER"""

import glob
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import uuid

from beating_fleet import Api, BeatingFleet
from process_manager import ProcessManager, exec_start

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RESTARTS = 5
AGENTS = 8


def run(*command, **more):
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)
    assert done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout}"
    return done.stdout


def make_package(build, work):
    run("cpack", "-G", "DEB", "-B", work, cwd=build)
    (package,) = glob.glob(os.path.join(work, "*.deb"))
    return package


def next_version_of(package, work):
    """The same files as a newer release would bring them."""
    folder = os.path.join(work, "next")
    run("dpkg-deb", "-R", package, folder)
    control = os.path.join(folder, "DEBIAN", "control")
    with open(control, encoding="utf-8") as file:
        text = file.read()
    with open(control, "w", encoding="utf-8") as file:
        file.write(re.sub(r"(?m)^Version: .*$", lambda found: found[0] + "+next", text))
    newer = os.path.join(work, "next.deb")
    run("dpkg-deb", "--root-owner-group", "-b", folder, newer)
    return newer


class Machine:
    """A root folder with a package database in it. What a package needs beside itself is this machine's."""

    def __init__(self, root):
        self.root = root
        os.makedirs(os.path.join(root, "var/lib/dpkg/info"))
        os.makedirs(os.path.join(root, "var/lib/dpkg/updates"))
        open(os.path.join(root, "var/lib/dpkg/status"), "w").close()

    def dpkg(self, *what):
        run("dpkg", f"--root={self.root}", "--force-script-chrootless", "--force-depends", *what)

    def path(self, inside):
        return os.path.join(self.root, inside.lstrip("/"))

    def has(self, inside):
        return os.path.lexists(self.path(inside))

    def text(self, inside):
        with open(self.path(inside), encoding="utf-8") as file:
            return file.read()

    @property
    def settings(self):
        """Of the paths in the configuration, as they are under this root."""
        return {
            "DATABASE_URL": "sqlite:" + self.path("/var/lib/statetrack/statetrack.db"),
            "API_KEYS_FILE": self.path("/etc/statetrack/keys"),
            "RATE_LIMIT_PER_MINUTE": "0",
            "HEARTBEAT_RATE_LIMIT_PER_MINUTE": "0",
        }

    @property
    def command(self):
        return exec_start(self.path("/lib/systemd/system/statetrackd.service"), self.root)


def check_installed(machine):
    wants = "/etc/systemd/system/multi-user.target.wants/statetrackd.service"
    assert machine.has(wants), "the service is not enabled"
    assert not machine.has("/etc/systemd/system/sockets.target.wants/statetrackd.socket"), "nobody asked for it"
    held = os.stat(machine.path("/etc/statetrack/keys"))
    assert stat.S_IMODE(held.st_mode) == 0o640, oct(held.st_mode)
    assert f"statetrack:x:{held.st_gid}:" in machine.text("/etc/group"), "another group reads the keys"
    (line,) = [text for text in machine.text("/etc/statetrack/keys").split("\n") if text and text[0] != "#"]
    name, key = line.split("=")
    assert name == "admin:admin" and uuid.UUID(key).version == 4, line
    run(*machine.command, "--check-config", env=machine.settings)
    return key


def check_restarts(machine, manager, api):
    fleet = BeatingFleet(api, "restart", AGENTS)
    try:
        for _ in range(RESTARTS):
            fleet.await_beats(50 * AGENTS)
            manager.stop()
            manager.start(machine.command, machine.settings)
        fleet.await_beats(50 * AGENTS)
    finally:
        fleet.end()
    print(f"{fleet.acknowledged} heartbeats over {RESTARTS} restarts, {len(fleet.failures)} failed")
    assert not fleet.failures, fleet.failures[:3]
    return fleet.sessions


def check_upgrade(machine, manager, api, newer):
    """As an operator would find it: his settings and keys are as he left them."""
    with open(machine.path("/etc/statetrack/statetrackd.conf"), "a", encoding="utf-8") as file:
        file.write("environment = changed\n")
    keys = machine.text("/etc/statetrack/keys")
    fleet = BeatingFleet(api, "upgrade", AGENTS)
    try:
        machine.dpkg("-i", newer)
        manager.stop()
        manager.start(machine.command, machine.settings)
        fleet.await_beats(50 * AGENTS)
    finally:
        fleet.end()
    assert not fleet.failures, fleet.failures[:3]
    assert machine.text("/etc/statetrack/keys") == keys
    assert machine.text("/etc/statetrack/statetrackd.conf").endswith("environment = changed\n")


def check_sessions(api, sessions):
    for session in sessions:
        status, found = api.ask("GET", f"/api/sessions/{session}")
        assert status == 200 and found["session_id"] == session, (status, found)


def check_older_databases(machine, manager):
    """Each as an earlier release has left it: served after the upgrade, and sound."""
    older = sorted(glob.glob(os.path.join(TESTS, "storage", "databases", "version-*.sql")))
    assert older, "there are no databases of older releases"
    for file in older:
        path = machine.path("/var/lib/statetrack/" + os.path.basename(file) + ".db")
        made = sqlite3.connect(path)
        with open(file, encoding="utf-8") as script:
            made.executescript(script.read())
        (sessions,) = made.execute("SELECT count(*) FROM sessions").fetchone()
        made.close()
        settings = {**machine.settings, "DATABASE_URL": "sqlite:" + path}
        run(*machine.command, "--backup", path + ".before", env=settings)
        manager.start(machine.command, settings)
        said = run(*machine.command, "--verify", env=settings)
        assert said.startswith(f"{sessions} sessions, ") and "every invariant holds" in said, said
        manager.stop()
        print(f"{os.path.basename(file)}, after the upgrade: {said.strip()}")


def main(build, work):
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    package = make_package(build, work)
    machine = Machine(os.path.join(work, "root"))
    machine.dpkg("-i", package)
    key = check_installed(machine)
    os.makedirs(machine.path("/var/lib/statetrack"))
    manager = ProcessManager(work)
    api = Api(manager.port, key)
    try:
        manager.start(machine.command, machine.settings)
        sessions = check_restarts(machine, manager, api)
        check_upgrade(machine, manager, api, next_version_of(package, work))
        check_sessions(api, sessions)
        manager.stop()
        check_older_databases(machine, manager)

        machine.dpkg("-r", "statetrackd")
        for gone in ("/usr/bin/statetrackd", "/lib/systemd/system/statetrackd.service"):
            assert not machine.has(gone), gone
        for kept in ("/var/lib/statetrack/statetrack.db", "/etc/statetrack/keys", "/etc/statetrack/statetrackd.conf"):
            assert machine.has(kept), kept
        machine.dpkg("-i", package)
        manager.start(machine.command, machine.settings)
        check_sessions(api, sessions)
        manager.stop()

        machine.dpkg("-P", "statetrackd")
        for gone in ("/var/lib/statetrack", "/etc/statetrack", "/usr/bin/statetrackd"):
            assert not machine.has(gone), gone
    finally:
        manager.close()
    print("installed, restarted, upgraded, removed, purged")


if __name__ == "__main__":
    main(*(os.path.abspath(argument) for argument in sys.argv[1:3]))
