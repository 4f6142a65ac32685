"""The parent: listens, starts workers and keeps them, and tells Prometheus what they count.

SIGTERM ends every worker when its requests have ended; SIGHUP replaces one after the other, the new
one first. A worker that dies is replaced.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from edupulse.school.errors import EduPulseError, NotReady
from edupulse.serve.settings import COUNTED_IN, ServeSettings, serve_settings
from edupulse.store.settings import Settings

LEAN = {
    "POLARS_MAX_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": str(1024 * 1024),
}
"""For a worker and the imports and trainings that it starts, unless the environment says otherwise.

Questions are small, and the workers share the processors: more threads would make each of them
slower, and more pools of memory keep what was used once, as one pool does with what is large; from
1 MB on it goes back to the system at once (decision 38).
"""


def main() -> int:
    """Run the service until it is told to stop; the exit status."""
    for name, value in LEAN.items():
        os.environ.setdefault(name, value)
    try:
        with tempfile.TemporaryDirectory(prefix="edupulse-counts-") as folder:
            os.environ[COUNTED_IN] = folder
            run(serve_settings(), Path(folder))
    except EduPulseError as error:
        print(f"Error: {error.problem}\nWhat to do: {error.to_do}", file=sys.stderr)
        return 2
    return 0


def run(settings: ServeSettings, folder: Path) -> None:
    """Serve until SIGTERM or SIGINT. Raises BadInput, NotReady for what a person must correct."""
    from uvicorn.config import STARTUP_FAILURE

    from edupulse.serve.configuration import Configuration
    from edupulse.serve.counts import shown
    from edupulse.serve.workers import Workers

    with ExitStack() as held:
        listener = held.enter_context(listening(settings.host, settings.port))
        metrics = held.enter_context(shown(settings.metrics_host, settings.metrics_port, folder))
        _hold_embedded()
        _prepare()
        workers = Workers(Configuration(settings), [listener])
        _greet(listener, f"http://{settings.metrics_host}:{metrics}/metrics")
        workers.run()
        if any(one.exitcode == STARTUP_FAILURE for one in workers.processes):
            raise NotReady("A worker could not start.", "The log above says why.")


def _hold_embedded() -> None:
    """The embedded server lives as long as a process that uses it; workers come and go."""
    where = Settings()
    if where.database_url is None:
        from edupulse.store import embedded

        embedded.ensure_running(where.home)


def _prepare() -> None:
    """In a process that ends, and that is ended where the service is told to stop meanwhile."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    done = subprocess.run([sys.executable, "-P", "-m", "edupulse.serve.preparing"], check=False)
    if done.returncode:
        raise NotReady("The service could not be prepared.", "What stands above says why.")


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """The socket that all workers take from. Raises NotReady where the address is taken."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        made = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise NotReady(
            f"Nothing can listen on {host} port {port}: {error.strerror}.",
            "Name another with --host and --port, or end what listens there.",
        ) from None
    with made:
        # Connections inherit it, and asyncio would not see to it where a socket names no protocol:
        # the body of an answer would wait 40 ms for the client to confirm its head.
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield made


def _greet(listener: socket.socket, metrics: str) -> None:
    host, port = listener.getsockname()[:2]
    here = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    print(
        f"EduPulse serves on {here}; what it can do: {here}/api/v1/docs; metrics: {metrics}\n"
        "A token to ask with: edupulse tokens create NAME --scope students:read --staff STAFF_ID",
        file=sys.stderr,
        flush=True,
    )
