"""A stand-in for systemd: holds the listening socket, starts the daemon on it, hears that it is ready."""

import os
import shlex
import signal
import socket
import subprocess

PATIENCE_S = 60


def exec_start(unit_file, root):
    """The command of the unit, with its paths under `root`."""
    with open(unit_file, encoding="utf-8") as unit:
        (line,) = [text.split("=", 1)[1] for text in unit if text.startswith("ExecStart=")]
    return [root + word if word.startswith("/") else word for word in shlex.split(line)]


class ProcessManager:
    def __init__(self, folder):
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listening.getsockname()[1]
        self.heard_at = os.path.join(folder, "notify")
        if os.path.exists(self.heard_at):
            os.unlink(self.heard_at)
        self.hearing = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.hearing.bind(self.heard_at)
        self.hearing.settimeout(PATIENCE_S)
        self.log = open(os.path.join(folder, "log"), "ab")
        self.daemon = None

    def start(self, command, settings):
        def hand_over():
            os.dup2(self.listening.fileno(), 3)
            os.set_inheritable(3, True)

        # LISTEN_PID is known in the child only, so a shell sets it there.
        words = ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$0" "$@"', *command]
        self.daemon = subprocess.Popen(
            words,
            env={**settings, "NOTIFY_SOCKET": self.heard_at, "LISTEN_FDS": "1", "PATH": os.environ["PATH"]},
            preexec_fn=hand_over,
            pass_fds=(3,),
            stderr=self.log,
        )
        self.await_word("READY=1")

    def await_word(self, word):
        while word not in self.hearing.recv(256).decode().split("\n"):
            if self.daemon.poll() is not None:
                raise AssertionError(f"the daemon ended with {self.daemon.returncode} before it said {word}")

    def stop(self):
        self.daemon.send_signal(signal.SIGTERM)
        code = self.daemon.wait(PATIENCE_S)
        self.await_word("STOPPING=1")
        assert code == 0, f"the daemon stopped with {code}"
        self.daemon = None

    def close(self):
        if self.daemon:
            self.daemon.kill()
            self.daemon.wait()
        self.listening.close()
        self.hearing.close()
        self.log.close()
