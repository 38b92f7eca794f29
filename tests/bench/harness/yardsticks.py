"""The peers: each installed or built, started on the server's core, loaded from the other."""
import contextlib
import csv
import json
import os
import pwd
import shutil
import signal
import statistics
import time

from . import load, machine, process, workshop

REDIS_PORT, POSTGRES_PORT, NEST_PORT, ETCD_PORT, BEANSTALK_PORT, BARE_PORT = range(18_202, 18_208)
ETCD_PEER_PORT, READY_MADE_PORT = 18_208, 18_209
KEYS = 10_000
NEST = os.path.join(os.path.dirname(load.SCRIPTS), "nest")


@contextlib.contextmanager
def bare_beast(answer, name, ready_made=False):
    """The bare server that answers these bytes; ready made: as bytes, without Beast's messages."""
    port = READY_MADE_PORT if ready_made else BARE_PORT
    with workshop.scratch(f"bare-{name}-{port}") as work:
        path = os.path.join(work, "answer")
        with open(path, "wb") as file:
            file.write(answer)
        command = [workshop.program("bench_bare_beast"), str(port), path,
                   "--ready-made", str(int(ready_made))]
        with process.Server(command, port, os.path.join(work, "log")) as server:
            yield server


def redis_hset(runs):
    """HSET of two fields, appendfsync always."""
    with workshop.scratch("redis") as work:
        command = ["redis-server", "--port", str(REDIS_PORT), "--bind", "127.0.0.1", "--dir", work,
                   "--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        with process.Server(command, REDIS_PORT, os.path.join(work, "log")) as server:
            def once(_, requests=0):
                said = process.run(
                    ["redis-benchmark", "-p", str(REDIS_PORT), "-c", str(load.CONNECTIONS),
                     "-n", str(requests), "-r", str(KEYS), "--csv", "HSET", "s:__rand_int__",
                     "last_heartbeat", "1790000000000", "updated_at", "1790000000000"],
                    machine.LOAD_CORE, 120)
                row = list(csv.DictReader(said.splitlines()))[0]
                return {"rps": float(row["rps"]), "p50_ms": float(row["p50_latency_ms"]),
                        "p99_ms": float(row["p99_latency_ms"])}
            # It counts requests, not seconds: as many as the trial says will take so long.
            trial = once(0, 20_000)
            return load.medians(runs, lambda n: once(n, int(trial["rps"] * runs.seconds)), [server.pid])


def etcd_put(runs):
    """Puts through etcd's HTTP gateway."""
    with workshop.scratch("etcd") as work:
        client, peer = f"http://127.0.0.1:{ETCD_PORT}", f"http://127.0.0.1:{ETCD_PEER_PORT}"
        command = ["etcd", "--data-dir", work + "/data", "--listen-client-urls", client,
                   "--advertise-client-urls", client, "--listen-peer-urls", peer,
                   "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}",
                   "--log-level", "error"]
        with process.Server(command, ETCD_PORT, os.path.join(work, "log")) as server:
            time.sleep(1)  # it listens before it has elected itself
            return load.wrk_medians(runs, server, "etcd_put")


def beanstalkd_put(runs):
    """Puts of 200 bytes, the log synced after each."""
    with workshop.scratch("beanstalkd") as work:
        command = ["beanstalkd", "-l", "127.0.0.1", "-p", str(BEANSTALK_PORT), "-b", work, "-f", "0"]
        with process.Server(command, BEANSTALK_PORT, os.path.join(work, "log")) as server:
            return program_medians(
                runs, ["bench_beanstalk_put", str(BEANSTALK_PORT), "--connections", str(load.CONNECTIONS)],
                machine.LOAD_CORE, [server.pid])


def program_medians(runs, command, core, pids=()):
    """Medians of one of our own load programs, which is told how many seconds to run."""
    def once(_):
        said = process.run([workshop.program(command[0]), *command[1:], "--seconds", str(runs.seconds)], core,
                           runs.seconds + 120)
        return json.loads(said)
    return load.medians(runs, once, pids)


# ------------------------------------------------------------------------------------------ PostgreSQL


def _postgres_programs():
    versions = "/usr/lib/postgresql"
    for version in sorted(os.listdir(versions) if os.path.isdir(versions) else (), reverse=True):
        if os.path.exists(f"{versions}/{version}/bin/initdb"):
            return f"{versions}/{version}/bin"
    raise process.Failed("PostgreSQL is not installed")


class _Postgres(process.Server):
    """A cluster of our own, synchronous_commit on, with the reference service's table."""

    def __init__(self, work, ids):
        self.programs = _postgres_programs()
        # It refuses to be root.
        user = pwd.getpwnam("postgres") if os.getuid() == 0 else None
        self.data, self.ids = os.path.join(work, "data"), ids
        if user:
            os.chown(work, user.pw_uid, user.pw_gid)
        super().__init__(
            [f"{self.programs}/postgres", "-D", self.data, "-h", "127.0.0.1", "-p", str(POSTGRES_PORT),
             "-k", self.data, "-c", "fsync=on", "-c", "synchronous_commit=on", "-c", "shared_buffers=512MB",
             "-c", "max_wal_size=4GB", "-c", "max_connections=200"],
            POSTGRES_PORT, os.path.join(work, "postgres.log"), user=user, stop_with=signal.SIGINT)

    def __enter__(self):
        process.run([f"{self.programs}/initdb", "-D", self.data, "-A", "trust", "-U", "postgres",
                     "--no-locale", "-E", "UTF8", "--no-sync"], machine.SERVER_CORE, 60, self.user)
        super().__enter__()
        try:
            self._fill()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _fill(self):
        for _ in range(100):  # it listens before it lets anybody in
            try:
                self.sql("SELECT 1")
                break
            except process.Failed:
                time.sleep(0.1)
        self.sql("CREATE TABLE numbered (n serial PRIMARY KEY, id uuid NOT NULL)")
        with open(self.ids, encoding="ascii") as ids:
            self.sql("COPY numbered (id) FROM STDIN", ids.read())
        with open(f"{NEST}/schema.sql", encoding="ascii") as schema:
            self.sql(schema.read())

    def sql(self, text, text_in=None):
        address = ["-h", "127.0.0.1", "-p", str(POSTGRES_PORT), "-U", "postgres"]
        return process.run(["psql", "-qAt", "-v", "ON_ERROR_STOP=1", *address, "-c", text],
                           machine.LOAD_CORE, 120, text_in=text_in)


@contextlib.contextmanager
def postgres(ids):
    with workshop.scratch("postgres") as work:
        with _Postgres(work, ids) as server:
            yield server


def postgres_update(runs, ids):
    """The reference service's heartbeat as a bare UPDATE, prepared, by pgbench."""
    with postgres(ids) as server, workshop.scratch("pgbench") as work:
        def once(_):
            said = process.run(
                [f"{server.programs}/pgbench", "-h", "127.0.0.1", "-p", str(POSTGRES_PORT), "-U", "postgres",
                 "-n", "-M", "prepared", "-f", f"{NEST}/beat.pgbench", "-D", f"rows={KEYS}",
                 "-c", str(load.CONNECTIONS), "-j", "1", "-T", str(runs.seconds),
                 "-l", f"--log-prefix={work}/log", "postgres"],
                machine.LOAD_CORE, runs.seconds + 60)
            delays = []
            for name in os.listdir(work):
                with open(os.path.join(work, name), encoding="ascii") as log:
                    delays += [int(line.split()[2]) / 1_000 for line in log]
                os.unlink(os.path.join(work, name))
            delays.sort()
            rate = [line for line in said.splitlines() if line.startswith("tps = ")][0]
            return {"rps": float(rate.split()[2]), "p50_ms": statistics.median(delays),
                    "p99_ms": delays[len(delays) * 99 // 100]}
        return load.medians(runs, once, [server.pid])


# ---------------------------------------------------------------------------------------------- NestJS


def install_nest():
    """The pinned packages, below the work folder; their scripts do not run."""
    home = os.path.join(workshop.FOLDER, "nest")
    os.makedirs(home, exist_ok=True)
    lock, installed = f"{home}/package-lock.json", f"{home}/node_modules"
    with open(f"{NEST}/package-lock.json", "rb") as wanted:
        text = wanted.read()
    fresh = os.path.isdir(installed) and os.path.exists(lock) and open(lock, "rb").read() == text
    if not fresh:
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copyfile(f"{NEST}/{name}", f"{home}/{name}")
        try:
            process.build(["npm", "ci", "--ignore-scripts"], cwd=home, timeout=600)
        except BaseException:
            os.unlink(lock)
            raise
    shutil.copyfile(f"{NEST}/server.mjs", f"{home}/server.mjs")
    return home


@contextlib.contextmanager
def nest(ids):
    """The reference service with its database, both on the server's core."""
    home = install_nest()
    with postgres(ids) as database, workshop.scratch("nest-log") as work:
        environment = {"PORT": str(NEST_PORT), "NODE_ENV": "production",
                       "DATABASE_URL": f"postgres://postgres@127.0.0.1:{POSTGRES_PORT}/postgres"}
        command = [shutil.which("node") or "node", f"{home}/server.mjs"]
        with process.Server(command, NEST_PORT, os.path.join(work, "log"), environment=environment) as server:
            server.companions = [database.pid]
            yield server
