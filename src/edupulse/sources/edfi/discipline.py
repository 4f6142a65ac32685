"""Incidents and exclusions from Ed-Fi's discipline resources."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from edupulse.school.records import EXCLUSIONS, INCIDENTS
from edupulse.sources.delivery import Ledger
from edupulse.sources.edfi import resources
from edupulse.sources.edfi.descriptors import Words, code_expr
from edupulse.sources.edfi.keys import incident_id, joined
from edupulse.sources.edfi.resource import Resource
from edupulse.sources.edfi.spool import Spool
from edupulse.sources.words import IGNORE

_ROLES = ("perpetrator", "victim", "witness")
_KINDS = ("in_school", "out_of_school", "expulsion")
_KEY = ["incident_id", "student_id"]


def incidents(spool: Spool, words: Words, ledger: Ledger) -> Iterator[pl.DataFrame]:
    """One row an incident and student: the part taken, and the gravest behavior."""
    happened = spool.live(resources.INCIDENT)
    happened = happened.with_columns(incident_id=incident_id(happened))
    known = happened.select("incident_id", "date", "behaviors").unique("incident_id", keep="any")
    acted = _parts(spool.live(resources.BEHAVIOR), "perpetrator", words)
    others = _parts(spool.live(resources.NON_OFFENDER), None, words)
    parts = pl.concat([acted, others], how="diagonal").join(
        known, on="incident_id", how="left", maintain_order="left"
    )
    behavior = pl.coalesce("behavior", pl.col("behaviors").list.sort().list.first())
    named = parts.with_columns(behavior=code_expr(behavior), descriptor=behavior)
    severity = words.of("behaviors", named["descriptor"])
    ranked = named.with_columns(
        severity=severity.replace(IGNORE, None),
        rank=pl.col("role").replace_strict(dict(zip(_ROLES, range(3), strict=True)), default=3),
    ).sort(
        *_KEY,
        "rank",
        "severity",
        "behavior",
        descending=[False, False, False, True, False],
        nulls_last=True,
    )
    one = ranked.unique(_KEY, keep="first", maintain_order=True)
    ledger.note(
        INCIDENTS,
        "discipline incidents",
        "further behaviors or roles of a student in one incident: the gravest is kept",
        ranked.height - one.height,
    )
    without = happened.join(parts, on="incident_id", how="anti").height
    ledger.note(INCIDENTS, "DisciplineIncident", "without any student: left out", without)
    rows = one.select(
        *_KEY,
        "date",
        "behavior",
        "severity",
        "role",
        "file",
        "line",
        school_id="school",
        wrong_field=pl.when(pl.col("role").is_null()).then(pl.lit("role")),
        wrong=pl.when(pl.col("role").is_null()).then(pl.lit("a participation that no table has")),
    )
    yield pl.concat([rows, *_parts_deleted(spool)], how="diagonal")


def _parts_deleted(spool: Spool) -> Iterator[pl.DataFrame]:
    """The keys of students' parts in incidents that were deleted at the source."""
    for resource in (resources.BEHAVIOR, resources.NON_OFFENDER):
        found = spool.whole(resource).filter("deleted")
        yield found.select("deleted", incident_id=incident_id(found), student_id="student")


def _parts(found: pl.DataFrame, otherwise: str | None, words: Words) -> pl.DataFrame:
    """Associations of students and incidents; of several roles the gravest."""
    rows = found.with_row_index("at")
    roles = rows.select("at", "roles").explode("roles", empty_as_null=True)
    said = roles.select("at", word=words.of("roles", roles["roles"]))
    gravest = said.group_by("at").agg(role=pl.col("word").min())  # also the order of the words
    wanted = [name for name in ("behavior",) if name in rows.columns]
    empty = pl.col("roles").list.len() == 0
    return rows.join(gravest, on="at", how="left", maintain_order="left").select(
        *wanted,
        "school",
        "file",
        "line",
        incident_id=incident_id(found),
        student_id="student",
        role=pl.when(empty).then(pl.lit(otherwise)).otherwise("role"),
    )


def exclusions(spool: Spool, words: Words, ledger: Ledger) -> Iterator[pl.DataFrame]:
    """Actions that cost days of instruction, one row an incident, student and first day.

    Two actions of one student that begin on one day tell of the same days: the gravest kind, then
    the longest, is kept.
    """
    actions = _with_incidents(spool)
    taken = actions.select("at", "disciplines").explode("disciplines", empty_as_null=True)
    each = taken.select("at", word=words.of("discipline", taken["disciplines"]))
    ranks = pl.col("word").replace_strict(
        dict(zip(_KINDS, range(3), strict=True)), default=None, return_dtype=pl.Int8
    )
    gravest = each.group_by("at").agg(rank=ranks.max(), unmapped=pl.col("word").is_null().any())
    said = actions.join(gravest, on="at", how="left", maintain_order="left")
    nothing = pl.col("rank").is_null()
    other = said.filter(nothing & ~pl.col("unmapped"))
    ledger.note(
        EXCLUSIONS,
        "DisciplineAction",
        "no exclusion (removal, service, none): left out",
        other.height,
    )
    kept = said.filter(~(nothing & ~pl.col("unmapped"))).with_columns(
        days=pl.coalesce("actual", "length")
    )
    ordered = kept.sort(
        *_KEY,
        "date",
        "rank",
        pl.col("days").cast(pl.Float64, strict=False),
        descending=[False, False, False, True, True],
        nulls_last=True,
    )
    one = ordered.unique([*_KEY, "date"], keep="first", maintain_order=True)
    ledger.note(
        EXCLUSIONS,
        "DisciplineAction",
        "of the same student and first day as another: the same days, told by one record",
        ordered.height - one.height,
    )
    rows = one.select(
        *_KEY,
        "days",
        "file",
        "line",
        kind=pl.col("rank").replace_strict(
            dict(enumerate(_KINDS)), default=None, return_dtype=pl.String
        ),
        begins_on="date",
        wrong_field=pl.when(nothing).then(pl.lit("kind")),
        wrong=pl.when(nothing).then(pl.lit("a discipline that no table has")),
    )
    yield pl.concat([rows, _days_read_again(spool)], how="diagonal")


def _days_read_again(spool: Spool) -> pl.DataFrame:
    """First days of which only what was read now is true; their incident may be any."""
    actions = spool.whole(resources.ACTION)
    again = actions.filter(pl.col("deleted") | spool.is_of_changes)
    keys = again.select(student_id="student", begins_on="date").unique()
    return keys.with_columns(deleted=pl.lit(True))


def _with_incidents(spool: Spool) -> pl.DataFrame:
    """The actions, each with the smallest id of its incidents; its own id where it names none."""
    actions = spool.live(resources.ACTION).with_row_index("at").rename({"student": "student_id"})
    named = pl.concat(
        [
            actions.filter(pl.col("incidents").list.len() == pl.col("incident_schools").list.len())
            .select("at", incident="incidents", school="incident_schools")
            .explode("incident", "school", empty_as_null=True),
            *(
                _referred(spool, actions, column, resource)
                for column, resource in (
                    ("behavior_refs", resources.BEHAVIOR),
                    ("incident_refs", resources.INCIDENT),
                )
            ),
        ]
    )
    first = (
        named.with_columns(incident_id=incident_id(named))
        .group_by("at")
        .agg(pl.col("incident_id").min())
    )
    own = actions.select("at", own=pl.lit("action/") + joined(actions, "school", "action"))
    return (
        actions.join(first, on="at", how="left", maintain_order="left")
        .join(own, on="at", how="left", maintain_order="left")
        .with_columns(pl.coalesce("incident_id", "own"))
    )


def _referred(spool: Spool, actions: pl.DataFrame, column: str, resource: Resource) -> pl.DataFrame:
    """The incidents that actions name by the id of an element in the same file."""
    refs = actions.select("at", "file", ref=column).explode("ref", empty_as_null=True)
    ids = spool.whole(resource).select("file", "incident", "school", ref="id").drop_nulls("ref")
    return refs.drop_nulls("ref").join(ids, on=["file", "ref"]).select("at", "incident", "school")
