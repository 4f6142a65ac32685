"""What the store tells at a scrape: a worker, who has it open, says it to the parent, who has none.

By a socket in the folder where the workers count, which nobody but this user may enter.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

PATIENCE = 9.0
"""Seconds for a worker to say something; Prometheus waits ten for all."""

_ENDING = ".told"
_PIECE = 65536


@asynccontextmanager
async def telling(page: Callable[[], bytes], folder: Path) -> AsyncIterator[None]:
    """Meanwhile say the page, which is made in a thread, to whoever connects."""

    async def tell(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            writer.write(await asyncio.to_thread(page))
            await writer.drain()
        writer.close()

    place = folder / f"{os.getpid()}{_ENDING}"
    server = await asyncio.start_unix_server(tell, place)
    try:
        yield
    finally:
        server.close()
        place.unlink(missing_ok=True)


class Told(Collector):
    """The page of a worker that answers; without one there is only `edupulse_up 0`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def collect(self) -> Iterator[Metric]:
        """As of now."""
        for place in sorted(self.folder.glob(f"*{_ENDING}")):
            if said := heard(place):
                yield from text_string_to_metric_families(said)
                return
        yield GaugeMetricFamily("edupulse_up", "1 where the database answers.", 0.0)


def heard(place: Path) -> str:
    """All that is said there; nothing where nobody is, or where that takes too long."""
    said = b""
    with socket.socket(socket.AF_UNIX) as asking, suppress(OSError):
        asking.settimeout(PATIENCE)
        asking.connect(str(place))
        while piece := asking.recv(_PIECE):
            said += piece
        return said.decode()
    return ""
