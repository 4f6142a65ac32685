"""From Ed-Fi descriptors to our words: tables, which a district extends by its mapping.

A value that no table has is counted and listed with what it may mean; it is never guessed. A
descriptor is looked up by its whole URI first, then by its code (what follows `#`); case, and
blanks around it, do not count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType

import polars as pl

IGNORE = "ignore"
"""A value that is known and says nothing that we keep."""

EVERY = "*"
"""In place of a school's id: all schools that say nothing else."""

PARTIAL = "partial"
"""A part of the day was missed; only the event's duration says how much."""

_ORDINALS = "First Second Third Fourth Fifth Sixth Seventh Eighth Ninth Tenth Eleventh Twelfth"

DEFAULTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "attendance": {
            "Excused Absence": "excused",
            "Unexcused Absence": "unexcused",
            "Tardy": "tardy",
            "In Attendance": "present",
            "Present": "present",
            "Partial": PARTIAL,
            "Early departure": PARTIAL,
        },
        "calendar_events": {
            "Instructional day": "instructional",
            "Make-up day": "instructional",
            "Student late arrival/early dismissal": "instructional",
            "Holiday": "closed",
            "Teacher only day": "closed",
            "Non-instructional day": "closed",
            "Strike": "closed",
            "Weather day": "closed",
            "Emergency day": "closed",
        },
        "grade_levels": {
            "Preschool/Prekindergarten": "-1",
            "Preschool": "-1",
            "Prekindergarten": "-1",
            "Transitional Kindergarten": "0",
            "Kindergarten": "0",
            **{f"{word} grade": str(n) for n, word in enumerate(_ORDINALS.split(), 1)},
        },
        "exit_types": {
            "Graduated": "graduated",
            "Completed": "other",
            "End of school year": "promoted",
            "Dropout": "dropped_out",
            "Transferred": "transferred",
            "Enrolled in a high school diploma program": "transferred",
            "Expelled": "other",
            "Incarcerated": "other",
            "Invalid enrollment": IGNORE,
            "No show": IGNORE,
            "Involuntarily Removed": "other",
            "Died or is permanently incapacitated": "other",
            "Reached maximum age": "other",
            "Other": "other",
        },
        "enrollment_types": {"Current": "enrolled", "Preregistered": IGNORE},
        "grading_periods": {
            **{f"{word} Six Weeks": "term" for word in _ORDINALS.split()[:6]},
            **{f"{word} Nine Weeks": "term" for word in _ORDINALS.split()[:4]},
            **{f"{word} Trimester": "term" for word in _ORDINALS.split()[:3]},
            **{f"{word} Semester": "term" for word in (*_ORDINALS.split()[:2], "Summer")},
            **{f"{word} Summer Session": "term" for word in _ORDINALS.split()[:3]},
            "End of Year": IGNORE,
        },
        "grade_types": {
            "Grading Period": "final",
            "Progress Report": "progress",
            "Mid-Term Grade": "progress",
            "Semester": IGNORE,
            "Final": IGNORE,
            "Exam": IGNORE,
            "Conduct": IGNORE,
        },
        "submissions": {
            "Graded": "scored",
            "Not Submitted": "missing",
            "Exempt": "excused",
            "Submitted": IGNORE,
            "Returned": IGNORE,
        },
        "lateness": {"Late": "late", "Not Late": IGNORE, "Missing": "missing"},
        "assignment_types": {
            "Unit Test": "assessment",
            "Quiz": "assessment",
            "Classroom Assessment": "assessment",
            "Oral Presentation": "assessment",
            "Homework": "practice",
            "Assignment": "practice",
            "Activity": "practice",
            "Lesson": "practice",
        },
        "subjects": {
            "English": "ela",
            "English Language Arts": "ela",
            "Reading": "ela",
            "Critical Reading": "ela",
            "Writing": "ela",
            "Mathematics": "math",
            "Science": "science",
            "Life and Physical Sciences": "science",
            "Social Studies": "social_studies",
            "Social Sciences and History": "social_studies",
            "Fine and Performing Arts": "other",
            "Foreign Language and Literature": "other",
            "Physical, Health, and Safety Education": "other",
            "Career and Technical Education": "other",
            "Military Science": "other",
            "Religious Education and Theology": "other",
            "Cross Subject": "other",
            "Other": "other",
        },
        "roles": {
            "Perpetrator": "perpetrator",
            "Victim": "victim",
            "Witness": "witness",
            "Reporter": "witness",
        },
        "discipline": {
            "In School Suspension": "in_school",
            "Out of School Suspension": "out_of_school",
            "Short-term suspension - non-special education": "out_of_school",
            "Long-term suspension - non-special education": "out_of_school",
            "Suspension - special education": "out_of_school",
            "Expulsion": "expulsion",
            "Expulsion with Services": "expulsion",
            "Expulsion under Guns Free School Act": "expulsion",
            "Expulsion under Guns Free School Act with Services": "expulsion",
            "Removal from Classroom": IGNORE,
            "Community Service": IGNORE,
            "Other": IGNORE,
            "No action for incident": IGNORE,
        },
        "behaviors": {},
    }
)
"""Table to code to word, by the descriptors of the Data Standard 4 and 5."""


class Words:
    """The tables in force, and what was met that they do not have.

    `schools` is what the district says of its schools: id (or EVERY) to columns of `schools.csv`.
    """

    def __init__(
        self,
        district: Mapping[str, Mapping[str, str]] | None = None,
        schools: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self.schools = schools or {}
        self._tables = {
            name: {_plain(code): word for code, word in {**table, **own}.items()}
            for name, table in DEFAULTS.items()
            for own in [(district or {}).get(name, {})]
        }
        self._met: dict[str, Counter[tuple[str, str]]] = {}
        self._kind = ""

    def begin(self, kind: str) -> None:
        """What is met from now on is met for this kind of record, which is read anew."""
        self._kind = kind
        self._met[kind] = Counter()

    @property
    def unmapped(self) -> dict[tuple[str, str], int]:
        """Table and code of each value that is in no table, and how often it was met."""
        return dict(sorted(sum(self._met.values(), Counter()).items()))

    def unmapped_of(self, kind: str) -> dict[tuple[str, str], int]:
        """The same for one kind of record."""
        return dict(sorted(self._met.get(kind, Counter()).items()))

    def of(self, table: str, values: pl.Series) -> pl.Series:
        """The word of each descriptor; null where it is empty, or unmapped and counted."""
        counted = values.drop_nulls().value_counts()
        found = {value: self._word(table, value) for value in counted[values.name].to_list()}
        for value, count in counted.iter_rows():
            if found[value] is None:
                self._met.setdefault(self._kind, Counter())[table, code_of(value)] += count
        return values.replace_strict(found, default=None, return_dtype=pl.String)

    def suggestions(self) -> str:
        """The unmapped values as TOML for the district's mapping, to be read and corrected."""
        lines, before = [], None
        for (table, code), count in self.unmapped.items():
            if table != before:
                lines.append(f"[edfi.{table}]  # {' | '.join(self._choices(table))}")
            guess = _quoted(self._guess(table, code))
            lines.append(f"{_quoted(code)} = {guess}  # {count:,} times")
            before = table
        return "\n".join(lines)

    def _word(self, table: str, value: str) -> str | None:
        words = self._tables[table]
        return words.get(_plain(value), words.get(_plain(code_of(value))))

    def _choices(self, table: str) -> list[str]:
        if table == "behaviors":
            return ["1", "2", "3", "4", "5"]
        return sorted({*self._tables[table].values(), IGNORE})

    def _guess(self, table: str, code: str) -> str:
        """A word for the suggestion alone; empty where nothing is near."""
        near = get_close_matches(_plain(code), self._tables[table], n=1, cutoff=0.5)
        return self._tables[table][near[0]] if near else ""


def code_of(descriptor: str) -> str:
    """`Tardy` of `uri://ed-fi.org/AttendanceEventCategoryDescriptor#Tardy`."""
    return descriptor.rpartition("#")[2].strip()


def code_expr(descriptor: pl.Expr) -> pl.Expr:
    """The code of a column of descriptors."""
    return descriptor.str.replace(r"^.*#", "").str.strip_chars()


def _plain(text: str) -> str:
    return text.strip().casefold()


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
