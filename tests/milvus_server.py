"""A real Milvus server for tests: the one in the wheel `milvus`, on ports of its own, once for all tests that run.

Several pytest processes share it: who comes first starts it, who goes last ends it. Tests hold a shared lock; the one
that restarts the server waits until nobody else holds it.
"""

import contextlib
import fcntl
import importlib.util
import json
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from lookalike.atomic_files import write_atomically

#: In the order of the ports; the last two, etcd's second and the one of statistics, have no option.
PORTS = ("proxy", "proxy-internal", "etcd", "root-coord", "query-coord", "query-node", "index-coord", "index-node",
         "data-coord", "data-node", "peer", "metrics")  # fmt: skip
#: Milliseconds between the marks of time that Strong consistency waits for; 200 by default.
TICK = 20
#: Seconds after which the parts of a server that was killed are taken for gone; 30 by default.
SESSION = 5
READY_WITHIN = 150
ETCD = """name: default
listen-peer-urls: http://127.0.0.1:{peer}
initial-advertise-peer-urls: http://127.0.0.1:{peer}
initial-cluster: default=http://127.0.0.1:{peer}
listen-client-urls: http://127.0.0.1:{etcd}
advertise-client-urls: http://127.0.0.1:{etcd}
"""


def why_not():
    """Why no server can run here, or an empty text."""
    for module in ("milvus", "pymilvus"):
        if importlib.util.find_spec(module) is None:
            return f"{module} is not installed"
    program = Path(importlib.util.find_spec("milvus").origin).parent / "data" / "bin"
    return "" if program.is_dir() else "the wheel milvus carries no server for this system"


class MilvusServer:
    """The server of a folder.

    Args:
        folder: shared by all who use it.
    """

    def __init__(self, folder):
        self.folder, self._record = Path(folder), Path(folder) / "server.json"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._users = (self.folder / "users.lock").open("a")

    def address(self, name="tests", tenant=None, **more):
        """Of a gallery that nobody else uses."""
        tenant = secrets.token_hex(6) if tenant is None else tenant
        asked = "&".join(f"{key}={value}" for key, value in {"tenant": tenant, **more}.items())
        return f"milvus://127.0.0.1:{self._told()['proxy']}/{name}?{asked}"

    def _told(self):
        return json.loads(self._record.read_text())

    def _tell(self, told):
        """Written whole: others read it at any moment."""
        write_atomically(self._record, json.dumps(told).encode())

    @contextlib.contextmanager
    def used(self):
        """While a test asks it; one that restarts it waits."""
        fcntl.flock(self._users, fcntl.LOCK_SH)
        try:
            yield self
        finally:
            fcntl.flock(self._users, fcntl.LOCK_UN)

    def restart(self):
        """Kill it as a power cut would, start it on the same data, and wait until it answers; call inside `used`."""
        fcntl.flock(self._users, fcntl.LOCK_UN)
        fcntl.flock(self._users, fcntl.LOCK_EX)
        with self._alone():
            self._kill()
            self._start_again(self._told())
        fcntl.flock(self._users, fcntl.LOCK_SH)

    # --- its process --------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def running(self):
        """Started by the first who comes, ended by the last who goes."""
        with self._alone():
            users = self._told()["users"] if self._record.exists() else 0
            if not users:
                self._start({"users": 0} | dict(zip(PORTS, _free_ports(), strict=True)))
            self._change_users(1)
        try:
            yield self
        finally:
            with self._alone():
                self._change_users(-1)
                if not self._told()["users"]:
                    self._kill()

    @contextlib.contextmanager
    def _alone(self):
        with (self.folder / "start.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _change_users(self, by):
        told = self._told()
        told["users"] += by
        self._tell(told)

    def _start(self, told):
        (self.folder / "etcd.yaml").write_text(ETCD.format(**told))
        options = [text for name in PORTS[:-2] for text in (f"--{name}-port", str(told[name]))]
        self._run(told, [sys.executable, "-c", "from milvus import main; main()", "--data", str(self.folder / "data"),
                         "--extra-config", f"proxy.timeTickInterval={TICK}",
                         "--extra-config", f"common.session.ttl={SESSION}", *options])  # fmt: skip

    def _start_again(self, told):
        """The program itself: the wheel's command takes another port where one was in use a minute ago."""
        program = self.folder / "data" / "bin" / "milvus"
        self._run(told, [str(program), "run", "standalone"], DEPLOY_MODE="STANDALONE",
                  METRICS_PORT=str(told["metrics"]), MILVUS_RUN_DIR=str(self.folder / "data" / "run"),
                  LD_LIBRARY_PATH=str(program.parent))  # fmt: skip

    def _run(self, told, command, **environment):
        (self.folder / "data").mkdir(exist_ok=True)
        with (self.folder / "log").open("a") as log:
            process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
                cwd=self.folder / "data",
                env=os.environ | {"ETCD_CONFIG_PATH": str(self.folder / "etcd.yaml")} | environment,
            )  # fmt: skip
        self._tell(told | {"process": process.pid})
        self._wait_until_ready(told["proxy"])

    def _wait_until_ready(self, port):
        """Until it lists its collections, and answers about one that is loaded where there is one."""
        from lookalike.errors import StorageError
        from lookalike.gallery.milvus.address import MilvusAddress
        from lookalike.gallery.milvus.server import Server

        until = time.monotonic() + READY_WITHIN
        while True:
            try:
                server = Server(MilvusAddress.parsed(f"milvus://127.0.0.1:{port}/tests"))
                with contextlib.closing(server):
                    for name in server.change("list_collections"):
                        server.change("query", name, filter="serial == 0", output_fields=["serial"], limit=1,
                                      consistency_level="Strong", timeout=2)  # fmt: skip
                return
            except StorageError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.3)

    def _kill(self):
        """End the group of processes that `_start` began, by its number."""
        process = self._told()["process"]
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process, signal.SIGKILL)
        for _ in range(200):
            with contextlib.suppress(ChildProcessError):
                os.waitpid(process, os.WNOHANG)
            try:
                os.killpg(process, 0)
            except ProcessLookupError:
                return
            time.sleep(0.05)


def _free_ports():
    """Ports in a row that nobody listens at."""
    while True:
        first = random.randrange(21_000, 30_000)
        try:
            for port in range(first, first + len(PORTS)):
                with socket.socket() as one:
                    one.bind(("127.0.0.1", port))
        except OSError:
            continue
        return range(first, first + len(PORTS))
