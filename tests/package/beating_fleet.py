"""Agents that beat without a pause, each on one connection after the other, and count what went wrong."""

import http.client
import json
import threading


class Api:
    def __init__(self, port, key):
        self.port = port
        self.key = key

    def ask(self, method, path, body=None):
        """Status and body, over a connection of its own."""
        status, text = self.ask_text(method, path, body)
        return status, json.loads(text or "null")

    def ask_text(self, method, path, body=None):
        over = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            text = None if body is None else json.dumps(body)
            over.request(method, path, text, {"X-API-Key": self.key, "Connection": "close"})
            answer = over.getresponse()
            return answer.status, answer.read().decode()
        finally:
            over.close()


class BeatingFleet:
    def __init__(self, api, project, agents):
        self.api = api
        self.acknowledged = 0
        self.failures = []
        self.changed = threading.Condition()
        self.ended = False
        self.sessions = []
        for number in range(agents):
            status, made = api.ask("POST", "/api/sessions", {"project_id": f"{project}-{number}", "machine_id": "m"})
            assert status == 201, made
            self.sessions.append(made["session_id"])
        self.threads = [threading.Thread(target=self.beat, args=(one,)) for one in self.sessions]
        for one in self.threads:
            one.start()

    def beat(self, session):
        while not self.ended:
            try:
                status, said = self.api.ask("POST", f"/api/sessions/{session}/heartbeat", {})
                wrong = None if status == 200 else f"{status} {said}"
            except (OSError, http.client.HTTPException) as why:
                wrong = repr(why)
            with self.changed:
                if wrong:
                    self.failures.append(wrong)
                else:
                    self.acknowledged += 1
                self.changed.notify_all()

    def await_beats(self, more):
        with self.changed:
            goal = self.acknowledged + more
            assert self.changed.wait_for(lambda: self.acknowledged >= goal, 60), "the beats have stopped"

    def end(self):
        self.ended = True
        for one in self.threads:
            one.join()
