"""What both commands do before and after measuring: install, build, and say what was measured where."""
import datetime
import os
import subprocess
import sys

from . import machine, process, workshop

NEEDED_CORES = 2


def prepare():
    if os.cpu_count() < NEEDED_CORES:
        sys.exit("tests/bench: needs two cores, one for the servers and one for the load")
    process.build([os.path.join(workshop.TOP, "cmake", "install-dependencies"), "build", "bench"])
    workshop.build_ours()


def _git(*words):
    return subprocess.run(["git", "-C", workshop.TOP, *words], capture_output=True, text=True,
                          check=False).stdout.strip()


def _commit():
    name = _git("rev-parse", "--short=12", "HEAD") or "unknown"
    made_here = ("results.jsonl", "growth.json", "growth.svg")
    changed = _git("status", "--porcelain", "--", ".", *(f":!tests/bench/{name}" for name in made_here))
    return name + "-changed" if changed else name


def heading():
    now = datetime.datetime.now(datetime.timezone.utc)
    return {"commit": _commit(), "date": now.strftime("%Y-%m-%dT%H:%MZ"), "machine": machine.description()}


def rounded(found):
    """Six digits say more than was measured; a failure becomes its reason."""
    if isinstance(found, dict):
        return {name: rounded(one) for name, one in found.items()}
    if isinstance(found, process.Failed):
        return {"not_measured": str(found)}
    return float(f"{found:.6g}") if isinstance(found, float) else found
