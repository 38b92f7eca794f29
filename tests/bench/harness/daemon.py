"""Our daemon as a user starts it, with everything on, on a copy of a filled database."""
import contextlib
import http.client
import os
import re
import socket
import subprocess
import time
import uuid

from . import process, workshop

PORT = 18_201
ANSWER_S_MAX = 120
# Sessions of a filled database beat rarely; none is to stall while something else is measured.
STALL_THRESHOLD_MS = 3_600_000


def _settings():
    """Beside a key, the database and the port: rates that do not stop the load, where they can be set."""
    wanted = {"STALL_THRESHOLD_MS": STALL_THRESHOLD_MS, "RATE_LIMIT_PER_MINUTE": 1_000_000_000,
              "HEARTBEAT_RATE_LIMIT_PER_MINUTE": 1_000_000_000}
    text = subprocess.run([workshop.STATETRACKD, "--help"], capture_output=True, text=True, check=True).stdout
    known = set(re.findall(r"\[([A-Z_]+)\]", text))
    return {name: str(value) for name, value in wanted.items() if name in known}


class Daemon:
    """A running daemon; `server` is its process."""

    def __init__(self, server, key, database, start_ms):
        self.server, self.database, self.start_ms = server, database, start_ms
        self.headers = f"X-API-Key: {key}\r\n"
        self._key = key

    def ask(self, method, path, body=None, seconds_max=30):
        """One request by itself: its status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=seconds_max)
        try:
            fields = {"X-API-Key": self._key, "Content-Type": "application/json"}
            connection.request(method, path, body, fields)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def exact_answer(self, method, path, body="", headers=""):
        """Every byte that is answered, for the bare server to answer the same."""
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=30) as to:
            if method != "GET":
                headers += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            begin = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            to.sendall(f"{begin}{self.headers}{headers}\r\n{body}".encode())
            got = b""
            while b"\r\n\r\n" not in got:
                got += _some(to)
            head, _, rest = got.partition(b"\r\n\r\n")
            length = int(re.search(rb"content-length: (\d+)", head, re.I).group(1))
            while len(rest) < length:
                rest += _some(to)
        if not head.startswith(b"HTTP/1.1 200"):
            raise process.Failed(f"{method} {path} is answered with {head[:40]!r}")
        return head + b"\r\n\r\n" + rest


def _some(connection):
    got = connection.recv(65_536)
    if not got:
        raise process.Failed("the daemon closed the connection")
    return got


@contextlib.contextmanager
def running(folder, name, **settings):
    """A daemon on a copy of the database in `folder`."""
    key = str(uuid.uuid4())
    with workshop.scratch(name) as work:
        database = workshop.copy_database(folder, work)
        environment = {"API_KEYS": f"bench={key}", "DATABASE_URL": f"sqlite:{database}", "PORT": str(PORT),
                       **_settings(), **{setting: str(value) for setting, value in settings.items()}}
        log = os.path.join(work, "statetrackd.log")
        with process.Server([workshop.STATETRACKD], PORT, log, environment=environment) as server:
            daemon = Daemon(server, key, database, None)
            daemon.start_ms = _await_answer(daemon)
            yield daemon


def _await_answer(daemon):
    """Until the first whole answer with a key: milliseconds since the process was started."""
    end = time.monotonic() + ANSWER_S_MAX
    while time.monotonic() < end:
        try:
            if daemon.ask("GET", "/api/sessions?limit=1")[0] == 200:
                return (time.monotonic() - daemon.server.began_s) * 1_000
        except OSError:
            time.sleep(0.001)
    raise process.Failed("the daemon does not answer")
