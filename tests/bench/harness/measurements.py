"""Everything that is measured, each once a run and only if a row asks for it."""
import contextlib
import functools
import json
import os
import statistics
import threading
import time

from . import daemon, load, machine, process, workshop, yardsticks
from .process import Failed

SMALL, LARGE = 10_000, 1_000_000
STARTS = 3
BATCH = 100
RECOVERED_EACH_RUN = 4_000
TASKS_EACH_RUN = 10_000
TASKS_EACH_SESSION = 7  # a slice for the warm-up and for each run, repeated ones included
ENDED, ENDED_TASKS = 100_000, 5
DELETION_S_MAX = 900
DELETION_BEGINS_S = 0.25  # after the beats, which then go on for twice as long as usual
DELETIONS = 5
SWEEPS_S_MAX = 600


def measured(method):
    """Keeps what the measurement found, or why it failed, under its name and arguments."""
    @functools.wraps(method)
    def once(self, *given):
        name = "-".join([method.__name__, *map(str, given)])
        self.touched.add(name)
        if name not in self.found:
            self.say(name)
            try:
                self.found[name] = method(self, *given)
            except (Failed, OSError, ValueError, KeyError) as why:
                self.found[name] = Failed(f"{name}: {why}")
        if isinstance(self.found[name], Failed):
            raise self.found[name]
        return self.found[name]
    return once


class Measurements:
    def __init__(self, runs, say):
        self.runs, self.say = runs, say
        self.found, self.touched = {}, set()

    # --------------------------------------------------------------------------- ours and the bare server

    def _pair(self, name, sessions, script, exact, headers="", ready_made=False, **given):
        """Ours, and in turn with it the bare server that answers the very bytes under the same load."""
        with contextlib.ExitStack() as all_of_them:
            ours = all_of_them.enter_context(daemon.running(workshop.live(sessions), name))
            answer = exact(ours)
            servers = [ours.server] + [all_of_them.enter_context(yardsticks.bare_beast(answer, name, made))
                                       for made in ([False, True] if ready_made else [False])]
            given |= {"ids": _ids(sessions), "headers": ours.headers + headers}
            found, bare, *of_bytes = load.wrk_in_turns(self.runs, servers, script, **given)
        more = {f"ready_made_{name}": one[name] for one in of_bytes for name in ("rps", "ratio", "load_cores")}
        return {**found, **more, "answer_bytes": len(answer),
                **{f"bare_{name}": bare[name] for name in ("rps", "ratio", "p99_ms", "load_cores")}}

    @measured
    def beats(self, sessions):
        path = f"/api/sessions/{_first_id(sessions)}/heartbeat"
        return self._pair("beats", sessions, "beat", lambda ours: ours.exact_answer("POST", path, "{}"),
                          ready_made=True)

    @measured
    def minimal_beats(self):
        prefer = "Prefer: return=minimal\r\n"

        def exact(ours):
            path = f"/api/sessions/{_first_id(SMALL)}/heartbeat"
            answer = ours.exact_answer("POST", path, "{}", prefer)
            if b"preference-applied" not in answer.lower():
                raise Failed("not there yet: the daemon does not know Prefer: return=minimal")
            return answer
        return self._pair("minimal", SMALL, "beat", exact, prefer)

    @measured
    def alone(self, script, sessions, connections):
        """Ours under one script, without the bare server."""
        with daemon.running(workshop.live(sessions), "alone") as ours:
            return load.wrk_medians(self.runs, ours.server, script, ids=_ids(sessions), headers=ours.headers,
                                    projects=_projects(sessions), connections=connections)

    @measured
    def batches(self):
        with daemon.running(workshop.live(SMALL), "batches") as ours:
            return load.wrk_medians(self.runs, ours.server, "batch", ids=_ids(SMALL), headers=ours.headers)

    @measured
    def gets(self, sessions):
        path = f"/api/sessions/{_first_id(sessions)}"
        return self._pair("gets", sessions, "get", lambda ours: ours.exact_answer("GET", path))

    @measured
    def lists(self, sessions):
        path = "/api/sessions?limit=50&project_id=live-project-0"
        return self._pair("lists", sessions, "list", lambda ours: ours.exact_answer("GET", path),
                          projects=_projects(sessions))

    @measured
    def stalled(self, sessions):
        return self._fixed("/api/sessions/stalled", sessions)

    @measured
    def health(self, sessions):
        return self._fixed("/api/sessions/health", sessions)

    def _fixed(self, path, sessions):
        return self._pair("fixed", sessions, "fixed", lambda ours: ours.exact_answer("GET", path), path=path)

    # --------------------------------------------------------------------------------- ours, other writes

    @measured
    def creations(self):
        with daemon.running(workshop.live(SMALL), "creations") as ours:
            return load.wrk_medians(self.runs, ours.server, "create", headers=ours.headers, slices=1)

    @measured
    def transitions(self):
        folder = workshop.filled("tasks", {"label": "live", "sessions": SMALL, "tasks": TASKS_EACH_SESSION})
        with daemon.running(folder, "transitions") as ours:
            return load.wrk_medians(self.runs, ours.server, "transition", ids=f"{folder}/live-tasks.ids",
                                    headers=ours.headers, slices=TASKS_EACH_RUN)

    @measured
    def recoveries(self):
        sessions = RECOVERED_EACH_RUN * (self.runs.all + 1)
        folder = workshop.filled(f"failed-{sessions}",
                                 {"label": "failed", "sessions": sessions, "tasks": 10, "end": "failed"})
        with daemon.running(folder, "recoveries") as ours:
            return load.wrk_medians(self.runs, ours.server, "recover", ids=f"{folder}/failed.ids",
                                    headers=ours.headers, slices=RECOVERED_EACH_RUN)

    # ------------------------------------------------------------------- ours, start, sweep and retention

    @measured
    def starts(self, sessions):
        def once(_):
            with daemon.running(workshop.live(sessions), "starts") as ours:
                resident = machine.resident_bytes([ours.server.pid])
                return {"start_ms": ours.start_ms, "started_resident_bytes": resident}
        return load.medians(load.Runs(0, STARTS, 0, 0, self.runs.quiet_s), once)

    @measured
    def sweeps(self, sessions):
        def once(_):
            with workshop.scratch("sweeps") as work:
                database = workshop.copy_database(workshop.live(sessions), work)
                marks = min(1_000, sessions // 10)
                return _program("bench_sweeps", database, _ids(sessions), "--marks", str(marks))
        return load.medians(load.Runs(0, STARTS, 0, 0, self.runs.quiet_s), once)

    @measured
    def retention(self):
        folder = workshop.filled(
            "ended", {"label": "live", "sessions": SMALL},
            {"label": "ended", "sessions": ENDED, "tasks": ENDED_TASKS, "end": "completed"})
        # Each on a copy of its own: what the disk does in one minute says little of the next.
        rounds = [self._deletion(folder, to_its_end=number == 0) for number in range(DELETIONS)]
        ratios = [one["p99_ms"] / one["without_p99_ms"] for one in rounds]
        soiled = sum(one["soiled"] for one in rounds)
        return {**{name: statistics.median(one[name] for one in rounds) for name in rounds[-1]},
                "ratio": statistics.median(ratios), "ratios": ratios, "soiled": soiled}

    def _deletion(self, folder, to_its_end):
        once = load.Runs(self.runs.seconds, 1, self.runs.extra, self.runs.warm_up_s, self.runs.quiet_s)
        with daemon.running(folder, "retention") as ours:
            given = {"ids": f"{folder}/live.ids", "headers": ours.headers}
            without = load.wrk_medians(once, ours.server, "beat", **given)
            return _while_deleting(ours, without, once, given, to_its_end)

    # ----------------------------------------------------------------------------------------- the library

    @measured
    def durable_beats(self, callers, by, sync_ms=0):
        with workshop.scratch("durable") as work:
            database = workshop.copy_database(workshop.live(SMALL), work)
            return yardsticks.program_medians(
                self.runs, ["bench_durable_beats", database, _ids(SMALL), "--callers", str(callers),
                            "--by", by, "--sync-ms", str(sync_ms)], machine.SERVER_CORE)

    @measured
    def disk_syncs(self):
        with workshop.scratch("syncs") as work:
            command = ["bench_disk_syncs", f"{work}/file"]
            return yardsticks.program_medians(self.runs, command, machine.SERVER_CORE)

    @measured
    def memory_beats(self):
        return yardsticks.program_medians(self.runs, ["bench_memory_beats", "tracker"], machine.SERVER_CORE)

    @measured
    def map_updates(self):
        return yardsticks.program_medians(self.runs, ["bench_memory_beats", "map"], machine.SERVER_CORE)

    @measured
    def database_bytes(self, sessions):
        return {"bytes_each": os.path.getsize(workshop.live(sessions) + "/sessions.db") / sessions}

    # ------------------------------------------------------------------------------------------- the peers

    @measured
    def nest(self):
        with yardsticks.nest(_ids(SMALL)) as service:
            return load.wrk_medians(self.runs, service, "beat", ids=_ids(SMALL))

    @measured
    def nest_creations(self):
        with yardsticks.nest(_ids(SMALL)) as service:
            return load.wrk_medians(self.runs, service, "create", slices=1)

    @measured
    def redis(self):
        return yardsticks.redis_hset(self.runs)

    @measured
    def etcd(self):
        return yardsticks.etcd_put(self.runs)

    @measured
    def postgres(self):
        return yardsticks.postgres_update(self.runs, _ids(SMALL))

    @measured
    def beanstalkd(self):
        return yardsticks.beanstalkd_put(self.runs)


def _ids(sessions):
    return workshop.live(sessions) + "/live.ids"


def _projects(sessions):
    return max(1, sessions // workshop.PROJECT_SESSIONS)


def _first_id(sessions):
    with open(_ids(sessions), encoding="ascii") as ids:
        return ids.readline().strip()


def _program(name, *arguments):
    return json.loads(process.run([workshop.program(name), *arguments], machine.SERVER_CORE, SWEEPS_S_MAX))


def _while_deleting(ours, without, runs, given, to_its_end):
    """Beats while a cleanup deletes all that has ended; the cleanup is waited for to its end, or cut off."""

    def left():
        _, text = ours.ask("GET", "/api/sessions?status=completed&limit=1")
        return json.loads(text)["total"]

    before = left()
    # Its answer may be that it takes too long; that it goes on is seen in what is left. It begins while beats
    # go on: as long as it is alone it makes room for nobody, and they would find its log to be copied.
    cleanup = threading.Timer(DELETION_BEGINS_S, lambda: ours.ask(
        "POST", "/api/sessions/cleanup?older_than_days=0", seconds_max=DELETION_S_MAX))
    cleanup.daemon = True

    def once(_):
        cleanup.start()
        figures = load.wrk(ours.server.port, "beat", 2 * runs.seconds, **given)
        still_there = left()
        if still_there == 0:
            raise Failed("the cleanup ended before the beats did")
        figures["deleted_per_s"] = (before - still_there) / (2 * runs.seconds)
        return figures

    found = load.medians(load.Runs(runs.seconds, 1, 0, 0, runs.quiet_s), once, [ours.server.pid])
    began = time.monotonic()
    while to_its_end and left() > 0:
        if time.monotonic() - began > DELETION_S_MAX:
            raise Failed(f"{left()} sessions are still there after {DELETION_S_MAX} s")
        time.sleep(0.5)
    return {**found, "soiled": found["soiled"] + without["soiled"], "without_p99_ms": without["p99_ms"],
            "without_rps": without["rps"]}
