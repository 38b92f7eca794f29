"""Load on the load's core: repeated runs, soiled ones again, and their medians."""
import json
import os
import resource
import statistics
import time

from . import machine, process

CONNECTIONS = 64
SCRIPTS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "load")


class Runs:
    """How long and how often: `seconds` a run, `count` runs, `extra` more at most in place of soiled ones."""

    def __init__(self, seconds, count, extra, warm_up_s, quiet_s):
        self.seconds, self.count, self.extra = seconds, count, extra
        self.warm_up_s, self.quiet_s = warm_up_s, quiet_s

    @property
    def all(self):
        return self.count + self.extra


def _children_s():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def medians(runs, once, pids=()):
    """Calls once(number) until enough runs were clean, or it answers None; the medians of its answers.

    Beside them stand `soiled`, how many of the runs kept had company on the processors, and `foreign_cores`,
    how much.
    """
    done = []
    for number in range(runs.all):
        if sum(one["foreign_cores"] <= machine.FOREIGN_CORES_MAX for one in done) >= runs.count:
            break
        machine.wait_until_quiet(runs.quiet_s)
        busy, servers, children = machine.busy_s(), machine.cpu_s(pids), _children_s()
        began = time.monotonic()
        figures = once(number)
        if figures is None:
            break
        took = time.monotonic() - began
        figures["server_cores"] = (machine.cpu_s(pids) - servers) / took
        figures["load_cores"] = (_children_s() - children) / took
        foreign = (machine.busy_s() - busy) / took - figures["server_cores"] - figures["load_cores"]
        figures["foreign_cores"] = max(0.0, foreign)
        done.append(figures)
    if not done:
        raise process.Failed("there was no whole run")
    done.sort(key=lambda one: one["foreign_cores"])
    kept = done[:runs.count]
    found = {name: statistics.median(one[name] for one in kept) for name in kept[0]}
    found["runs"] = len(kept)
    found["soiled"] = sum(one["foreign_cores"] > machine.FOREIGN_CORES_MAX for one in kept)
    found["resident_bytes"] = machine.resident_bytes(pids) if pids else 0
    return found


def wrk(port, script, seconds, *, headers="", connections=CONNECTIONS, **environment):
    """One run of wrk with a script of tests/bench/load; `environment` becomes BENCH_… variables."""
    variables = {f"BENCH_{name.upper()}": str(value) for name, value in environment.items()}
    variables |= {"BENCH_LOAD": SCRIPTS, "BENCH_HEADERS": headers}
    said = process.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s",
         "-s", f"{SCRIPTS}/{script}.lua", f"http://127.0.0.1:{port}"],
        machine.LOAD_CORE, seconds + 60, environment=variables)
    for line in said.splitlines():
        if line.startswith("RESULT "):
            figures = json.loads(line[len("RESULT "):])
            if figures["errors"]:
                raise process.Failed(f"{figures['errors']} of {figures['requests']} were errors ({script})")
            if not figures["requests"]:
                raise process.Failed(f"no answer to {script} within {seconds} s")
            return figures
    raise process.Failed(f"wrk gave no result: {said.strip()[-300:]}")


def wrk_medians(runs, server, script, *, slices=0, **given):
    """Medians of wrk against a server. With `slices`, every run has that many ids of its own, and a seed."""
    def once(number, seconds=runs.seconds):
        more = {"from": (number + 1) * slices, "count": slices} if slices else {}
        return wrk(server.port, script, seconds, seed=f"{os.getpid()}-{number + 1}", **more, **given)
    once(-1, runs.warm_up_s)
    return medians(runs, once, [server.pid, *getattr(server, "companions", [])])
