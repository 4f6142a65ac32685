"""Who the students and their guardians are: names that nobody bears, and the audited groups."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from edupulse.simulator import draws
from edupulse.simulator.office.desk import Desk, old_ids
from edupulse.simulator.people import GROUPS, LANGUAGES

HEADS = ("Al", "Be", "Ca", "Da", "El", "Fi", "Jo", "Ka", "Li", "Ma", "No", "Ro", "Sa", "Ti", "Va")
TAILS = ("ben", "dra", "la", "mina", "na", "nor", "ra", "rik", "sa", "stan", "tor", "vin", "ya")
FAMILIES = ("ash", "brook", "croft", "dale", "field", "ford", "hurst", "ley", "mere", "wick")
STEMS = ("Arn", "Bel", "Cald", "Dun", "Ever", "Fen", "Glen", "Hart", "Kings", "Lang", "Mill")


def first_names(keys: draws.Keys) -> list[str]:
    """Invented first names."""
    head = (draws.uniform(keys, "head") * len(HEADS)).astype(int)
    tail = (draws.uniform(keys, "tail") * len(TAILS)).astype(int)
    return [HEADS[a] + TAILS[b] for a, b in zip(head, tail, strict=True)]


def last_names(keys: draws.Keys) -> list[str]:
    """Invented family names."""
    stem = (draws.uniform(keys, "stem") * len(STEMS)).astype(int)
    ending = (draws.uniform(keys, "ending") * len(FAMILIES)).astype(int)
    return [STEMS[a] + FAMILIES[b] for a, b in zip(stem, ending, strict=True)]


def students(desk: Desk) -> pl.DataFrame:
    """`students.csv` of a block."""
    keys = desk.people.keys
    birthday = (draws.uniform(keys, "birthday") * 365).astype(int)
    first = np.array([date(int(year), 9, 1).toordinal() for year in desk.people.birth_year])
    return pl.DataFrame(
        [
            desk.students(np.arange(desk.people.count)),
            pl.Series("first_name", first_names(keys), dtype=pl.String),
            pl.Series("last_name", last_names(keys), dtype=pl.String),
            pl.Series("birth_date", (first - date(1970, 1, 1).toordinal() + birthday)).cast(
                pl.Date
            ),
        ]
    )


def student_ids(desk: Desk) -> pl.DataFrame:
    """`student_ids.csv` of a block: the second numbers of a few."""
    row = np.flatnonzero(desk.merged)
    return pl.DataFrame(
        [
            pl.Series("old_student_id", old_ids(desk.people.number[row]), dtype=pl.String),
            desk.students(row),
        ]
    )


def demographics(desk: Desk) -> pl.DataFrame:
    """`demographics.csv` of a block: for the fairness audit alone."""
    people = desk.people
    boy = draws.uniform(people.keys, "sex") < 0.512
    return pl.DataFrame(
        [
            desk.students(np.arange(people.count)),
            pl.Series("race_ethnicity", GROUPS).gather(people.group),
            pl.Series("sex", ["female", "male"]).gather(boy.astype(int)),
            pl.Series("english_learner", people.learner),
            pl.Series("disability", people.disability),
            pl.Series("low_income", people.low_income),
            pl.Series("home_language", ["English", *LANGUAGES]).gather(people.language + 1),
        ]
    )


def guardians(desk: Desk) -> pl.DataFrame:
    """`guardians.csv` of a block: one or two a student, with addresses that lead nowhere."""
    return pl.concat([_guardian(desk, 0), _guardian(desk, 1)]).sort("student_id", "guardian_id")


def _guardian(desk: Desk, nth: int) -> pl.DataFrame:
    people = desk.people
    row = np.flatnonzero(draws.uniform(people.keys, "guardian", nth) < (1.0, 0.6)[nth])
    keys = draws.fork(people.keys[row], "guardian is", nth)
    ids = [f"G{n + 1:07d}{'AB'[nth]}" for n in people.number[row]]
    names = [
        f"{a} {b}" for a, b in zip(first_names(keys), last_names(people.keys[row]), strict=True)
    ]
    kin = draws.choose(keys, (5.0, 4.0, 0.6, 0.4), "kin")
    return pl.DataFrame(
        [
            desk.students(row),
            pl.Series("guardian_id", ids, dtype=pl.String),
            pl.Series("name", names, dtype=pl.String),
            pl.Series("email", [f"{i.lower()}@family.example" for i in ids], dtype=pl.String),
            pl.Series("phone", [f"555-01{n % 100:02d}" for n in people.number[row]], pl.String),
            pl.Series("language", ["English", *LANGUAGES]).gather(people.language[row] + 1),
            pl.Series("relationship", ["mother", "father", "grandparent", "other"]).gather(kin),
            pl.Series("may_see_records", draws.uniform(keys, "may see") < (0.97, 0.8)[nth]),
        ]
    )
