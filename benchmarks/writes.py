"""What writing over HTTP takes: pushes, keys, announcements, and telling a webhook.

Run: python benchmarks/writes.py (a simulated district of 1,500 students; the app in this process,
without a network; a receiver on this machine). Medians, and what each is compared with.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import polars as pl
import psycopg
from starlette.testclient import TestClient

from access_latency import AT, filled
from edupulse.api.app import PREFIX, create_app
from edupulse.pipeline.delivering import deliver
from edupulse.pipeline.intake import intake
from edupulse.pipeline.targets import TargetSettings
from edupulse.school.records import SIMULATED_MARKER
from edupulse.sources.csv_folder import csv_folder
from edupulse.store import embedded, tokens, webhooks
from edupulse.store.risks import StoredRisk, save_risks
from edupulse.store.settings import edupulse_home
from edupulse.store.store import Store, open_store
from edupulse.store.tokens import WRITE_RECORDS, Wanted

TIMES, ROWS, STUDENTS = 5, 10_000, 1000
HERE = TargetSettings(EDUPULSE_WEBHOOK_NETWORKS="127.0.0.1/32")


def seconds(work: Callable[[int], object], times: Iterable[int]) -> float:
    found = []
    for number in times:
        begin = time.perf_counter()
        work(number)
        found.append(time.perf_counter() - begin)
    return statistics.median(found)


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


def pushes(client: TestClient, store: Store, headers: dict[str, str], home: Path) -> None:
    with store.writing() as connection:
        students = [r[0] for r in connection.execute("SELECT local_id FROM identity.student")]
        section = connection.execute("SELECT local_id FROM identity.section LIMIT 1").fetchone()[0]

    def marks(number: int, how: str) -> pl.DataFrame:
        rows = range(ROWS)
        return pl.DataFrame({
            "student_id": [students[n % len(students)] for n in rows], "section_id": section,
            "assignment_id": [f"{how}{number}-{n}" for n in rows], "due_on": "2025-02-10",
            "points": [str(n % 11) for n in rows], "points_possible": "10",
        })  # fmt: skip

    def pushed(number: int) -> None:
        body = {"records": marks(number, "p").to_dicts()}
        answer = client.post(f"{PREFIX}/records/marks", json=body, headers=headers)
        assert answer.json()["new"] == ROWS, answer.text

    def imported(number: int) -> None:
        folder = home / f"csv{number}"
        folder.mkdir()
        (folder / SIMULATED_MARKER).touch()
        marks(number, "c").write_csv(folder / "marks.csv")
        report = intake(store, csv_folder(folder), now=AT, home=home)
        assert report.files[0].new == ROWS

    by_push, by_file = seconds(pushed, range(TIMES)), seconds(imported, range(TIMES))
    print(f"a push of {ROWS:,} marks {by_push:.2f} s; the same as a file {by_file:.2f} s")


def one_record(client: TestClient, store: Store, headers: dict[str, str]) -> None:
    """Of a student of this district, and of one that is seventy times as large."""
    with store.writing() as connection:
        rows = connection.execute("SELECT local_id FROM identity.student ORDER BY 1 LIMIT 60")
        students = [row[0] for row in rows]

    def pushed(number: int) -> None:
        record = {"student_id": students[number], "date": "2025-02-12", "status": "unexcused"}
        answer = client.post(
            f"{PREFIX}/records/attendance", json={"records": [record]}, headers=headers
        )
        assert answer.json()["read"] == 1, answer.text

    alone = seconds(pushed, range(30))
    with store.writing() as connection:
        connection.execute(STRANGERS)
    beside = seconds(pushed, range(30, 60))
    print(f"a push of one absence {1000 * alone:.1f} ms;"
          f" beside 100,000 more students {1000 * beside:.1f} ms")  # fmt: skip


STRANGERS = """
    WITH made AS (
        INSERT INTO identity.student (local_id, student_id)
        SELECT 'stranger ' || n, gen_random_uuid() FROM generate_series(1, 100000) n
        RETURNING student
    )
    INSERT INTO records.enrollments (student, school, entered_on, grade_level, left_on, exit_type,
        "primary", known_from, retracted, hash)
    SELECT made.student, school, entered_on, grade_level, left_on, exit_type, "primary", known_from,
        retracted, hash
    FROM made, (SELECT * FROM records.enrollments LIMIT 1) one
"""


def keys(client: TestClient, headers: dict[str, str]) -> None:
    body = {"records": [{"school_id": "nobody", "date": "2025-01-01", "instructional": "true"}]}

    def post(key: str | None) -> None:
        more = {"Idempotency-Key": key} if key else {}
        answer = client.post(f"{PREFIX}/records/calendar", json=body, headers=headers | more)
        assert answer.status_code == 200, answer.text

    kept = str(uuid.uuid4())
    post(kept)
    ways = {"a small push": lambda: None, "with a key": lambda: str(uuid.uuid4()),
            "told again": lambda: kept}  # fmt: skip
    took: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(30):  # in turns, since the machine is not ours alone
        for way, key in ways.items():
            took[way].append(seconds(lambda _, key=key: post(key()), [number]))
    told = (f"{way} {1000 * statistics.median(found):.1f} ms" for way, found in took.items())
    print("; ".join(told))


def announcements(store: Store, address: str) -> None:
    with store.writing() as connection:
        rows = connection.execute("SELECT student FROM identity.student ORDER BY 1 LIMIT %s",
                                  [STUDENTS]).fetchall()  # fmt: skip

    def said(day: int, band: str = "") -> None:
        body = {"risk_category": band or ("high" if day % 2 else "low")}
        risks = (StoredRisk(s, AT + timedelta(days=day), "gru", "1", "band", "c", 0.5, body=body)
                 for (s,) in rows)  # fmt: skip
        with store.writing() as connection:
            save_risks(connection, risks)

    def announcing(how: str) -> None:
        with store.writing() as connection:
            connection.execute(f"ALTER TABLE state.risks {how} TRIGGER announced")

    announcing("DISABLE")
    said(0)
    stored = seconds(said, range(1, 1 + TIMES))
    announcing("ENABLE")
    still = seconds(lambda day: said(day, "high"), range(101, 101 + TIMES))
    moved = seconds(said, range(202, 202 + TIMES))
    print(f"{STUDENTS:,} scores stored, announcing nothing {1000 * stored:.0f} ms; no band changed"
          f" {1000 * still:.0f} ms; every band changed {1000 * moved:.0f} ms")  # fmt: skip
    with store.writing() as connection:
        webhooks.add(connection, uuid.uuid4(), address, webhooks.EVENTS, by="b", now=AT)
    same = seconds(lambda day: said(day, "high"), range(301, 301 + TIMES))
    changed = seconds(said, range(402, 402 + TIMES))
    print(f"with a webhook: no band changed {1000 * same:.0f} ms; every band changed"
          f" {1000 * changed:.0f} ms")  # fmt: skip
    begin, told = time.perf_counter(), 0
    while tried := deliver(store, lambda: datetime.now(UTC), HERE):
        told += tried
    print(f"{told / (time.perf_counter() - begin):.0f} events a second told to one webhook")


def main() -> None:
    url = embedded.ensure_running(edupulse_home())
    own = url.replace("/edupulse?", "/writes_benchmark?")
    with psycopg.connect(url, autocommit=True) as server:
        server.execute("DROP DATABASE IF EXISTS writes_benchmark")
        server.execute("CREATE DATABASE writes_benchmark")
    receiver = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    with (
        TestClient(create_app(lambda: open_store(own), lambda: AT)) as client,
        tempfile.TemporaryDirectory() as folder,
    ):
        store: Store = client.app.state.store
        filled(store, Path(folder))
        with store.writing() as connection:
            wanted = Wanted("benchmark", (WRITE_RECORDS,), timedelta(days=1))
            secret = tokens.create(connection, wanted, now=AT, by="b")[1]
            connection.execute("ANALYZE")
        headers = {"Authorization": f"Bearer {secret}"}
        print(f"load {os.getloadavg()[0]:.1f}; medians of {TIMES}, of small pushes of 30")
        pushes(client, store, headers, Path(folder))
        keys(client, headers)
        announcements(store, f"http://127.0.0.1:{receiver.server_port}/")
        one_record(client, store, headers)
    receiver.shutdown()
    with psycopg.connect(url, autocommit=True) as server:
        server.execute("DROP DATABASE writes_benchmark")


if __name__ == "__main__":
    main()
