"""A daemon for one attack, and an honest client of it: heartbeats one after another, each timed."""
import contextlib
import http.client
import json
import os
import re
import subprocess
import tempfile
import threading
import time
import uuid

SESSIONS = 50
PAUSE_S = 0.002
ANSWER_S_MAX = 30
START_S_MAX = 30


class Target:
    def __init__(self, pid, port, key):
        self.pid, self.port, self.key = pid, port, key
        self.url = f"http://127.0.0.1:{port}"

    def ask(self, connection, method, path, body=None):
        connection.request(method, path, body, {"X-API-Key": self.key, "Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()


def _port_in(log):
    end = time.monotonic() + START_S_MAX
    while time.monotonic() < end:
        with open(log, encoding="utf-8", errors="replace") as lines:
            found = re.search(r"http://127\.0\.0\.1:(\d+)", lines.read())
        if found:
            return int(found.group(1))
        time.sleep(0.05)
    raise SystemExit("the daemon does not listen")


@contextlib.contextmanager
def daemon(program, deadlines_s):
    """Ours over SQLite, with the deadlines given and without limits of rates."""
    key = str(uuid.uuid4())
    with tempfile.TemporaryDirectory() as folder:
        log = os.path.join(folder, "log")
        settings = {"API_KEYS": f"honest={key}", "PORT": "0",
                    "DATABASE_URL": f"sqlite:{folder}/statetrack.db",
                    "RATE_LIMIT_PER_MINUTE": "0", "HEARTBEAT_RATE_LIMIT_PER_MINUTE": "0",
                    "IDLE_TIMEOUT_MS": str(deadlines_s["idle"] * 1_000),
                    "HEADER_TIMEOUT_MS": str(deadlines_s["header"] * 1_000),
                    "REQUEST_TIMEOUT_MS": str(deadlines_s["request"] * 1_000)}
        with open(log, "wb") as to:
            process = subprocess.Popen([program], env=settings, stdin=subprocess.DEVNULL, stderr=to)
        try:
            yield Target(process.pid, _port_in(log), key)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Beats:
    """Delays of heartbeats, filled by a thread of its own until the block ends."""

    def __init__(self, target):
        self.delays_s, self.failed = [], 0
        self._target, self._over = target, threading.Event()
        self._paths = self._sessions()
        self.thread = threading.Thread(target=self._beat)

    def _sessions(self):
        connection = http.client.HTTPConnection("127.0.0.1", self._target.port, timeout=ANSWER_S_MAX)
        paths = []
        for _ in range(SESSIONS):
            wanted = json.dumps({"project_id": str(uuid.uuid4()), "machine_id": "m"})
            status, body = self._target.ask(connection, "POST", "/api/sessions", wanted)
            if status != 201:
                raise SystemExit(f"a session is answered with {status}: {body[:200]}")
            paths.append(f"/api/sessions/{json.loads(body)['session_id']}/heartbeat")
        connection.close()
        return paths

    def _beat(self):
        connection = http.client.HTTPConnection("127.0.0.1", self._target.port, timeout=ANSWER_S_MAX)
        turn = 0
        while not self._over.is_set():
            began = time.monotonic()
            try:
                status, _ = self._target.ask(connection, "POST", self._paths[turn % SESSIONS], "{}")
            except (OSError, http.client.HTTPException):
                connection.close()
                status = 0
            if status == 200:
                self.delays_s.append(time.monotonic() - began)
            else:
                self.failed += 1
            turn += 1
            self._over.wait(PAUSE_S)
        connection.close()

    def end(self):
        self._over.set()
        self.thread.join()


@contextlib.contextmanager
def beating(target):
    beats = Beats(target)
    beats.thread.start()
    try:
        yield beats
    finally:
        beats.end()
