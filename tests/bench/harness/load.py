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


def _booked(runs, once, number, pids):
    """Calls once(number) on a quiet machine; its figures, and beside them who used the processors."""
    machine.wait_until_quiet(runs.quiet_s)
    busy, servers, children = machine.busy_s(), machine.cpu_s(pids), _children_s()
    began = time.monotonic()
    figures = once(number)
    if figures is None:
        return None
    took = time.monotonic() - began
    figures["server_cores"] = (machine.cpu_s(pids) - servers) / took
    figures["load_cores"] = (_children_s() - children) / took
    foreign = (machine.busy_s() - busy) / took - figures["server_cores"] - figures["load_cores"]
    figures["foreign_cores"] = max(0.0, foreign)
    return figures


def _soiled(rounds):
    """How many of the rounds, lists of figures, had company on the processors."""
    return sum(_company(one) > machine.FOREIGN_CORES_MAX for one in rounds)


def _company(one_round):
    return max(figures["foreign_cores"] for figures in one_round)


def _rounds(runs, run_one):
    """Calls run_one(number) until enough rounds were clean, or it answers None; the cleanest of them."""
    done = []
    for number in range(runs.all):
        if len(done) - _soiled(done) >= runs.count:
            break
        one = run_one(number)
        if one is None:
            break
        done.append(one)
    if not done:
        raise process.Failed("there was no whole run")
    return sorted(done, key=_company)[:runs.count]


def _median_of(figures):
    return {name: statistics.median(one[name] for one in figures) for name in figures[0]}


def medians(runs, once, pids=()):
    """Calls once(number) until enough runs were clean, or it answers None; the medians of its answers.

    Beside them stand `soiled`, how many of the runs kept had company on the processors, and `foreign_cores`,
    how much.
    """
    def run_one(number):
        figures = _booked(runs, once, number, pids)
        return None if figures is None else [figures]

    kept = _rounds(runs, run_one)
    found = _median_of([one for one, in kept])
    found["runs"] = len(kept)
    found["soiled"] = _soiled(kept)
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


def wrk_in_turns(runs, servers, script, **given):
    """Medians of wrk against each of the servers, a run of each in turn: a machine that gets slower does so for all.

    For each: its figures, and `ratio`, the median over the rounds of the first server's rate to its own.
    """
    def against(server):
        return lambda number: wrk(server.port, script, runs.seconds, seed=f"{os.getpid()}-{number + 1}", **given)

    for server in servers:
        wrk(server.port, script, runs.warm_up_s, seed=f"{os.getpid()}-0", **given)
    kept = _rounds(runs, lambda number: [_booked(runs, against(one), number, [one.pid]) for one in servers])
    found = []
    for place, server in enumerate(servers):
        figures = _median_of([one[place] for one in kept])
        figures["ratio"] = statistics.median(one[0]["rps"] / one[place]["rps"] for one in kept)
        figures["resident_bytes"] = machine.resident_bytes([server.pid])
        found.append(figures)
    found[0] |= {"runs": len(kept), "soiled": _soiled(kept)}
    return found
