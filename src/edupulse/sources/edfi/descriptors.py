"""From Ed-Fi descriptors to our words: the tables that a district extends by its mapping.

A descriptor is looked up by its whole URI first, then by its code (what follows `#`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import polars as pl

from edupulse.sources import federal, words
from edupulse.sources.mapping import DistrictMapping
from edupulse.sources.words import IGNORE, PARTIAL

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
        # Who heads a school or district sees everyone there: only the district may say who.
        "staff_roles": {
            **{
                f"{level} Teacher": "teacher"
                for level in ("Pre-Kindergarten", "Kindergarten", "Elementary", "Secondary")
            },
            "Ungraded Teacher": "teacher",
            "Substitute Teacher": "teacher",
            "Teacher": "teacher",
            "Counselor": "counselor",
            "School Counselor": "counselor",
            "Elementary School Counselor": "counselor",
            "Secondary School Counselor": "counselor",
        },
        "races": {
            "American Indian - Alaska Native": federal.RACES["american_indian"],
            "Asian": federal.RACES["asian"],
            "Black - African American": federal.RACES["black"],
            "Native Hawaiian - Pacific Islander": federal.RACES["pacific"],
            "White": federal.RACES["white"],
            "Choose Not to Respond": IGNORE,
            "Other": IGNORE,
        },
        "english_proficiency": {
            "Limited": "learner",
            "Limited Monitored 1": "no learner",
            "Limited Monitored 2": "no learner",
            "NotLimited": "no learner",
            "Not Limited": "no learner",
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


class Words(words.Words):
    """The tables of Ed-Fi in force, and what was met that they do not have."""

    def __init__(self, mapping: DistrictMapping | None = None) -> None:
        super().__init__("edfi", DEFAULTS, mapping)

    def _guess(self, table: str, code: str) -> str:
        """No suggestion of who may see whom."""
        return "" if table == "staff_roles" else super()._guess(table, code)

    def code_of(self, value: str) -> str:
        """The code of a descriptor."""
        return code_of(value)


def code_of(descriptor: str) -> str:
    """`Tardy` of `uri://ed-fi.org/AttendanceEventCategoryDescriptor#Tardy`."""
    return descriptor.rpartition("#")[2].strip()


def code_expr(descriptor: pl.Expr) -> pl.Expr:
    """The code of a column of descriptors."""
    return descriptor.str.replace(r"^.*#", "").str.strip_chars()
