"""A real service for tests: uvicorn in a thread of this process, on a free port, with a key of each role."""

import contextlib
import threading
import time
from dataclasses import dataclass, field

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
