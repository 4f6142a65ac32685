"""The main job on real students: OULAD, "fails or withdraws later", as of weeks 4, 8, 12 and 20.

`python benchmarks/oulad.py [FOLDER]` imports the Open University's data into a database of its own,
builds windows and outcomes by the real path, and prints the AUROC of every contender with 95 %
bootstrap intervals over students: (1) trained on the presentation 2013B and tested on 2013J, which
begins after it; (2) for comparison only, since they overlap in time, 2013B and 2013J to 2014B.
Demographics are never read. Attendance and discipline are not observed in these data.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from edupulse.model.baselines.contender import Contender
from edupulse.model.configuration import NetworkConfig, TrainingConfig
from edupulse.model.contest import compete, standard_contenders
from edupulse.model.evaluation import Prediction, evaluate
from edupulse.model.gru_contender import GruContender
from edupulse.panel.definition import FAILS_OR_WITHDRAWS
from edupulse.panel.horizon import known_calendar
from edupulse.panel.seasons import STATES
from edupulse.panel.splits import hashed_share, week_ends
from edupulse.panel.windows import utc
from edupulse.pipeline.intake import intake
from edupulse.pipeline.material import Material, instants_of, material
from edupulse.school.records import SCHOOLS
from edupulse.sources.oulad import Oulad, oulad
from edupulse.store import embedded
from edupulse.store.people import student_keys
from edupulse.store.store import Store, open_store

TESTED = (4, 8, 12, 20)
TAUGHT = (4, 8, 12, 16, 20)
NOW = datetime(2016, 1, 1, tzinfo=UTC)
EXPERIMENTS = {
    "2013B to 2013J, strictly later": (("2013B",), "2013J"),
    "2013B and 2013J to 2014B, overlapping in time: for comparison only": (
        ("2013B", "2013J"),
        "2014B",
    ),
}
out = Console(width=130, highlight=False)


@contextmanager
def step(name: str) -> Iterator[None]:
    """Print the wall time of a step, and this process's peak memory after it."""
    begun = time.monotonic()
    yield
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    out.print(f"[dim]{name}: {time.monotonic() - begun:.1f} s, peak memory {peak:.2f} GiB[/]")


def presentations(store: Store) -> dict[int, str]:
    """School key to its presentation (`2013J`)."""
    names = store.known([], NOW).frame(SCHOOLS).select("school", "name").iter_rows()
    return {key: name[-5:] for key, name in names}


def rows_at(store: Store, weeks: Sequence[int]) -> tuple[Material, np.ndarray, np.ndarray]:
    """Windows at the end of those weeks of their own presentation; week and presentation.

    Everyone still registered is there, also who has nothing due yet and would get no score.
    """
    known = store.known([], NOW)
    calendar, of = known_calendar(known), presentations(store)
    week_of: dict[tuple[str, np.datetime64], int] = {}
    instants: set[datetime] = set()
    for school, name in of.items():
        ends = instants_of(known, week_ends(calendar, school, weeks).tolist())
        instants |= set(ends)
        week_of |= {(name, utc(end)): week for end, week in zip(ends, weeks, strict=False)}
    rows = material(store, sorted(instants), FAILS_OR_WITHDRAWS, NOW, states=STATES)
    named = np.array([of[school] for school in rows.windows.school.tolist()])
    week = np.array(
        [
            week_of.get((name, at), 0)
            for name, at in zip(named.tolist(), rows.windows.as_of, strict=True)
        ]
    )
    kept = rows.outcomes.known & (week > 0)
    return rows.take(kept), week[kept], named[kept]


def persons(store: Store, source: Oulad, students: np.ndarray) -> np.ndarray:
    """The person behind each student key: all of a person's rows stay in one part."""
    people = source.persons()
    with store.writing() as connection:
        keys = student_keys(connection, people["student_id"].to_list())
    joined = pl.DataFrame({"student": students}).join(
        keys.join(people, left_on="local_id", right_on="student_id"),
        on="student",
        how="left",
        maintain_order="left",
    )
    return joined["person_id"].cast(pl.Int64).to_numpy()


def contenders(ensemble: int) -> list[Contender]:
    """Rules, regression, boosting, and the network alone; nothing tuned on the test."""
    one = TrainingConfig(learning_rate=2e-3, batch=512, epochs=5, threads=2)
    many = replace(one, ensemble=ensemble)
    network = NetworkConfig(hidden=16)
    found: list[Contender] = [*standard_contenders(), GruContender(config=network, training=one)]
    if ensemble > 1:
        found.append(GruContender(f"gru_mean_of_{ensemble}", config=network, training=many))
    return found


def experiment(
    rows: Material, person: np.ndarray, train: np.ndarray, test: np.ndarray, ensemble: int
) -> list[Prediction]:
    """Every contender's prediction of the test rows; a fifth of the persons calibrate."""
    held_out = hashed_share(person, 0.2, salt=3)
    learn, calibrate, judge = (
        rows.take(mask) for mask in (train & ~held_out, train & held_out, test)
    )
    closes, begins = learn.outcomes.closes_at.max(), judge.windows.as_of.min()
    word = "before" if closes <= begins else "AFTER"
    out.print(f"The last label to learn from closed on {closes}, {word} the test begins: {begins}.")
    return compete(
        contenders(ensemble),
        (learn.windows, learn.outcomes),
        (calibrate.windows, calibrate.outcomes),
        judge.windows,
        progress=lambda name: out.print(f"[dim]{name} … {time.strftime('%H:%M:%S')}[/]"),
    )


def table(title: str, predictions: Sequence[Prediction], test: Material, week: np.ndarray) -> Table:
    """AUROC by week, with intervals."""
    made = Table(title=title, title_justify="left")
    made.add_column("method")
    columns = []
    for number in TESTED:
        at = week == number
        part = test.take(at)
        some = [Prediction(one.name, one.score[at]) for one in predictions]
        found = evaluate(some, part.windows, part.outcomes, replicates=300)
        rate = float(part.outcomes.off_track.mean())
        made.add_column(f"week {number}\n{at.sum():,} rows, {rate:.0%}", justify="right")
        columns.append([found.result(one.name).metrics["auroc"] for one in predictions])
    for place, one in enumerate(predictions):
        cells = [column[place] for column in columns]
        made.add_row(one.name, *(f"{c.value:.3f} ({c.low:.3f}–{c.high:.3f})" for c in cells))
    return made


def run(folder: Path, ensemble: int) -> None:
    """Import, build, and run both experiments."""
    source = oulad(folder)
    with open_store() as store:
        with step("import"):
            intake(store, source, now=NOW, historical=True)
        with step("windows and outcomes"):
            rows, week, named = rows_at(store, TAUGHT)
        person = persons(store, source, rows.windows.student)
        for title, (taught, tested) in EXPERIMENTS.items():
            test = (named == tested) & np.isin(week, TESTED)
            with step("train and predict"):
                found = experiment(rows, person, np.isin(named, taught), test, ensemble)
            out.print(table(title, found, rows.take(test), week[test]))


def main() -> None:
    """Run it in a home of its own, which is removed at the end."""
    default = os.environ.get("EDUPULSE_INTEROP_DATA", "../shared/data")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path(default) / "oulad")
    parser.add_argument("--ensemble", type=int, default=1, help="also the mean of so many networks")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="edupulse-oulad-") as home:
        Path(home).chmod(0o711)
        os.environ["EDUPULSE_HOME"] = home
        os.environ.pop("DATABASE_URL", None)
        try:
            run(chosen.folder, chosen.ensemble)
        finally:
            embedded.remove(Path(home))


if __name__ == "__main__":
    main()
