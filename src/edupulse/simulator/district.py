"""A whole district: in memory for a test, or block by block into a CSV folder with its truth."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from edupulse.simulator.days import World, build_world
from edupulse.simulator.folder import Folder
from edupulse.simulator.formats.edfi import EdFiFolder
from edupulse.simulator.formats.oneroster import OneRosterFolder
from edupulse.simulator.office.attendance import attendance
from edupulse.simulator.office.desk import Desk
from edupulse.simulator.office.discipline import exclusions, incidents
from edupulse.simulator.office.enrollment import caseloads, enrollments, section_students, stays
from edupulse.simulator.office.gradebook import course_grades, marks
from edupulse.simulator.office.registry import demographics, guardians, student_ids, students
from edupulse.simulator.office.setup import setup
from edupulse.simulator.people import build_people, student_count
from edupulse.simulator.plan import DistrictPlan
from edupulse.simulator.story import Story, tell
from edupulse.simulator.truth import Truth, as_of_days, joined, pair_share, truth_of

Frames = dict[str, pl.DataFrame]
Progress = Callable[[float], None]


@dataclass(frozen=True)
class District:
    """A district in memory: a frame for each file of the CSV folder, and the truth."""

    frames: Frames
    truth: Truth


@dataclass(frozen=True)
class Summary:
    """What was written: students, rows by file, and the folder."""

    folder: Path
    students: int
    rows: dict[str, int]
    pairs: int


def district(plan: DistrictPlan, only: Collection[str] | None = None) -> District:
    """The whole district in memory; for tests and small plans.

    With `only`, of the students' files just those are written; the story behind them is the same.
    """
    world = build_world(plan)
    blocks = list(_blocks(world, only=only))
    frames = setup(world)
    for name in blocks[0][0]:
        frames[name] = pl.concat([block[name] for block, _ in blocks])
    return District(frames, joined([truth for _, truth in blocks]))


def simulate(
    plan: DistrictPlan,
    out: Path,
    *,
    compress: str = "none",
    form: str = "csv",
    progress: Progress | None = None,
) -> Summary:
    """Write the files of a plan to `out` and its truth to `out/truth`.

    `form` is `csv`, `edfi` or `oneroster`; `compress` is `none` or `zst`. `progress` is told the
    part done, 0 to 1. Raises BadInput where `out` already holds something.
    """
    world = build_world(plan)
    total = student_count(plan, world.places)
    truths: list[Truth] = []
    with FORMS[form](out, world, compress) as folder:
        for name, frame in setup(world).items():
            folder.add(name, frame)
        for frames, truth in _blocks(world, progress):
            for name, frame in frames.items():
                folder.add(name, frame)
            truths.append(truth)
        truth = joined(truths)
        folder.add_truth(truth, plan)
    return Summary(out, total, folder.rows, truth.probabilities.height)


FORMS: dict[str, Callable[[Path, World, str], Folder]] = {
    "csv": lambda out, _world, compress: Folder(out, compress),
    "edfi": EdFiFolder,
    "oneroster": OneRosterFolder,
}


def _blocks(
    world: World, progress: Progress | None = None, only: Collection[str] | None = None
) -> Iterator[tuple[Frames, Truth]]:
    plan = world.plan
    total = student_count(plan, world.places)
    as_of = as_of_days(world) if plan.truth_pairs else []
    share = pair_share(world, len(as_of))
    for low in range(0, total, plan.block):
        people = build_people(plan, world.places, low, min(low + plan.block, total))
        done, part = low / total, people.count / total
        story = tell(world, people, share, as_of, _within(progress, done, part))
        desk = Desk(world, people)
        yield _frames(story, desk, only), truth_of(story, desk)
    if progress is not None:
        progress(1.0)


def _within(progress: Progress | None, done: float, part: float) -> Progress:
    """Turn the part done of one block into the part done of all."""
    return lambda share: None if progress is None else progress(done + share * part)


def _frames(story: Story, desk: Desk, only: Collection[str] | None = None) -> Frames:
    stay = stays(story, desk)
    written: dict[str, Callable[[], pl.DataFrame]] = {
        "students": lambda: students(desk),
        "student_ids": lambda: student_ids(desk),
        "demographics": lambda: demographics(desk),
        "guardians": lambda: guardians(desk),
        "caseloads": lambda: caseloads(stay, desk),
        "enrollments": lambda: enrollments(stay, desk),
        "section_students": lambda: section_students(story, desk),
        "attendance": lambda: attendance(story, desk),
        "marks": lambda: marks(story, desk),
        "course_grades": lambda: course_grades(story, desk),
        "incidents": lambda: incidents(story, desk),
        "exclusions": lambda: exclusions(story, desk),
    }
    return {name: write() for name, write in written.items() if only is None or name in only}
