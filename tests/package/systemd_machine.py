"""A real systemd in namespaces of its own (boot_systemd), and what is asked of it from outside."""

import ctypes
import os
import signal
import subprocess
import time

BOOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "boot_systemd")
PATIENCE_S = 60


class NotHere(Exception):
    """No systemd could be started; nothing was tested."""


class SystemdMachine:
    def __init__(self, folder):
        self.said = os.path.join(folder, "boot.log")
        with open(self.said, "wb") as log:
            self.boot = subprocess.Popen([BOOT, folder], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.pid = None
        try:
            self._await(lambda: os.path.exists(os.path.join(folder, "pid")))
            with open(os.path.join(folder, "pid"), encoding="ascii") as file:
                self.pid = int(file.read())
            self._await(lambda: self.run("systemctl", "is-system-running", check=False)[1].strip()
                        in ("running", "degraded"))
        except NotHere:
            self.end()
            raise

    def _await(self, arrived):
        until = time.monotonic() + PATIENCE_S
        while not arrived():
            if self.boot.poll() is not None or time.monotonic() > until:
                with open(self.said, encoding="utf-8", errors="replace") as log:
                    raise NotHere("systemd does not start here: " + (log.read().strip() or "it says nothing"))
            time.sleep(0.05)

    def run(self, *command, check=True, given=None):
        """Inside; the exit code and what was said."""
        done = subprocess.run(["nsenter", "-t", str(self.pid), "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w", "env",
                               "PATH=/usr/sbin:/usr/bin:/sbin:/bin", *command],
                              text=True, input=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert not check or done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout}"
        return done.returncode, done.stdout

    def path(self, inside):
        return f"/proc/{self.pid}/root{inside}"

    def text(self, inside):
        with open(self.path(inside), encoding="utf-8") as file:
            return file.read()

    def shows(self, unit, name):
        return self.run("systemctl", "show", "--value", "-p", name, unit)[1].strip()

    def log(self, unit):
        return self.run("journalctl", "--no-pager", "-o", "cat", "-n", "20", "-u", unit)[1]

    def take_its_network(self):
        """For this process, from here on: its loopback is the machine's."""
        with open(f"/proc/{self.pid}/ns/net", "rb") as there:
            if ctypes.CDLL(None, use_errno=True).setns(there.fileno(), 0) != 0:
                raise OSError(ctypes.get_errno(), "setns")

    def end(self):
        if self.pid and self.boot.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
        elif self.boot.poll() is None:
            self.boot.terminate()
        self.boot.wait()
