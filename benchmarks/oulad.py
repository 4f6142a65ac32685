"""The main job on real students: OULAD, "fails or withdraws later", as of weeks 4, 8, 12 and 20.

`python benchmarks/oulad.py [FOLDER]` imports the Open University's data into a database of its own,
builds windows and outcomes by the real path, and prints the AUROC of every contender with 95 %
bootstrap intervals over students: (1) trained on the presentation 2013B and tested on 2013J, which
begins after it; (2) for comparison only, since they overlap in time, 2013B and 2013J to 2014B.
A second table holds the paired differences from gradient boosting on 20 weeks. Demographics are
never read. Attendance and discipline are not observed in these data. With `--keep FOLDER` what is
done is kept there, and a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from edupulse.model.baselines.contender import Contender
from edupulse.model.bootstrap import Estimate
from edupulse.model.configuration import NetworkConfig, TrainingConfig
from edupulse.model.contest import standard_contenders
from edupulse.model.evaluation import Evaluation, Prediction, evaluate
from edupulse.model.gru_contender import GruContender, gru_last_week
from edupulse.model.training import predict
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
from kept_rows import arrays_of, material_of, write

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
REFERENCE = "boosting_20_weeks"
NETWORK = NetworkConfig(hidden=16, dropout=0.1, pieces=8)
TRAINING = TrainingConfig(learning_rate=3e-3, batch=256, epochs=8)
MEMBERS = 3
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


def contenders() -> list[Contender]:
    """The six methods; nothing tuned on the test."""
    return [
        *standard_contenders(),
        gru_last_week(NETWORK, TRAINING),
        GruContender(config=NETWORK, training=replace(TRAINING, ensemble=MEMBERS)),
    ]


def member_scores(contender: Contender, test: Material) -> dict[str, np.ndarray]:
    """The contender's score; of averaged networks also the first one's alone."""
    windows = test.windows
    if not isinstance(contender, GruContender) or contender.training.ensemble == 1:
        return {contender.name: contender.score(windows)}
    assert contender.trained is not None
    alone = predict(contender.trained.network.members[0], windows)[0]
    many = f"{contender.name}_mean_of_{contender.training.ensemble}"
    return {contender.name: alone.astype(np.float64), many: contender.score(windows)}


def experiment(
    rows: Material, person: np.ndarray, train: np.ndarray, test: np.ndarray, keep: Path
) -> list[Prediction]:
    """Every contender's prediction of the test rows; a fifth of the persons, who would calibrate,
    teach nothing. What a file in `keep` holds is not trained again.
    """
    learn, judge = rows.take(train & ~hashed_share(person, 0.2, salt=3)), rows.take(test)
    closes, begins = learn.outcomes.closes_at.max(), judge.windows.as_of.min()
    word = "before" if closes <= begins else "AFTER"
    out.print(f"The last label to learn from closed on {closes}, {word} the test begins: {begins}.")
    scores: dict[str, np.ndarray] = {}
    for contender in contenders():
        path = keep / f"{contender.name}.npz"
        if not path.exists():
            out.print(f"[dim]{contender.name} … {time.strftime('%H:%M:%S')}[/]")
            contender.fit(learn.windows, learn.outcomes)
            write(path, member_scores(contender, judge))
        with np.load(path) as found:
            scores |= dict(found)
    gru = next(reversed(scores))
    scores[f"mean_of_{REFERENCE}_and_gru"] = (scores[REFERENCE] + scores[gru]) / 2
    return [Prediction(name, score) for name, score in scores.items()]


def judged(
    predictions: Sequence[Prediction], test: Material, week: np.ndarray
) -> dict[int, Evaluation]:
    """Each tested week's evaluation."""
    found = {}
    for number in TESTED:
        at = week == number
        part = test.take(at)
        some = [Prediction(one.name, one.score[at]) for one in predictions]
        found[number] = evaluate(some, part.windows, part.outcomes, replicates=300)
    return found


def table(
    title: str,
    found: Mapping[int, Evaluation],
    form: str,
    read: Callable[[Evaluation, str], Estimate | None],
) -> Table:
    """One number a method and week, with its interval."""
    made = Table(title=title, title_justify="left")
    made.add_column("method")
    for number, one in found.items():
        rows, rate = one.results[0].rows, one.results[0].base_rate
        made.add_column(f"week {number}\n{rows:,} rows, {rate:.0%}", justify="right")
    for name in found[TESTED[0]].methods:
        cells = [read(one, name) for one in found.values()]
        if all(cells):
            made.add_row(name, *(text(cell, form) for cell in cells if cell))
    return made


def text(cell: Estimate, form: str) -> str:
    """A value with its interval."""
    value, low, high = (format(part, form) for part in (cell.value, cell.low, cell.high))
    return f"{value} ({low} to {high})"


def auroc(found: Evaluation, name: str) -> Estimate:
    """A method's AUROC among everyone."""
    return found.result(name).metrics["auroc"]


def beyond_boosting(found: Evaluation, name: str) -> Estimate | None:
    """How much more it is than gradient boosting's, from the same resampled students."""
    return None if name == REFERENCE else found.difference(name, REFERENCE, "auroc")


def built(folder: Path, keep: Path) -> tuple[Material, np.ndarray, np.ndarray, np.ndarray]:
    """Rows with their week, presentation and person, from the file or by the real path."""
    path = keep / "rows.npz"
    if not path.exists():
        with own_database():
            source = oulad(folder)
            with open_store() as store:
                with step("import"):
                    intake(store, source, now=NOW, historical=True)
                with step("windows and outcomes"):
                    rows, week, named = rows_at(store, TAUGHT)
                person = persons(store, source, rows.windows.student)
        write(path, arrays_of("rows", rows) | {"week": week, "named": named, "person": person})
    with np.load(path) as kept:
        return material_of("rows", kept), kept["week"], kept["named"], kept["person"]


def run(folder: Path, keep: Path) -> None:
    """Build, and run both experiments."""
    rows, week, named, person = built(folder, keep)
    for number, (title, (taught, tested)) in enumerate(EXPERIMENTS.items(), 1):
        test = (named == tested) & np.isin(week, TESTED)
        with step("train and predict"):
            place = keep / f"experiment-{number}"
            predictions = experiment(rows, person, np.isin(named, taught), test, place)
        found = judged(predictions, rows.take(test), week[test])
        for at, one in found.items():
            (keep / f"experiment-{number}-week-{at}.json").write_bytes(one.to_json())
        out.print(table(f"AUROC, {title}", found, ".3f", auroc))
        out.print(table("AUROC − gradient boosting on 20 weeks", found, "+.4f", beyond_boosting))


@contextmanager
def own_database() -> Iterator[None]:
    """A home of this run's own, removed at the end."""
    with tempfile.TemporaryDirectory(prefix="edupulse-oulad-") as home:
        Path(home).chmod(0o711)
        os.environ["EDUPULSE_HOME"] = home
        os.environ.pop("DATABASE_URL", None)
        try:
            yield
        finally:
            embedded.remove(Path(home))


def main() -> None:
    """Run it, keeping what is done where that is wished."""
    default = os.environ.get("EDUPULSE_INTEROP_DATA", "../shared/data")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path(default) / "oulad")
    parser.add_argument("--keep", type=Path, help="a folder for what is done")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="edupulse-oulad-kept-") as temporary:
        run(chosen.folder, chosen.keep or Path(temporary))


if __name__ == "__main__":
    main()
