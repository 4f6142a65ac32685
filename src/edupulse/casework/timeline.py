"""The facts behind a student's features, the newest first; facts and strengths before all else.

Only what concerns this student: an incident names no one else, and carries no id by which the
records of others could be joined to it. One that was overturned is no fact.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from edupulse.casework.access import Part, Parts
from edupulse.casework.disclosures import Asking
from edupulse.casework.record import show
from edupulse.features.catalog import FEATURES, INDEX
from edupulse.model.checkpoint import read_checkpoint
from edupulse.model.peers import PeerProfiles
from edupulse.panel.panel import panel_of
from edupulse.risk.explanation import typical
from edupulse.risk.facts import facts_of
from edupulse.risk.risk import Fact
from edupulse.school.knowledge import Known
from edupulse.school.records import (
    ATTENDANCE,
    COURSE_GRADES,
    ENROLLMENTS,
    EXCLUSIONS,
    INCIDENTS,
    MARKS,
    SCHOOLS,
    SECTIONS,
)
from edupulse.store.store import Store

Details = dict[str, Any]

_MISSED = {
    "excused": "Absent, excused",
    "unexcused": "Absent, unexcused",
    "absent": "Absent, the reason is unknown",
    "tardy": "Came late",
}
_EXCLUDED = {
    "in_school": "Suspended in school",
    "out_of_school": "Suspended out of school",
    "expulsion": "Expelled",
}
_LEFT = {
    "promoted": "was promoted",
    "graduated": "graduated",
    "transferred": "transferred",
    "dropped_out": "dropped out",
}


@dataclass(frozen=True, slots=True)
class Event:
    """One fact: on which day, of which kind, in words, and its fields."""

    on: date
    kind: str
    text: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Timeline:
    """What is on record of a student as of an instant.

    `facts` are the few that are told first, `strengths` those of them that are better than typical
    of the grade; None where no checkpoint serves that knows what is typical. Both are None where
    they were not asked for. `events` are all, the newest first.
    """

    as_of: datetime
    facts: tuple[Fact, ...] | None
    strengths: tuple[Fact, ...] | None
    events: tuple[Event, ...]


def timeline(
    store: Store, asking: Asking, name: str, as_of: datetime | None, *, with_facts: bool = True
) -> Timeline:
    """The timeline of one student; a disclosure. Raises as `record.show` does."""
    shown = show(store, asking, name, as_of, [Part.NAMES])
    facts, strengths = _facts_first(store, shown.known) if with_facts else (None, None)
    return Timeline(shown.known.as_of, facts, strengths, events_of(shown.known, shown.parts))


def _facts_first(store: Store, record: Known) -> tuple[tuple[Fact, ...], tuple[Fact, ...] | None]:
    windows, peers = panel_of(record).windows, _peers(store)
    if peers is None:
        return facts_of(windows, None, 0), None
    facts = facts_of(windows, typical(windows, peers), 0)
    return facts, tuple(fact for fact in facts if _is_strength(fact))


def _is_strength(fact: Fact) -> bool:
    feature = FEATURES[INDEX[fact.feature]]
    return fact.typical is not None and feature.is_better(fact.value, fact.typical)


def _peers(store: Store) -> PeerProfiles | None:
    """What is typical, by the checkpoint that serves; never simulated peers for real students."""
    champion = store.champion()
    if champion is None:
        return None
    peers, trained_on = _profiles(champion.folder)
    return peers if trained_on == "real" or store.simulated() else None


@lru_cache(maxsize=4)
def _profiles(folder: str) -> tuple[PeerProfiles, str]:
    # A folder is named by the hash of its content, so what was read once stays true.
    checkpoint = read_checkpoint(Path(folder))
    return checkpoint.peers, checkpoint.manifest.provenance.trained_on


def events_of(record: Known, parts: Parts) -> tuple[Event, ...]:
    """All events of the one student of `record` up to its instant, in an order that stays."""
    named = _Named.of(record)
    every = [
        *_absences(record, with_reason=Part.NAMES in parts),
        *_marks(record, named),
        *_course_grades(record, named),
        *_incidents(record),
        *_exclusions(record),
        *_enrollments(record, named),
    ]
    last = record.as_of.date()
    happened = [event for event in every if event.on <= last]
    happened.sort(key=lambda event: (event.kind, str(sorted(event.details.items()))))
    happened.sort(key=lambda event: event.on, reverse=True)
    return tuple(happened)


@dataclass(frozen=True)
class _Named:
    """Names of schools by key, and title and subject of sections by key."""

    schools: Mapping[int, str]
    sections: Mapping[int, tuple[str | None, str | None]]

    @classmethod
    def of(cls, record: Known) -> _Named:
        sections = record.frame(SECTIONS).select("section", "title", "subject").iter_rows()
        return cls(
            dict(record.frame(SCHOOLS).select("school", "name").iter_rows()),
            {section: (title, subject) for section, title, subject in sections},
        )

    def course(self, section: int) -> Details:
        title, subject = self.sections.get(section, (None, None))
        return {"course": title, "subject": subject}


def _rows(frame: pl.DataFrame) -> Iterator[Details]:
    return frame.iter_rows(named=True)


def _absences(record: Known, *, with_reason: bool) -> Iterator[Event]:
    """Free text may name others: the reason is for those who see names."""
    for row in _rows(record.frame(ATTENDANCE).filter(pl.col("status") != "present")):
        status = row["status"]
        whole = 0 if status == "tardy" else 1000
        fraction = (whole if row["fraction"] is None else row["fraction"]) / 1000
        text = _MISSED[status] + (f", {fraction:.0%} of the day" if 0 < fraction < 1 else "")
        details: Details = {"status": status, "fraction": fraction}
        details["reason"] = row["reason"] if with_reason else None
        yield Event(row["date"], "absence", f"{text}.", details)


def _marks(record: Known, named: _Named) -> Iterator[Event]:
    for row in _rows(record.frame(MARKS)):
        details = named.course(row["section"]) | {
            "category": row["category"],
            "points": _decimal(row["points"]),
            "points_possible": _decimal(row["points_possible"]),
            "status": row["status"] or "scored",
        }
        yield Event(row["due_on"], "mark", f"{_title(details)}: {_scored(details)}.", details)


def _scored(mark: Details) -> str:
    if mark["status"] in ("missing", "excused"):
        return "not handed in" if mark["status"] == "missing" else "excused"
    if mark["points"] is None:
        return "no score"
    of = "" if mark["points_possible"] is None else f" of {mark['points_possible']:g}"
    late = ", handed in late" if mark["status"] == "late" else ""
    return f"{mark['points']:g}{of} points{late}"


def _course_grades(record: Known, named: _Named) -> Iterator[Event]:
    for row in _rows(record.frame(COURSE_GRADES)):
        percent = _decimal(row["percent"])
        details = named.course(row["section"]) | {
            "percent": percent,
            "code": row["code"],
            "final": row["kind"] == "final",
        }
        said = [row["code"] or "", "" if percent is None else f"{percent:g} %"]
        kind = "final grade" if details["final"] else "progress grade"
        text = f"{_title(details)}: {kind} {', '.join(one for one in said if one) or 'not given'}."
        yield Event(row["posted_on"], "course_grade", text, details)


def _incidents(record: Known) -> Iterator[Event]:
    """What the student did; where he or she was a victim or a witness is no one's to read here."""
    for row in _rows(_standing(record)):
        details = {"behavior": row["behavior"], "severity": row["severity"]}
        told = "" if row["severity"] is None else f", severity {row['severity']} of 5"
        yield Event(row["date"], "incident", f"Incident: {row['behavior']}{told}.", details)


def _standing(record: Known) -> pl.DataFrame:
    return record.frame(INCIDENTS).filter(
        pl.col("role").cast(pl.String).fill_null("perpetrator") == "perpetrator",
        ~pl.col("overturned").fill_null(value=False),
    )


def _exclusions(record: Known) -> Iterator[Event]:
    """Those whose incident was not overturned, as feature 41 counts them."""
    overturned = record.frame(INCIDENTS).filter("overturned")
    standing = record.frame(EXCLUSIONS).join(overturned, on="incident_id", how="anti")
    for row in _rows(standing):
        days = _decimal(row["days"])
        length = "for a length not on record" if days is None else f"for {days:g} day(s)"
        details = {"exclusion": row["kind"], "days": days}
        yield Event(row["begins_on"], "exclusion", f"{_EXCLUDED[row['kind']]} {length}.", details)


def _enrollments(record: Known, named: _Named) -> Iterator[Event]:
    for row in _rows(record.frame(ENROLLMENTS)):
        school = named.schools.get(row["school"])
        details = {"school": school, "grade_level": row["grade_level"]}
        text = f"Entered {school}, grade level {row['grade_level']}."
        yield Event(row["entered_on"], "enrollment", text, {**details, "change": "entered"})
        if row["left_on"] is not None:
            how = _LEFT.get(row["exit_type"], "how is not on record")
            left = {**details, "change": "left", "exit_type": row["exit_type"]}
            yield Event(row["left_on"], "enrollment", f"Left {school}: {how}.", left)


def _title(details: Details) -> str:
    return details["course"] or details["subject"] or "A course"


def _decimal(thousandths: int | None) -> float | None:
    return None if thousandths is None else thousandths / 1000
