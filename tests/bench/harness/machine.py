"""This machine: what it is, who uses its processors, and whether it is quiet enough to measure."""
import os
import re
import time

SERVER_CORE = 0
LOAD_CORE = 1
TICKS = os.sysconf("SC_CLK_TCK")

# Cores that others may use during a run before it counts as soiled.
FOREIGN_CORES_MAX = 0.15
POLL_S = 0.5


def description():
    """For the results file: no names, no paths."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as info:
        model = re.search(r"^model name\s*:\s*(.*)$", info.read(), re.M)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"cpu": model.group(1).strip() if model else "unknown", "cores": os.cpu_count(),
            "memory_gib": round(memory / 2**30)}


def busy_s():
    """Processor seconds that this machine has worked, all cores together."""
    with open("/proc/stat", encoding="ascii") as stat:
        times = [int(word) for word in stat.readline().split()[1:9]]
    idle, waiting = times[3], times[4]
    return (sum(times) - idle - waiting) / TICKS


def wait_until_quiet(at_most_s):
    """Waits, for so long at most, until half a second passes in which next to nothing runs."""
    end = time.monotonic() + at_most_s
    while time.monotonic() < end:
        before = busy_s()
        time.sleep(POLL_S)
        if busy_s() - before < FOREIGN_CORES_MAX * POLL_S:
            return


def _stat_of(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
        return stat.read().rsplit(")", 1)[1].split()


def family(pids):
    """The processes and all that descend from them."""
    children = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                children.setdefault(int(_stat_of(name)[1]), []).append(int(name))
            except OSError:
                continue
    found, to_visit = [], list(pids)
    while to_visit:
        pid = to_visit.pop()
        if pid not in found:
            found.append(pid)
            to_visit += children.get(pid, [])
    return found


def cpu_s(pids):
    """Processor seconds of these processes and their descendants, ended ones included."""
    total = 0
    for pid in family(pids):
        try:
            fields = _stat_of(pid)
            total += sum(map(int, fields[11:15]))
        except OSError:
            continue
    return total / TICKS


def resident_bytes(pids):
    """Memory of these processes and their descendants; what they share is shared out."""
    total = 0
    for pid in family(pids):
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
                total += int(re.search(r"^Pss:\s+(\d+)", rollup.read(), re.M).group(1))
        except OSError:
            continue
    return total * 1024
