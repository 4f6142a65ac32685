"""What the reading routes take, and what of it the disclosures cost: one entry a student shown.

Run: python benchmarks/reading_routes.py (a simulated district of 1,500 students, two years; the
app in this process, without a network). `written` is the median of the same pages' entries alone.
"""

from __future__ import annotations

import os
import tempfile
from datetime import timedelta
from pathlib import Path

import psycopg
from starlette.testclient import TestClient

from access_latency import AT, STAFF, TIMES, filled, median
from edupulse.api.app import PREFIX, create_app
from edupulse.casework.access import Part, Viewer
from edupulse.casework.disclosures import Asking, disclose
from edupulse.pipeline.scoring import score
from edupulse.store import embedded, tokens
from edupulse.store.people import staff_key
from edupulse.store.settings import edupulse_home
from edupulse.store.store import Store, open_store
from edupulse.store.tokens import SCOPES, Wanted

VIEWERS = {"district admin": "D001", **STAFF}
ROUTES = ("students?limit=100", "students?limit=500", "caseload?limit=500", "worklist?capacity=20")
OF_ONE = ("", "/features", "/timeline")


def headers_of(store: Store, staff: str) -> dict[str, str]:
    with store.writing() as connection:
        wanted = Wanted("benchmark", SCOPES, timedelta(days=1), staff_key(connection, staff))
        return {"Authorization": f"Bearer {tokens.create(connection, wanted, now=AT, by='b')[1]}"}


def measured(client: TestClient, store: Store, what: str, staff: str) -> None:
    headers = headers_of(store, staff)

    def ask(path: str) -> dict:
        answer = client.get(f"{PREFIX}/{path}", headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def written(students: list[int]) -> float:
        asking = Asking(Viewer("benchmark"), AT, "a benchmark")
        return median(lambda: disclose(store, asking, students, [Part.FACTS]))

    for path in ROUTES:
        shown = [store.resolve_student(one["student_id"]) for one in ask(path)["items"]]
        cost = written(shown)
        took = median(lambda path=path: ask(path))
        print(f"{what:14} {path:24} {len(shown):>6} {took:9.0f} {cost:9.0f}")
    one = ask("students?limit=1")["items"][0]["student_id"]
    for path in OF_ONE:
        took = median(lambda path=path: ask(f"students/{one}{path}"))
        print(f"{what:14} {'students/{id}' + path:24} {1:>6} {took:9.0f}")


def main() -> None:
    url = embedded.ensure_running(edupulse_home())
    own = url.replace("/edupulse?", "/reading_benchmark?")
    with psycopg.connect(url, autocommit=True) as server:
        server.execute("DROP DATABASE IF EXISTS reading_benchmark")
        server.execute("CREATE DATABASE reading_benchmark")
    with open_store(own) as store, tempfile.TemporaryDirectory() as folder:
        filled(store, Path(folder))
        score(store, AT)
        with store.writing() as connection:
            connection.execute("ANALYZE")
    with TestClient(create_app(lambda: open_store(own), lambda: AT)) as client:
        print(f"load {os.getloadavg()[0]:.1f}; medians of {TIMES}, milliseconds")
        print(f"{'viewer':14} {'route':24} {'shown':>6} {'took':>9} {'written':>9}")
        for what, staff in VIEWERS.items():
            measured(client, client.app.state.store, what, staff)
    with psycopg.connect(url, autocommit=True) as server:
        server.execute("DROP DATABASE reading_benchmark")


if __name__ == "__main__":
    main()
