"""Real services for tests: uvicorn in a thread of this process with a key of each role, and `serve` as a process."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn

from lookalike.client import Client
from lookalike.service import ServiceSettings, create_app
from lookalike.service.api_keys import ROLES, ApiKeys


@dataclass
class RunningService:
    """Where it answers, and with which keys."""

    app: object
    settings: ServiceSettings
    address: str
    keys: dict[str, str] = field(default_factory=dict)

    def client(self, role="admin", **options):
        return Client(self.address, self.keys[role], **{"retries": 0, **options})

    def headers(self, role="admin"):
        return {"Authorization": f"Bearer {self.keys[role]}"}


@contextlib.contextmanager
def running_service(folder, recognizer=None, **settings):
    """Serve until the block ends."""
    chosen = ServiceSettings(
        **{"gallery": str(folder / "people.gallery"), "state": folder / "state", "rate": 0, "port": 0, **settings}
    )
    keys = ApiKeys(chosen.keys_file)
    made = {role: keys.add(role, role)[0] for role in ROLES}
    app = create_app(chosen, recognizer)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=chosen.host,
            port=0,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=10,
        )
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until = time.monotonic() + 60
        while not server.started and thread.is_alive() and time.monotonic() < until:
            time.sleep(0.01)
        assert server.started, "the service did not start"
        port = server.servers[0].sockets[0].getsockname()[1]
        yield RunningService(app, chosen, f"http://127.0.0.1:{port}", made)
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive(), "the service did not end"


LOOKALIKE = Path(sys.executable).with_name("lookalike")


def command(*arguments):
    return [str(LOOKALIKE), "serve", "--port", "0", *map(str, arguments)]


class Serving:
    """A service as a process; what it says is read by a thread."""

    command = LOOKALIKE

    def __init__(self, *arguments, **environment):
        self.process = subprocess.Popen(
            command(*arguments),
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, **environment},
        )
        self.lines = []
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line)

    @property
    def said(self):
        return "".join(self.lines)

    def wait_for(self, pattern, seconds=90):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if found := re.search(pattern, self.said):
                return found[1]
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError(f"{pattern!r} was not said:\n{self.said}")

    @property
    def address(self):
        return self.wait_for(r"(http://127\.0\.0\.1:\d+)")

    @property
    def key(self):
        return self.wait_for(r"(lk-[0-9a-f-]+)")

    def client(self, **options):
        made = Client(self.address, self.key, **options)
        until = time.monotonic() + 60
        while not made.ready():
            assert time.monotonic() < until, self.said
            time.sleep(0.05)
        return made

    def __enter__(self):
        """Once it is ready."""
        try:
            self.client().close()
        except BaseException:
            self.end(signal.SIGKILL)
            raise
        return self

    def __exit__(self, *_):
        """It ends well, and nothing of ours has failed meanwhile."""
        assert self.end() == 0, self.said
        assert "Traceback" not in self.said, self.said

    def end(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            os.killpg(self.process.pid, how)
        code = self.process.wait(60)
        self._thread.join(10)
        return code
