"""A headless Chromium behind chromedriver (W3C WebDriver), and the real daemon: only the standard library."""
import base64
import json
import os
import re
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
DEADLINE_S = 30


def wait_for(what, ask, deadline_s=DEADLINE_S):
    """Asks until the answer is true, and gives it; fails after the deadline."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        answer = ask()
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"waited {deadline_s} s in vain for {what}")


class Process:
    """A program that says on which port it listens."""

    def __init__(self, arguments, says, environment=None):
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                        env=environment)
        said = []
        for line in self.process.stdout:
            said.append(line)
            found = re.search(says, line)
            if found:
                self.port = int(found.group(1))
                # What it says from here on is read, so that it never waits for a reader.
                threading.Thread(target=self.process.stdout.read, daemon=True).start()
                return
        raise AssertionError("".join(said))

    def end(self):
        self.process.terminate()
        self.process.wait(timeout=DEADLINE_S)


class Daemon(Process):
    def __init__(self, path, key):
        super().__init__([path], r"http://127\.0\.0\.1:(\d+)",
                         {"API_KEYS": "page=" + key, "PORT": "0", "DATABASE_URL": "memory:"})
        self.origin = f"http://127.0.0.1:{self.port}"

    def document(self):
        with urllib.request.urlopen(self.origin + "/api/docs/openapi.json", timeout=DEADLINE_S) as answer:
            return json.load(answer)


class Browser:
    def __init__(self):
        self.driver = Process(["chromedriver", "--port=0"], r"started successfully on port (\d+)")
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
                     "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-dev-shm-usage",
                     "--user-data-dir=" + self.profile.name]
        wanted = {"browserName": "chrome", "goog:chromeOptions": {"args": arguments},
                  "goog:loggingPrefs": {"performance": "ALL", "browser": "ALL"}}
        made = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.session = "/session/" + made["sessionId"]

    def end(self):
        self._ask("DELETE", self.session)
        self.driver.end()
        self.profile.cleanup()

    def _ask(self, method, path, body=None):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"http://127.0.0.1:{self.driver.port}{path}", data=data, method=method,
                                         headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as refused:
            raise AssertionError(json.load(refused)["value"]["message"]) from None

    def post(self, path, body=None):
        return self._ask("POST", self.session + path, body or {})

    def run(self, script, *arguments):
        return self.post("/execute/sync", {"script": script, "args": list(arguments)})

    def open(self, url):
        self.post("/url", {"url": url})

    def element(self, css):
        return self.post("/element", {"using": "css selector", "value": css})[ELEMENT]

    def click(self, css):
        self.run("document.querySelector(arguments[0]).scrollIntoView({block: 'center', behavior: 'instant'})", css)
        self.post(f"/element/{self.element(css)}/click")

    def write(self, css, text):
        element = self.element(css)
        self.post(f"/element/{element}/clear")
        self.post(f"/element/{element}/value", {"text": text})

    def press(self, keys):
        """Keys as a keyboard sends them, to whatever has the focus."""
        strokes = [{"type": kind, "value": k} for k in keys for kind in ("keyDown", "keyUp")]
        self.post("/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": strokes}]})

    def label_of_focus(self):
        active = self._ask("GET", self.session + "/element/active")[ELEMENT]
        return self._ask("GET", f"{self.session}/element/{active}/computedlabel")

    def devtools(self, command, **parameters):
        return self.post("/goog/cdp/execute", {"cmd": command, "params": parameters})

    def resize(self, width, height):
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                      mobile=False)

    def prefer(self, **features):
        """Media features as a user sets them: prefer(color_scheme="dark")."""
        self.devtools("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-" + name.replace("_", "-"), "value": value} for name, value in features.items()])

    def log(self, kind):
        return self.post("/se/log", {"type": kind})

    def urls_requested(self):
        """Since it was asked last."""
        urls = []
        for entry in self.log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                urls.append(message["params"]["request"]["url"])
        return urls

    def picture(self, path):
        shot = self._ask("GET", self.session + "/screenshot")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot))
