"""What all workers count, and what the store tells, as one page on an address of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from edupulse.school.errors import NotReady
from edupulse.serve.told import Told


class Counts(Collector):
    """The sum over the workers; the gauges of one that is gone no longer count."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._all = MultiProcessCollector(None, path=str(folder))  # type: ignore[no-untyped-call]

    def collect(self) -> Iterator[Metric]:
        """As of now."""
        for process in {int(path.stem.rpartition("_")[2]) for path in self.folder.glob("*.db")}:
            if not _lives(process):
                mark_process_dead(process, str(self.folder))  # type: ignore[no-untyped-call]
        yield from self._all.collect()  # type: ignore[no-untyped-call]


@contextmanager
def shown(host: str, port: int, folder: Path) -> Iterator[int]:
    """Answer on this address, in a thread; gives its port. Raises NotReady where it is taken."""
    registry = CollectorRegistry()
    registry.register(Counts(folder))
    registry.register(Told(folder))
    try:
        server, thread = start_http_server(port, host, registry=registry)
    except OSError as error:
        raise NotReady(
            f"The metrics cannot listen on {host} port {port}: {error.strerror}.",
            "Name another with --metrics-port.",
        ) from None
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _lives(process: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(process, 0)
        return True
    return False
