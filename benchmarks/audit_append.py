"""What the audit log costs: an entry a transaction, many in one, several writers, and to verify it.

Beside it the same number of bare inserts. Run: python benchmarks/audit_append.py
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable

import psycopg

from edupulse.store import embedded
from edupulse.store.audit import Entry, What, append, verify, written
from edupulse.store.settings import edupulse_home
from edupulse.store.store import Store, open_store

ONE_BY_ONE, TOGETHER, WRITERS = 500, 10_000, 4
ENTRY = Entry(What.DISCLOSED, "benchmark", "benchmark", uuid.UUID(int=1), {"parts": ["facts"]})


def rate(what: str, count: int, work: Callable[[], object]) -> None:
    begin = time.perf_counter()
    work()
    seconds = time.perf_counter() - begin
    print(f"{what:52} {count / seconds:10,.0f} a second  {1000 * seconds / count:8.3f} ms each")


def one_by_one(store: Store, count: int) -> None:
    for _ in range(count):
        with store.writing() as connection:
            append(connection, [ENTRY])


def bare(store: Store, count: int) -> None:
    for n in range(count):
        with store.writing() as connection:
            connection.execute("INSERT INTO bare VALUES (%s, now(), 'benchmark')", [n])


def together(store: Store, count: int) -> None:
    with store.writing() as connection:
        append(connection, [ENTRY] * count)


def side_by_side(store: Store, count: int) -> None:
    threads = [
        threading.Thread(target=one_by_one, args=[store, count // WRITERS]) for _ in range(WRITERS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def verified(store: Store) -> None:
    with store.writing() as connection:
        if not verify(written(connection)).whole:
            raise SystemExit("the log of the benchmark does not hold")


def main() -> None:
    url = embedded.ensure_running(edupulse_home())
    with psycopg.connect(url, autocommit=True) as server:
        server.execute("DROP DATABASE IF EXISTS audit_benchmark")
        server.execute("CREATE DATABASE audit_benchmark")
    with open_store(url.replace("/edupulse?", "/audit_benchmark?")) as store:
        with store.writing() as connection:
            connection.execute("CREATE TABLE bare (n bigint, at timestamptz, what text)")
        rate("bare inserts, a transaction each", ONE_BY_ONE, lambda: bare(store, ONE_BY_ONE))
        rate("entries, a transaction each", ONE_BY_ONE, lambda: one_by_one(store, ONE_BY_ONE))
        rate(f"the same by {WRITERS} writers", ONE_BY_ONE, lambda: side_by_side(store, ONE_BY_ONE))
        rate("entries in one transaction", TOGETHER, lambda: together(store, TOGETHER))
        total = 2 * ONE_BY_ONE + TOGETHER
        rate("verified", total, lambda: verified(store))
    with psycopg.connect(url, autocommit=True) as server:
        server.execute("DROP DATABASE audit_benchmark")


if __name__ == "__main__":
    main()
