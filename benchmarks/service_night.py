"""A night from a OneRoster service: how many questions, how long, and how it grows.

    .venv/bin/python benchmarks/service_night.py [--students 2800 8400]

Each size is a simulated district of one school year behind a real HTTP service on this machine, in
a process of its own. It is synced whole as it was on a Friday night in May (of results those of the
last four weeks), then on the Monday night after: what was due on Thursday and Friday is new then,
with its line items, and one in 200 line items of the four weeks is due on another day. Told of that
night: the questions, and how many there would be if each new line item were asked for; CPU seconds
of this process and of the embedded server; and, beside it, a bare fetch of the same answers, parsed
as JSON and no more.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import Pipe, Process
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import polars as pl
import urllib3

from district import MONDAY, NIGHT, SATURDAY, THURSDAY, alone, stopwatch, told
from edupulse.pipeline.syncing import Configured, Sync, sync
from edupulse.simulator import DistrictPlan, simulate
from edupulse.store import embedded
from edupulse.store.store import open_store
from edupulse.store.syncs import kept

HISTORY = (datetime.fromisoformat(THURSDAY) - timedelta(days=28)).date().isoformat()
ONE_IN = 200
BASE = "ims/oneroster/v1p1"
LISTS = ("grades", "subjects", "subjectCodes")
Tables = dict[str, pl.DataFrame]


def main() -> None:
    """Measure each size."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--students", type=int, nargs="+", default=[2800, 8400])
    for students in options.parse_args().students:
        with tempfile.TemporaryDirectory() as scratch:
            os.environ["EDUPULSE_HOME"] = str(Path(scratch) / "home")
            folder = Path(scratch) / "district"
            plan = DistrictPlan(students=students, years=1, truth_pairs=0, missingness=0)
            alone(simulate_oneroster, plan, folder)
            told(f"\n{students:,} students")
            try:
                alone(measure, folder)
            finally:
                embedded.remove(Path(scratch) / "home")


def simulate_oneroster(plan: DistrictPlan, folder: Path) -> None:
    """The district's files."""
    simulate(plan, folder, form="oneroster")


def measure(folder: Path) -> None:
    """Friday's whole reading, Monday's night, and Monday's answers once more."""
    os.environ |= {"SIS_KEY": "key", "SIS_SECRET": "secret"}
    mapping = folder / "mapping.toml"
    with serving(folder) as (address, service), open_store() as store:
        source = Configured.model_validate(
            {
                "from": "oneroster",
                "place": address + BASE,
                "key": "SIS_KEY",
                "secret": "SIS_SECRET",
                "mapping": mapping if mapping.exists() else None,
            }
        )
        for name, night in (("Friday, whole", False), ("Monday", True)):
            service.send(night)
            about = service.recv()
            with stopwatch(name) as watch:
                done = sync(store, "sis", source, now=NIGHT if night else NIGHT - timedelta(days=3))
                watch.rows = sum(file.read for file in done.report.files)
            service.send("asked")
            asked = service.recv()
            told(f"  {about}; {len(asked):,} questions, whole: {done.was_whole}")
            with store.writing() as connection:
                told(f"  kept: {len(kept(connection, 'sis') or b''):,} bytes")
            tell_kinds(done)
        bare_fetch(address, asked)


def tell_kinds(done: Sync) -> None:
    """What a sync did."""
    for file in done.report.files:
        if file.new or file.revised:
            told(
                f"  {file.kind:16} {file.read:11,} read {file.new:9,} new {file.revised:7,} further"
            )


def bare_fetch(address: str, asked: list[str]) -> None:
    """The same answers, parsed and dropped."""
    pool, begun, ours = urllib3.PoolManager(), time.perf_counter(), time.process_time()
    size = 0
    for path in asked:
        answer = pool.request("GET", address + path.removeprefix("/"))
        size += len(answer.data)
        json.loads(answer.data)
    took, ours = time.perf_counter() - begun, time.process_time() - ours
    told(f"bare fetch of the same: {size / 2**20:,.1f} MiB, {took:.1f} s, CPU {ours:.1f} s")


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, Connection]]:
    """The service in a process of its own: its address, and a line to it."""
    here, there = Pipe()
    process = Process(target=serve, args=(folder, there), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{here.recv()}/", here
    finally:
        process.terminate()
        process.join()


def serve(folder: Path, line: Connection) -> None:
    """Answer questions, as of the night that the line says."""
    whole = {path.stem: pl.read_csv(path, infer_schema=False) for path in folder.glob("*.csv")}
    handler = type("Handler", (_Handler,), {"asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    line.send(server.server_port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    while True:
        said = line.recv()
        if said == "asked":
            line.send(list(handler.asked))
            handler.asked.clear()
            continue
        handler.tables, about = as_of(whole, is_monday=said)
        handler.clock = NIGHT if said else NIGHT - timedelta(days=3)
        line.send(about)


def as_of(whole: Tables, *, is_monday: bool) -> tuple[Tables, str]:
    """What the service holds on that night, each row with its stamp, and what is new in it."""
    due = pl.col("dueDate")
    items = whole["lineItems"].filter(due < (SATURDAY if is_monday else THURSDAY))
    is_new = (due >= THURSDAY) & pl.lit(is_monday)
    is_recent = due.is_between(pl.lit(HISTORY), pl.lit(THURSDAY), closed="left")
    moved = pl.lit(is_monday) & is_recent & (pl.int_range(pl.len()) % ONE_IN == 0)
    items = items.with_columns(
        dateLastModified=pl.when(is_new | moved)
        .then(pl.lit(f"{MONDAY}T20:00:00.000Z"))
        .otherwise(due + "T20:00:00.000Z"),
        is_new=is_new,
        is_moved=moved,
        dueDate=pl.when(moved).then(pl.lit(THURSDAY)).otherwise(due),
        was_due=due,
    )
    of_item = items.select("was_due", "is_new", lineItemSourcedId="sourcedId")
    results = whole["results"].join(of_item, on="lineItemSourcedId")
    results = results.filter(pl.col("was_due") >= HISTORY).with_columns(
        dateLastModified=pl.when("is_new")
        .then(pl.lit(f"{MONDAY}T20:00:00.000Z"))
        .otherwise(pl.col("was_due") + "T20:00:00.000Z")
    )
    about = (
        f"{items.height:,} line items, {items['is_new'].sum():,} of them new,"
        f" {items['is_moved'].sum():,} moved; {results['is_new'].sum():,} new results"
    )
    left = {name: frame for name, frame in whole.items() if name != "attendance"}
    stamp = pl.lit("2023-08-01T00:00:00.000Z")
    held = {name: frame.with_columns(dateLastModified=stamp) for name, frame in left.items()}
    held["lineItems"] = items.drop("is_new", "is_moved", "was_due")
    held["results"] = results.drop("is_new", "was_due")
    return {
        name: frame.sort("sourcedId")
        for name, frame in held.items()
        if "sourcedId" in frame.columns
    }, about


def as_json(row: dict[str, str | None]) -> dict[str, object]:
    """A CSV row as the object that REST has of the same."""
    found: dict[str, object] = {}
    for name, value in row.items():
        if not value:
            continue
        if name.endswith("SourcedIds"):
            found[name.removesuffix("SourcedIds") + "s"] = [
                {"sourcedId": v} for v in value.split(",")
            ]
        elif name.endswith("SourcedId"):
            found[name.removesuffix("SourcedId")] = {"sourcedId": value, "type": "x"}
        else:
            found[name] = value.split(",") if name in LISTS else value
    return found


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    tables: Tables
    clock: datetime
    asked: list[str]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def date_time_string(self, _timestamp: float | None = None) -> str:
        """The clock of the night."""
        return format_datetime(self.clock, usegmt=True)

    def do_GET(self) -> None:
        """One page of a collection."""
        self.asked.append(self.path)
        parts = urlsplit(self.path)
        path = parts.path.removeprefix(f"/{BASE}/")
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        of_item = re.fullmatch(r"classes/[^/]+/lineItems/([^/]+)/results", path)
        name = path.rpartition("/")[2]
        found = self.tables.get(name)
        if found is None:
            self._write(404, b"{}", 0)
            return
        if of_item:
            found = found.filter(pl.col("lineItemSourcedId") == of_item[1])
        if since := re.fullmatch(r"dateLastModified>='(.+)'", query.get("filter", "")):
            found = found.filter(pl.col("dateLastModified").str.head(19) >= since[1][:19])
        page = found.slice(int(query["offset"]), int(query["limit"]))
        body = json.dumps({name: [as_json(row) for row in page.rows(named=True)]}).encode()
        self._write(200, body, found.height)

    def _write(self, status: int, body: bytes, total: int) -> None:
        self.send_response(status)
        self.send_header("X-Total-Count", str(total))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    main()
