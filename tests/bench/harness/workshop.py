"""Where the work is done: builds, databases filled once and copied for each use, files of one measurement."""
import contextlib
import hashlib
import os
import shutil

from . import process

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
FOLDER = os.path.join(TOP, "build", "bench")
RELEASE = os.path.join(FOLDER, "release")
STATETRACKD = os.path.join(RELEASE, "daemon", "statetrackd")
FILL_S_MAX = 1_800

PROJECT_SESSIONS = 500  # as bench_fill has it


def program(name):
    return os.path.join(RELEASE, "tests", "bench", name)


def build_ours():
    """Ours with everything on, in a folder of its own: nothing of the benchmarks gets into other builds."""
    process.build([os.path.join(TOP, "cmake", "build"), os.path.relpath(RELEASE, TOP),
                   "-DCMAKE_BUILD_TYPE=Release", "-DSTATETRACK_DAEMON=ON", "-DSTATETRACK_SQLITE=ON",
                   "-DSTATETRACK_BENCH=ON", "-DSTATETRACK_TESTS=OFF", "-DSTATETRACK_EXAMPLES=OFF",
                   "statetrackd", "bench_programs"])


@contextlib.contextmanager
def scratch(name):
    """A folder for one measurement, empty; gone afterwards."""
    path = os.path.join(FOLDER, "scratch", name)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _fill_version():
    with open(program("bench_fill"), "rb") as binary:
        return hashlib.sha256(binary.read()).hexdigest()[:12]


def filled(name, *fills):
    """The folder of a database made by bench_fill, once for each build of it: sessions.db, and <label>.ids.

    Each of `fills` is one call: its arguments as a dict; `label` names the file of ids.
    """
    databases = os.path.join(FOLDER, "databases")
    version = _fill_version()
    for old in os.listdir(databases) if os.path.isdir(databases) else ():
        if old != version:
            shutil.rmtree(os.path.join(databases, old))
    folder = os.path.join(databases, version, name)
    if os.path.isdir(folder):
        return folder
    begun = folder + ".begun"
    shutil.rmtree(begun, ignore_errors=True)
    os.makedirs(begun)
    for fill in fills:
        label = fill["label"]
        command = [program("bench_fill"), f"{begun}/sessions.db", f"{begun}/{label}.ids",
                   "--task-ids", f"{begun}/{label}-tasks.ids"]
        for argument, value in fill.items():
            command += [f"--{argument}", str(value)]
        process.build(command, timeout=FILL_S_MAX)
    os.rename(begun, folder)
    return folder


def live(sessions):
    """A database of so many live sessions, a hundred on each machine, five hundred in each project."""
    return filled(f"live-{sessions}", {"label": "live", "sessions": sessions})


def copy_database(folder, into):
    """A copy to work on, on the disk before anybody measures."""
    path = os.path.join(into, "sessions.db")
    shutil.copyfile(os.path.join(folder, "sessions.db"), path)
    os.sync()
    return path
