"""A fuzzer over all that reads what others wrote: whatever is in it, records or our own refusal.

    .venv/bin/python tests/sources/fuzzing.py [ROUNDS] [SEED]

Each round takes a small district as Ed-Fi XML, OneRoster (a folder or a zip) or our CSV files, with
a mapping file, damages some of the files, and reads every kind. Anything but records in the schema
of their kind or an `EduPulseError` with something to do is told with its seed, as is a reading that
does not end; the files of it are kept in the folder that is printed.
"""

from __future__ import annotations

import gzip
import random
import shutil
import signal
import sys
import tempfile
import traceback
import zipfile
from collections import Counter
from pathlib import Path
from types import FrameType

import zstandard

from edupulse.pipeline.opening import MAPPED, Origin, Speaks, opened
from edupulse.school.errors import EduPulseError
from edupulse.school.records import KINDS
from edupulse.simulator import DistrictPlan, simulate
from edupulse.sources.delivery import batch_schema

FORMATS = ("csv", "edfi", "oneroster")
LARGEST = 6_000
"""Bytes of a file that are kept: damage is then found where it is."""

PATIENCE = 30
"""Seconds after which a reading of some kilobytes does not end."""

TOKENS = [
    *(b'"', b'""', b",", b";", b"\n", b"\r", b"\r\n", b"\0", b"\xef\xbb\xbf", b"\xff\xfe", b"\x1a"),
    *(b"<", b">", b"&", b"&#0;", b"&#xD800;", b"<![CDATA[", b"]]>", b"<!--", b"<!DOCTYPE x>"),
    *(b"-1", b"1e999", b"NaN", b"inf", b"9" * 400, b"0.0005", b"99999999999", b"1_000", b"+5"),
    *(b"0000-00-00", b"0001-01-01", b"9999-12-31", b"2026-02-30", b"2024-03-10T02:30:00"),
    *(b"tobedeleted", b"true", b"null", b"[]", b"{}", b"=1+1", b"../../x", b"uri://x#y", b"#"),
    *(
        b"\xed\xa0\x80",
        b"\xc4\xb0",
        b"\xe2\x80\xae",
        b"\xf0\x9f\x92\xa9",
        b"\xc2\xa0",
        b"a" * 70_000,
    ),
]


def fuzz(rounds: int = 1000, seed: int = 0) -> Counter[str]:
    """How many rounds were read, refused, or failed."""
    signal.signal(signal.SIGALRM, hangs)
    with tempfile.TemporaryDirectory() as scratch:
        districts = {form: district(Path(scratch) / form, form) for form in FORMATS}
        return Counter(attempt(districts, seed + n, Path(scratch) / "round") for n in range(rounds))


def district(folder: Path, form: str) -> dict[str, bytes]:
    """The files of a few simulated students, each cut to a size in which damage shows."""
    simulate(DistrictPlan(students=3, years=1, truth_pairs=0), folder, form=form)
    return {file.name: shortened(file) for file in sorted(folder.glob("*.*"))}


def shortened(file: Path) -> bytes:
    """The beginning of a file, ended as its kind ends."""
    whole = file.read_bytes()
    if len(whole) <= LARGEST or file.suffix not in (".csv", ".xml"):
        return whole
    if file.suffix == ".csv":
        return whole[: whole.rindex(b"\n", 0, LARGEST) + 1]
    elements = whole.rstrip().rsplit(b"\n", 1)[-1]
    cut = whole.rindex(b"\n", 0, LARGEST)
    return whole[:cut] + b"\n" + elements


def attempt(districts: dict[str, dict[str, bytes]], seed: int, folder: Path) -> str:
    """One round; `read`, `refused` or `failed`."""
    chance = random.Random(seed)  # noqa: S311 - it damages files, and keeps no secret
    form = chance.choice(FORMATS)
    files = dict(districts[form])
    for name in chance.sample(sorted(files), chance.choice([1, 1, 2, 3])):
        for _ in range(chance.choice([1, 1, 2, 4, 8])):
            files[name] = damaged(files[name], chance)
    shutil.rmtree(folder, ignore_errors=True)
    place = written(files, folder, form, chance)
    signal.alarm(PATIENCE)
    try:
        read(form, place, folder)
    except EduPulseError as error:
        if error.to_do:
            return "refused"
        return failed(seed, folder)
    except BaseException:  # whatever it is, it is what we look for
        return failed(seed, folder)
    finally:
        signal.alarm(0)
    return "read"


def failed(seed: int, folder: Path) -> str:
    """Tell of it, and keep its files."""
    kept = Path(tempfile.mkdtemp(prefix=f"fuzz-{seed}-"))
    shutil.copytree(folder, kept, dirs_exist_ok=True)
    sys.stdout.write(f"seed {seed}, files in {kept}\n{traceback.format_exc()}\n")
    return "failed"


def damaged(data: bytes, chance: random.Random) -> bytes:
    """The data with one thing changed."""
    one, other = (chance.randint(0, len(data)) for _ in range(2))
    begin, end = min(one, other), max(one, other)
    near = min(end, begin + chance.randint(1, 40))
    match chance.randrange(7):
        case 0:
            return data[:begin] + chance.choice(TOKENS) + data[begin:]
        case 1:
            return data[:begin] + chance.choice(TOKENS) + data[near:]
        case 2:
            return data[:begin] + bytes([chance.randrange(256)]) + data[begin + 1 :]
        case 3:
            return data[:begin] + data[near:]
        case 4:
            return data[:near] + data[begin:]
        case 5:
            return data[:begin]
        case _:
            return cell_replaced(data, chance)


def cell_replaced(data: bytes, chance: random.Random) -> bytes:
    """One cell, or one element's text, is something else."""
    opens = [at for at, byte in enumerate(data) if byte in b",>\n"]
    if not opens:
        return data
    begin = chance.choice(opens) + 1
    ends = [at for at in range(begin, min(len(data), begin + 200)) if data[at] in b",<\n\r"]
    return data[:begin] + chance.choice(TOKENS) + data[ends[0] if ends else begin :]


def written(files: dict[str, bytes], folder: Path, form: str, chance: random.Random) -> Path:
    """The files as a folder, some packed, or for OneRoster sometimes as a zip."""
    folder.mkdir()
    (folder / "mapping.toml").write_bytes(files.pop("mapping.toml", b""))
    place = folder / "files"
    place.mkdir()
    for name, data in files.items():
        pack = chance.choice(["", "", "", ".gz", ".zst"]) if form != "oneroster" else ""
        packed = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.compress}[pack](data)
        (place / f"{name}{pack}").write_bytes(packed)
    if form == "oneroster" and chance.random() < 0.5:
        with zipfile.ZipFile(folder / "set.zip", "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        data = (folder / "set.zip").read_bytes()
        (folder / "set.zip").write_bytes(damaged(data, chance) if chance.random() < 0.5 else data)
        return folder / "set.zip"
    return place


def read(form: str, place: Path, folder: Path) -> None:
    """Every kind that the files have."""
    speaks = Speaks(form)
    mapping = folder / "mapping.toml" if speaks in MAPPED else None
    with opened(Origin(speaks, str(place), mapping), None, lambda _what, _part: None) as delivery:
        for kind in KINDS:
            for batch in delivery.batches(kind):
                if dict(batch.frame.schema) != batch_schema(kind):
                    raise AssertionError(f"{kind.name} has another schema")


def hangs(_signal: int, _frame: FrameType | None) -> None:
    """Called when a reading does not end."""
    raise TimeoutError


if __name__ == "__main__":
    found = fuzz(*map(int, sys.argv[1:3]))
    sys.stdout.write(f"{dict(found)}\n")
    sys.exit(1 if found["failed"] else 0)
