"""The rows: what is divided by what, the targets beside it, and how it all is printed."""
from .measurements import BATCH, LARGE, SMALL, Failed

# Rows that --short leaves out need large databases or long runs.
LONG = False


class Row:
    def __init__(self, name, title, at_least, reach_for, value, *, short=True, smaller=False, unit=""):
        self.name, self.title, self.at_least, self.reach_for = name, title, at_least, reach_for
        self.value, self.short, self.smaller, self.unit = value, short, smaller, unit

    def reaches(self, value, target):
        return value <= target if self.smaller else value >= target


def _peers(m):
    """The best of those durable stores that could be measured; who could not is in `failed`."""
    rates, failed = [], []
    for measure in (m.etcd, m.postgres, m.beanstalkd):
        try:
            rates.append(measure()["rps"])
        except Failed as why:
            failed.append(str(why))
    if not rates:
        raise Failed("; ".join(failed))
    return max(rates), failed


def _among_peers(m):
    best, failed = _peers(m)
    return m.beats(SMALL)["rps"] / best, failed


def _own(measure, figure, scale=1):
    return lambda m: measure(m)[figure] * scale


MIB = 1 / 2**20
MS = "ms"

ROWS = [
    Row("whole", "heartbeats/s ÷ bare Beast, whole session", 0.50, 0.75,
        lambda m: m.beats(SMALL)["bare_ratio"]),
    Row("minimal", "heartbeats/s ÷ bare Beast, return=minimal", 0.60, 0.85,
        lambda m: m.minimal_beats()["bare_ratio"]),
    Row("nest", "heartbeats/s ÷ NestJS + Fastify + PostgreSQL", 12, 25,
        lambda m: m.beats(SMALL)["rps"] / m.nest()["rps"]),
    Row("nest-p99", "p99 ÷ that service's p99", 1 / 10, 1 / 20,
        lambda m: m.beats(SMALL)["p99_ms"] / m.nest()["p99_ms"], smaller=True),
    Row("redis", "heartbeats/s ÷ Redis HSET, appendfsync always", 1.0, 1.5,
        lambda m: m.beats(SMALL)["rps"] / m.redis()["rps"]),
    Row("peers", "heartbeats/s ÷ best of etcd, PostgreSQL, beanstalkd", 5, 10, _among_peers),
    Row("million", "heartbeats/s at 1 000 000 ÷ at 10 000 sessions", 0.7, 0.95,
        lambda m: m.beats(LARGE)["rps"] / m.beats(SMALL)["rps"], short=LONG),
    Row("million-p99", "p99 at 1 000 000 ÷ at 10 000 sessions", 4, 1.5,
        lambda m: m.beats(LARGE)["p99_ms"] / m.beats(SMALL)["p99_ms"], short=LONG, smaller=True),
    Row("batch", "batches of 100 ÷ single heartbeats, beats/s", 3, 8,
        lambda m: BATCH * m.batches()["rps"] / m.beats(SMALL)["rps"]),
    Row("library", "library, 64 callers: durable beats/s ÷ fdatasync/s", 8, 25,
        lambda m: m.durable_beats(64, "apply")["rps"] / m.disk_syncs()["rps"]),
    Row("library-queue", "the same, 64 unblocked callers (enqueue)", 8, 25,
        lambda m: m.durable_beats(64, "enqueue")["rps"] / m.disk_syncs()["rps"]),
    Row("memory", "library, memory store ÷ bare hash map update", 0.15, 0.4,
        lambda m: m.memory_beats()["rps"] / m.map_updates()["rps"]),
    Row("create", "creations/s ÷ NestJS creations/s", 4, 10,
        lambda m: m.creations()["rps"] / m.nest_creations()["rps"]),
    Row("transition", "task transitions/s ÷ NestJS creations/s", 4, 10,
        lambda m: m.transitions()["rps"] / m.nest_creations()["rps"], short=LONG),
    Row("recover", "recoveries/s with 10 tasks ÷ NestJS creations/s", 2, 10,
        lambda m: m.recoveries()["rps"] / m.nest_creations()["rps"], short=LONG),
    Row("get", "GET session at 1 000 000 ÷ bare Beast", 0.6, 0.8,
        lambda m: m.gets(LARGE)["bare_ratio"], short=LONG),
    Row("list", "list of 50 by project at 1 000 000 ÷ bare Beast", 0.15, 0.3,
        lambda m: m.lists(LARGE)["bare_ratio"], short=LONG),
    Row("stalled", "stalled at 1 000 000 ÷ bare Beast", 0.5, 0.7,
        lambda m: m.stalled(LARGE)["bare_ratio"], short=LONG),
    Row("health", "health counts at 1 000 000 ÷ bare Beast", 0.6, 0.8,
        lambda m: m.health(LARGE)["bare_ratio"], short=LONG),
    Row("resident", "resident memory at 10 000, after the load", 15, 10,
        _own(lambda m: m.beats(SMALL), "resident_bytes", MIB), smaller=True, unit="MiB"),
    Row("resident-each", "resident bytes a session at 1 000 000, all in", 300, 160,
        _own(lambda m: m.beats(LARGE), "resident_bytes", 1 / LARGE), short=LONG, smaller=True, unit="B"),
    Row("start", "start to first answer at 10 000", 50, 20, _own(lambda m: m.starts(SMALL), "start_ms"),
        smaller=True, unit=MS),
    Row("start-million", "start to first answer at 1 000 000", 2_000, 800,
        _own(lambda m: m.starts(LARGE), "start_ms"), short=LONG, smaller=True, unit=MS),
    Row("sweep-0", "sweep that marks 0 of 1 000 000", 1, 0.1, _own(lambda m: m.sweeps(LARGE), "idle_ms"),
        short=LONG, smaller=True, unit=MS),
    Row("sweep-1000", "sweep that marks 1 000 of 1 000 000", 50, 15,
        _own(lambda m: m.sweeps(LARGE), "marking_ms"), short=LONG, smaller=True, unit=MS),
    Row("retention", "beat p99 while 100 000 ended ones are deleted ÷ without", 2, 1.2,
        lambda m: m.retention()["ratio"], short=LONG, smaller=True),
    Row("bytes", "database bytes a session at 10 000, events and all", 450, 300,
        _own(lambda m: m.database_bytes(SMALL), "bytes_each"), smaller=True, unit="B"),
    Row("wal", "log bytes a heartbeat, library with 64 callers", 2_100, 600,
        _own(lambda m: m.durable_beats(64, "apply"), "wal_bytes_per_beat"), smaller=True, unit="B"),
]


def evaluate(row, measurements):
    """The row's line in the results: its value, or why there is none, and how many runs were soiled."""
    measurements.touched.clear()
    line = {"title": row.title, "at_least": row.at_least, "reach_for": row.reach_for, "unit": row.unit}
    try:
        value = row.value(measurements)
        if isinstance(value, tuple):
            value, failed = value
            if failed:
                line["without"] = failed
        line["value"] = value
        line["verdict"] = ("reached" if row.reaches(value, row.reach_for)
                           else "at least" if row.reaches(value, row.at_least) else "MISSED")
    except Failed as why:
        line["not_measured"] = str(why)
    line["soiled"] = sum(measurements.found[name].get("soiled", 0) for name in measurements.touched
                         if isinstance(measurements.found.get(name), dict))
    return line


def _number(value, unit):
    shown = f"{value:.0f}" if value >= 1_000 else f"{value:.3g}"
    return f"{shown} {unit}".strip()


def printed(lines):
    """The table, and under it what has to be said about its rows."""
    width = max(len(line["title"]) for line in lines.values())
    out = [f"{'':{width}}  {'measured':>10}  {'at least':>10}  {'reach for':>10}"]
    remarks = []
    for name, line in lines.items():
        unit = line["unit"]
        targets = f"{_number(line['at_least'], unit):>10}  {_number(line['reach_for'], unit):>10}"
        if "value" in line:
            mark = "~" if line["soiled"] else " "
            shown = mark + _number(line["value"], unit)
            out.append(f"{line['title']:{width}}  {shown:>10}  {targets}  {line['verdict']}")
        else:
            out.append(f"{line['title']:{width}}  {'-':>10}  {targets}  not measured")
            remarks.append(f"not measured: {name}: {line['not_measured']}")
        remarks += [f"{name} is without {why}" for why in line.get("without", ())]
    if any(line["soiled"] and "value" in line for line in lines.values()):
        remarks.append("~ others used the processors during some of the runs, repeated ones included")
    return "\n".join(out + ([""] + remarks if remarks else []))


def figures(found):
    """Rates and delays that the ratios were made of."""
    out = [f"{'':28}  {'per s':>10}  {'p50 ms':>8}  {'p99 ms':>8}   cores: server, load, others"]
    for name, one in sorted(found.items()):
        if not isinstance(one, dict) or "rps" not in one:
            continue
        delays = [f"{one[key]:8.2f}" if key in one else f"{'':8}" for key in ("p50_ms", "p99_ms")]
        cores = [f"{one.get(key, 0):.2f}" for key in ("server_cores", "load_cores", "foreign_cores")]
        out.append(f"{name:28}  {one['rps']:10.0f}  {'  '.join(delays)}          {'  '.join(cores)}")
        if "bare_rps" in one:
            out.append(f"{'  bare Beast':28}  {one['bare_rps']:10.0f}  {'':8}  {one['bare_p99_ms']:8.2f}"
                       f"                load {one['bare_load_cores']:.2f}")
        if "ready_made_rps" in one:
            out.append(f"{'  ready-made bytes':28}  {one['ready_made_rps']:10.0f}  {'':8}  {'':8}"
                       f"                load {one['ready_made_load_cores']:.2f}")
    return "\n".join(out)
