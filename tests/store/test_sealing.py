"""Names and contacts at rest: in no file of the database, in no dump, and yet read and compared."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import psycopg
import pytest
from psycopg.sql import SQL, Identifier, Placeholder

from edupulse.pipeline.intake import intake
from edupulse.school.errors import NotReady, Refused
from edupulse.school.kind import Kind
from edupulse.school.records import ALWAYS, GUARDIANS, STAFF, STUDENTS
from edupulse.sources.csv_folder import csv_folder
from edupulse.store import connection, embedded, held, people, schema
from edupulse.store.content import content_hash
from edupulse.store.rows import row_values
from edupulse.store.settings import edupulse_home
from edupulse.store.store import Store, open_store
from edupulse.store.tables import metadata, schema_of

SECRET = re.compile(rb"zq[a-z0-9]+xw")
"""What every name and contact below looks like, and nothing else."""
NEVER_PLAIN = re.compile(rb"qj[a-z0-9]+xw")
"""The same, of names that no test of this server ever wrote as text."""

FILES = {
    "schools": "school_id,name\nN,North\n",
    "students": "student_id,first_name,last_name,birth_date\n"
    "1,ZqAdaXw,ZqLaceXw,2010-01-01\n2,ZqBenXw,,\n3,,,\n",
    "guardians": "student_id,guardian_id,name,email,phone\n"
    "1,g1,ZqZoeXw,ZqZoeXw@home.example,Zq5550101Xw\n",
    "staff": "staff_id,name,email,login,role,school_id\n"
    "t1,ZqAnnXw,ZqAnnXw@school.example,ZqLogXw,teacher,N\n",
}
CORRECTED = {
    "students": "student_id,first_name,last_name,birth_date\n1,ZqAdaXw,ZqLoveXw,2010-01-01\n",
    "guardians": "student_id,guardian_id,name,email,phone\n"
    "1,g1,ZqZoeXw,ZqNewXw@home.example,Zq5550101Xw\n",
    "staff": "staff_id,name,email,login,role,school_id\n"
    "t1,ZqAnnXw,ZqAnnXw@school.example,ZqNewXw,teacher,N\n",
}


Counts = dict[str, tuple[int, int, int]]
Take = Callable[..., Counts]


@pytest.fixture
def url(empty_database: Callable[[], str]) -> str:
    return empty_database()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with open_store(url) as opened:
        yield opened


@pytest.fixture
def take(tmp_path: Path) -> Take:
    """Imports files; returns how many records of each kind were new, revised and retracted."""

    def imported(
        store: Store, files: dict[str, str], day: int = 1, *, snapshot: bool = False
    ) -> Counts:
        folder = tmp_path / f"day_{day}"
        folder.mkdir()
        for name, content in files.items():
            (folder / f"{name}.csv").write_text(content)
        now = datetime(2026, 1, day, 12, tzinfo=UTC)
        report = intake(store, csv_folder(folder), now=now, snapshot=snapshot, home=tmp_path)
        return {one.kind: (one.new, one.revised, one.retracted) for one in report.files}

    return imported


def dumped(url: str) -> bytes:
    """Every row of every table, and what is written there as bytes also as the text it may be."""
    found = b""
    with psycopg.connect(url) as opened:
        for table in metadata.sorted_tables:
            query = SQL("COPY {} TO STDOUT").format(Identifier(str(table.schema), table.name))
            with opened.cursor() as cursor, cursor.copy(query) as rows:
                found += b"".join(bytes(piece) for piece in rows)
    octets = re.findall(rb"x([0-9a-f]{8,})", found)
    return found + b"\n".join(bytes.fromhex(text.decode()) for text in octets)


def files_with(secret: re.Pattern[bytes], url: str, *, logs: bool = True) -> list[str]:
    """The server's files, but those of other databases, in which a secret stands as text.

    `logs`: those outside of any database too, the write-ahead log among them.
    """
    with psycopg.connect(url, autocommit=True) as opened:
        opened.execute("CHECKPOINT")
        row = opened.execute("SELECT oid FROM pg_database WHERE datname = current_database()")
        own = f"base/{(row.fetchone() or ())[0]}/"
    data = embedded.place_of(edupulse_home()) / "data"
    files = {str(path.relative_to(data)): path for path in data.rglob("*") if path.is_file()}
    wanted = [
        path
        for name, path in files.items()
        if name.startswith(own) or (logs and not name.startswith("base/"))
    ]
    assert len(wanted) > 100
    return [str(path) for path in wanted if secret.search(content(path).lower())]


def content(path: Path) -> bytes:
    """Nothing of a file that the server removed meanwhile, as it does with its own cache."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def names(store: Store) -> list[tuple[str | None, ...]]:
    frame = store.student_names([1, 2, 3])
    return frame.select("first_name", "last_name").rows()


def test_no_name_stands_in_a_dump_or_in_a_file_of_the_server(store: Store, url: str, take: Take):
    take(store, {name: rows.replace("Zq", "Qj") for name, rows in FILES.items()})
    take(store, {name: rows.replace("Zq", "Qj") for name, rows in CORRECTED.items()}, 2)
    with psycopg.connect(url) as opened:
        for table in ("records.students_past", "apart.guardians_past", "records.staff_past"):
            schema_name, name = table.split(".")
            count = SQL("SELECT count(*) FROM {}").format(Identifier(schema_name, name))
            assert opened.execute(count).fetchone() == (1,), table
    assert names(store) == [("QjAdaXw", "QjLoveXw"), ("QjBenXw", None), (None, None)]
    assert not NEVER_PLAIN.findall(dumped(url).lower())
    assert not files_with(NEVER_PLAIN, url)


def test_the_search_would_find_a_name(store: Store, url: str):
    with store.writing() as opened:
        opened.execute("INSERT INTO identity.school (local_id) VALUES ('ZqPlainXw')")
    assert SECRET.findall(dumped(url).lower()) == [b"zqplainxw"]
    assert files_with(SECRET, url, logs=False)


def test_the_same_rows_again_are_no_news_though_they_are_sealed_anew(store: Store, take: Take):
    take(store, FILES)
    assert set(take(store, FILES, 2, snapshot=True).values()) == {(0, 0, 0)}


def test_a_snapshot_reads_guardians_back_before_it_retracts_them(store: Store, take: Take):
    take(store, FILES)
    without = {**FILES, "guardians": "student_id,guardian_id,name\n1,g9,Zoe\n"}
    assert take(store, without, 2, snapshot=True)["guardians"] == (1, 0, 1)
    with store.writing() as opened:
        there = held.current(opened, GUARDIANS).select("guardian_id", "name", "email").rows()
        assert people.guardian_by_email(opened, "zqzoexw@home.example") is None
    assert there == [("g9", "Zoe", None)]


def test_two_with_one_name_do_not_look_alike(store: Store, url: str, take: Take):
    same = "student_id,first_name,last_name\n1,Ada,Lace\n2,Ada,Lace\n"
    take(store, {**FILES, "students": same})
    with psycopg.connect(url) as opened:
        rows = opened.execute("SELECT first_name, last_name, hash FROM records.students").fetchall()
    assert not set(rows[0]) & set(rows[1])


def test_a_name_that_was_moved_to_another_student_is_an_error_and_no_name(
    store: Store, url: str, take: Take
):
    take(store, FILES)
    with psycopg.connect(url) as opened:
        opened.execute(
            "UPDATE records.students SET first_name ="
            " (SELECT first_name FROM records.students WHERE student = 2) WHERE student = 1"
        )
    with pytest.raises(NotReady, match="changed or moved"):
        store.student_names([1])


def test_without_the_right_key_there_is_an_error_and_nothing_is_written(
    store: Store, take: Take, monkeypatch: pytest.MonkeyPatch
):
    take(store, FILES)
    with monkeypatch.context() as wrong:
        wrong.setenv("EDUPULSE_KEYS", base64.b64encode(b"z" * 32).decode())
        with pytest.raises(NotReady, match="that key is not here"):
            store.student_names([1])
        with pytest.raises(NotReady, match="that key is not here"):
            take(store, CORRECTED, 2)
    assert names(store)[0] == ("ZqAdaXw", "ZqLaceXw")


def write_plain(opened: psycopg.Connection) -> None:
    """What an import of FILES left behind before names were sealed, and one version of the past."""
    opened.execute(
        "INSERT INTO identity.student (local_id, student_id)"
        " SELECT n, gen_random_uuid() FROM unnest(ARRAY['1', '2', '3']) n;"
        "INSERT INTO identity.school (local_id) VALUES ('N');"
        "INSERT INTO identity.staff (local_id) VALUES ('t1')"
    )
    for kind, rows in PLAIN.items():
        frame = pl.DataFrame(rows, schema=kind.schema, orient="row")
        hashes = content_hash(kind, frame.with_columns(retracted=pl.lit(False)))
        where = Identifier(schema_of(kind), kind.name)
        for row, number in zip(frame.select(row_values(kind)).to_dicts(), hashes, strict=True):
            columns = SQL(", ").join(Identifier(name) for name in row)
            opened.execute(
                SQL("INSERT INTO {} ({}, known_from, retracted, hash) VALUES ({})").format(
                    where, columns, SQL(", ").join([Placeholder()] * (len(row) + 3))
                ),
                [*row.values(), ALWAYS, False, number],
            )
    opened.execute("INSERT INTO records.students_past SELECT *, now() FROM records.students")


PLAIN: dict[Kind, list[tuple[object, ...]]] = {
    STUDENTS: [
        (1, "ZqAdaXw", "ZqLaceXw", date(2010, 1, 1)),
        (2, "ZqBenXw", None, None),
        (3, None, None, None),
    ],
    GUARDIANS: [
        (1, "g1", "ZqZoeXw", "ZqZoeXw@home.example", "Zq5550101Xw", None, None, False),
    ],
    STAFF: [(1, "ZqAnnXw", "ZqAnnXw@school.example", "ZqLogXw", "teacher", 1)],
}


def test_plain_rows_of_before_are_sealed_where_they_are(url: str, take: Take):
    engine = connection.engine(url)
    schema.downgrade(engine, "0008")
    with psycopg.connect(url) as opened:
        write_plain(opened)
    schema.migrate(engine)
    engine.dispose()
    with open_store(url) as store:
        assert names(store) == [("ZqAdaXw", "ZqLaceXw"), ("ZqBenXw", None), (None, None)]
        with store.writing() as opened:
            assert people.staff_by_login(opened, "zqlogxw") == 1
            assert people.guardian_by_email(opened, "zqzoexw@home.example") == "g1"
        assert not SECRET.findall(dumped(url).lower())
        assert not files_with(SECRET, url, logs=False)
        # Hashed as an import hashes them now, so that the same rows are no news.
        again = take(store, FILES)
        assert {kind: again[kind] for kind in ("students", "guardians", "staff")} == {
            "students": (0, 0, 0),
            "guardians": (0, 0, 0),
            "staff": (0, 0, 0),
        }
        with pytest.raises(Refused):
            schema.downgrade(store.engine, "0008")
