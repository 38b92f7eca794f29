"""Starting programs on their core and stopping them by their own pid, whatever happens to the script."""
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time

from . import machine

START_S_MAX = 60
STOP_S_MAX = 15
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class Failed(Exception):
    """Something could not be measured; the message says why."""


def _prepare(core, user):
    """Runs in the new process before its program does."""
    def prepare():
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        os.sched_setaffinity(0, {core})
        if os.getuid() == 0:
            os.setpriority(os.PRIO_PROCESS, 0, -15)
        if user:
            os.initgroups(user.pw_name, user.pw_gid)
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)  # a change of user forgets it
    return prepare


def run(command, core, seconds_max, user=None, environment=None, text_in=None):
    """Runs a load to its end on its core; what it printed."""
    name = os.path.basename(command[0])
    try:
        done = subprocess.run(command, capture_output=True, text=True, input=text_in, timeout=seconds_max,
                              check=False, preexec_fn=_prepare(core, user),
                              env={**os.environ, **(environment or {})})
    except subprocess.TimeoutExpired as late:
        raise Failed(f"{name} took longer than {seconds_max} s") from late
    if done.returncode != 0:
        raise Failed(f"{name} ended with {done.returncode}: "
                     f"{(done.stderr or done.stdout).strip()[-300:]}")
    return done.stdout


def build(command, **more):
    """Runs a step of preparation on any core, with its words on our stderr."""
    subprocess.run(command, check=True, stdout=sys.stderr, **more)


class Server:
    """A server on the server's core and on 127.0.0.1, from `with` to the end of its block."""

    def __init__(self, command, port, log, *, environment=None, user=None, stop_with=signal.SIGTERM):
        self.command, self.port, self.log = command, port, log
        self.environment, self.user, self.stop_with = environment or {}, user, stop_with
        self.process = None
        self.began_s = 0.0

    @property
    def pid(self):
        return self.process.pid

    def __enter__(self):
        # PATH and little else: what the caller's environment holds must not configure a server.
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **self.environment}
        end = time.monotonic() + STOP_S_MAX
        while _is_open(self.port):
            if time.monotonic() > end:
                raise Failed(f"port {self.port} is taken")
            time.sleep(0.1)
        with open(self.log, "wb") as log:
            self.began_s = time.monotonic()
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
                preexec_fn=_prepare(machine.SERVER_CORE, self.user))
        try:
            self._await_port()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _await_port(self):
        end = time.monotonic() + START_S_MAX
        while not _is_open(self.port):
            if self.process.poll() is not None:
                raise Failed(f"{os.path.basename(self.command[0])} ended at its start: {self._last_words()}")
            if time.monotonic() > end:
                raise Failed(f"{os.path.basename(self.command[0])} does not listen: {self._last_words()}")
            time.sleep(0.002)

    def _last_words(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read().strip()[-300:]

    def __exit__(self, *_):
        self.process.send_signal(self.stop_with)
        try:
            self.process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def end_on_signals():
    """An interrupted script leaves its `with` blocks, and so stops its servers."""
    def leave(number, _):
        raise SystemExit(128 + number)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
