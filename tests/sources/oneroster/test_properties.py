"""OneRoster as properties: slicing and order do not matter; no bytes break the reader."""

from __future__ import annotations

import random
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from edupulse.school.errors import BadInput
from edupulse.school.records import KINDS
from edupulse.sources.oneroster.delivery import OneRoster, oneroster_csv
from sources.oneroster.tables import Row, records, small, text_of, write_set

TIMES = [f"2025-{month:02}-01T00:00:00.000Z" for month in range(9, 13)]


def everything(delivery: OneRoster) -> dict[str, list[tuple[object, ...]]]:
    """All records, each once, without where they stood."""
    found = {}
    for kind in KINDS:
        if delivery.has(kind):
            frame = records(delivery, kind).drop("file", "line")
            found[kind.name] = sorted(set(frame.rows()), key=str)
    return found


def versions(chance: random.Random) -> dict[str, list[Row]]:
    """The small district, in which rows of users, classes and enrollments have several versions."""
    tables = small()
    for name, column in (("users", "familyName"), ("classes", "title"), ("enrollments", "endDate")):
        for row in list(tables[name]):
            for when in chance.sample(TIMES, chance.randint(0, 3)):
                value = f"2025-11-{chance.randint(1, 28):02}" if name == "enrollments" else when
                status = chance.choice(["active", "active", "tobedeleted"])
                tables[name].append(
                    {**row, column: value, "dateLastModified": when, "status": status}
                )
    return tables


def read_or_refused(path: Path) -> None:
    """Read all of a set; that it cannot be read is said only with what to do."""
    try:
        everything(oneroster_csv(path))
    except BadInput as refused:
        if not refused.to_do:
            raise


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), sets=st.integers(1, 4))
def test_however_rows_are_cut_into_sets_the_records_are_the_same(seed: int, sets: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - it cuts a district, not a secret
    tables = versions(chance)
    whole = {
        name: [row for row in rows if "dateLastModified" not in row]
        for name, rows in tables.items()
    }
    with TemporaryDirectory() as name:
        one = write_set(Path(name) / "one", tables, mode="bulk")
        cut = Path(name) / "cut"
        write_set(cut / "bulk", whole, mode="bulk")
        for n in range(sets):
            part = {
                table: [
                    row
                    for row in chance.sample(rows, len(rows))
                    if "dateLastModified" in row and (n == 0 or chance.random() < 0.5)
                ]
                for table, rows in tables.items()
            }
            write_set(
                cut / f"delta{n}", {t: rows for t, rows in part.items() if rows}, mode="delta"
            )
        assert everything(oneroster_csv(cut)) == everything(oneroster_csv(one))


@settings(max_examples=60)
@given(
    table=st.sampled_from(sorted(small())),
    at=st.floats(0, 1),
    junk=st.binary(max_size=40),
    cut=st.integers(0, 40),
)
def test_whatever_bytes_a_file_has_it_is_read_or_refused_with_a_reason(
    table: str, at: float, junk: bytes, cut: int
) -> None:
    text = text_of(small()[table]).encode()
    place = int(at * len(text))
    with TemporaryDirectory() as name:
        folder = write_set(Path(name), small())
        (folder / f"{table}.csv").write_bytes(text[:place] + junk + text[place + cut :])
        read_or_refused(folder)


@settings(max_examples=40)
@given(at=st.floats(0, 1), junk=st.binary(min_size=1, max_size=8))
def test_whatever_bytes_a_zip_has_it_is_read_or_refused_with_a_reason(
    at: float, junk: bytes
) -> None:
    with TemporaryDirectory() as name:
        path = Path(name) / "set.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for table, rows in small().items():
                archive.writestr(f"{table}.csv", text_of(rows))
        data = path.read_bytes()
        place = int(at * len(data))
        path.write_bytes(data[:place] + junk + data[place + len(junk) :])
        read_or_refused(path)
