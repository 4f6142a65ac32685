"""Students, staff and demographics from OneRoster's users."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from edupulse.school.records import STUDENTS
from edupulse.sources import federal
from edupulse.sources.oneroster.material import Material, exploded
from edupulse.sources.oneroster.tables import DEMOGRAPHIC, ORGS, ROLES, USERS
from edupulse.sources.words import IGNORE


def roles(material: Material) -> pl.DataFrame:
    """One row a user, role and org: `id`, `role` (our word, null if no table has it), `org_id`.

    By `roles.csv` (1.2), and by the role that `users.csv` has (1.0, 1.1).
    """
    users = material.rows.whole(USERS)
    of_users = exploded(users.filter(pl.col("role").is_not_null()), "org_ids", "org_id").select(
        "id", "role", "org_id", "deleted"
    )
    more = material.rows.whole(ROLES).select(
        pl.col("user_id").alias("id"), "role", "org_id", "deleted"
    )
    together = pl.concat([of_users, more]).unique(maintain_order=True)
    return together.with_columns(role=material.words.of("roles", together["role"]))


def students(material: Material) -> Iterator[pl.DataFrame]:
    """Users with the role of a student, with the birth date that demographics have."""
    users = material.rows.whole(USERS)
    by_role = roles(material)
    mine = users.join(by_role.filter(pl.col("role") == "student"), on="id", how="semi")
    born = material.rows.alive(DEMOGRAPHIC).select("id", "birth_date").unique("id")
    without = users.filter(pl.col("role").is_null()).join(by_role, on="id", how="anti")
    ignored = users.join(by_role.filter(pl.col("role") == IGNORE), on="id", how="semi")
    material.note(STUDENTS, "users", "have a role that we keep nothing of", ignored.height)
    material.note(STUDENTS, "users", "have no role: left out", without.height)
    yield mine.join(born, on="id", how="left").select(
        "deleted",
        "file",
        "line",
        "birth_date",
        student_id="id",
        first_name="given",
        last_name="family",
    )


def staff(material: Material) -> Iterator[pl.DataFrame]:
    """Other users, one row a school (or the district) at which they are."""
    users = material.rows.whole(USERS)
    schools = material.rows.whole(ORGS).filter(pl.col("type").str.to_lowercase() == "school")
    kept = roles(material).filter(
        pl.col("role").is_null() | ~pl.col("role").is_in(["student", IGNORE])
    )
    at_school = kept.join(schools.select(org_id="id"), on="org_id", how="semi")
    placed = kept.with_columns(
        school_id=pl.when(pl.col("org_id").is_in(at_school["org_id"].implode())).then("org_id")
    ).unique(["id", "school_id"], keep="first", maintain_order=True)
    names = pl.concat_str("given", "family", separator=" ", ignore_nulls=True)
    yield placed.join(users.drop("role", "deleted"), on="id", how="inner").select(
        "role",
        "school_id",
        "email",
        "deleted",
        "file",
        "line",
        staff_id="id",
        name=names,
        login=pl.coalesce("email", "username"),
    )


def demographics(material: Material) -> Iterator[pl.DataFrame]:
    """For the audit alone: race and ethnicity as one word, as federal reports count them."""
    rows = material.rows.whole(DEMOGRAPHIC)
    flags = {name: _is_true(name) for name in (*federal.RACES, "several", "hispanic")}
    how_many = pl.sum_horizontal(flags[name].fill_null(value=False) for name in federal.RACES)
    one = pl.coalesce(
        pl.when(flags[name]).then(pl.lit(word)) for name, word in federal.RACES.items()
    )
    several = flags["several"].fill_null(value=False) | (how_many > 1)
    race = federal.race_ethnicity(flags["hispanic"], several, one)
    yield rows.select(
        "deleted",
        "file",
        "line",
        "sex",
        "low_income",
        student_id="id",
        race_ethnicity=pl.coalesce("race", race),
        home_language="language",
    )


def _is_true(name: str) -> pl.Expr:
    return pl.col(name).str.to_lowercase().is_in(["true", "1", "yes", "t", "y"])
