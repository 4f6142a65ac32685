"""Server CPU a request, for a route that does nothing, by protocol and event loop.

    .venv/bin/python benchmarks/protocols.py [--rate 500] [--seconds 8] [--times 3]

Each pair of what is installed serves alone in a process of its own under the same open-loop load,
one after the other, in turns: CPU microseconds a request, the median of the turns.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import itertools
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from arrivals import Question, arrivals, send

PROTOCOLS, LOOPS = ("h11", "httptools"), ("asyncio", "uvloop")
ASKED = Question(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")


async def nothing(scope: dict[str, object], _receive: object, send_: object) -> None:
    """An ASGI app that answers with two bytes."""
    if scope["type"] == "http":
        head = [(b"content-length", b"2")]
        await send_({"type": "http.response.start", "status": 200, "headers": head})  # type: ignore[operator]
        await send_({"type": "http.response.body", "body": b"ok"})  # type: ignore[operator]


@contextmanager
def serving(protocol: str, loop: str) -> Iterator[tuple[int, psutil.Process]]:
    """Its port and its process."""
    command = [sys.executable, "-m", "uvicorn", "protocols:nothing", "--port", "0", "--http",
               protocol, "--loop", loop, "--no-access-log", "--lifespan", "off"]  # fmt: skip
    process = subprocess.Popen(command, cwd=Path(__file__).parent, text=True,
                               stderr=subprocess.PIPE)  # fmt: skip
    assert process.stderr is not None
    line = next(line for line in process.stderr if "running on" in line)
    try:
        yield int(line.split("127.0.0.1:")[1].split()[0]), psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def each(protocol: str, loop: str, rate: float, seconds: float) -> float:
    """CPU microseconds a request."""
    due = arrivals(rate, seconds, seed=1)
    with serving(protocol, loop) as (port, process):
        asyncio.run(send(port, [ASKED] * 50, due[:50]))
        before = sum(process.cpu_times()[:2])
        told = asyncio.run(send(port, [ASKED] * len(due), due))
        used = sum(process.cpu_times()[:2]) - before
    assert told.statuses[200] == len(due)
    return 1e6 * used / len(due)


def main() -> None:
    """Measure."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rate", type=float, default=500.0)
    options.add_argument("--seconds", type=float, default=8.0)
    options.add_argument("--times", type=int, default=3)
    chosen = options.parse_args()
    pairs = [
        pair for pair in itertools.product(PROTOCOLS, LOOPS)
        if all(name == "asyncio" or importlib.util.find_spec(name) for name in pair)
    ]  # fmt: skip
    turns = [
        {pair: each(*pair, chosen.rate, chosen.seconds) for pair in pairs}
        for _ in range(chosen.times)
    ]
    print(f"CPU µs a request at {chosen.rate:.0f}/s; load {os.getloadavg()[0]:.1f}")
    for pair in pairs:
        took = [turn[pair] for turn in turns]
        print(f"{' on '.join(pair):24} {statistics.median(took):6.0f}"
              f"  ({min(took):.0f} to {max(took):.0f})")  # fmt: skip


if __name__ == "__main__":
    main()
