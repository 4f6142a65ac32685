"""From OneRoster's vocabularies to our words: tables that a district extends by its mapping."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from edupulse.sources import words
from edupulse.sources.mapping import DistrictMapping, nearest
from edupulse.sources.words import IGNORE, PARTIAL

SETTINGS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "grade levels": ("users", "classes"),
        "dateLastModified": ("known", IGNORE),
        "student ids": ("sourcedId", "identifier"),
        "school ids": ("sourcedId", "identifier"),
    }
)
"""What a district may choose, under `[oneroster.settings]`; the first is the default."""

DEFAULTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "roles": {
            "student": "student",
            "teacher": "teacher",
            "counselor": "counselor",
            "principal": "school_admin",
            "siteAdministrator": "school_admin",
            "districtAdministrator": "district_admin",
            "aide": IGNORE,
            "guardian": IGNORE,
            "parent": IGNORE,
            "proctor": IGNORE,
            "relative": IGNORE,
            "systemAdministrator": IGNORE,
        },
        "grade_levels": {
            "PR": "-1",
            "PK": "-1",
            "TK": "0",
            "KG": "0",
            "K": "0",
            **{str(level): str(level) for level in range(1, 13)},
            **{f"{level:02}": str(level) for level in range(1, 10)},
        },
        "results": {
            "fully graded": "scored",
            "exempt": "excused",
            "not submitted": "missing",
            "submitted": IGNORE,
            "partially graded": IGNORE,
        },
        "categories": {
            "Homework": "practice",
            "Classwork": "practice",
            "Practice": "practice",
            "Assignment": "practice",
            "Quiz": "assessment",
            "Quizzes": "assessment",
            "Test": "assessment",
            "Tests": "assessment",
            "Exam": "assessment",
            "Assessment": "assessment",
            "Assessments": "assessment",
        },
        "attendance": {
            "Present": "present",
            "Absent": "absent",
            "Excused": "excused",
            "Excused Absence": "excused",
            "Unexcused": "unexcused",
            "Unexcused Absence": "unexcused",
            "Tardy": "tardy",
            "Late": "tardy",
            "Partial": PARTIAL,
        },
        "subjects": {
            "English": "ela",
            "English Language Arts": "ela",
            "Math": "math",
            "Mathematics": "math",
            "Science": "science",
            "Social Studies": "social_studies",
        },
        "score_scales": {"percent": "percent", "points": "points"},
        "settings": {name: choices[0] for name, choices in SETTINGS.items()},
    }
)
"""Table to code to word, by the specifications 1.0 to 1.2 (1EdTech) and plain words."""

FINAL, PROGRESS = "final", "progress"
"""Categories of line items that are course grades, where a district says so."""

CHOICES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "roles": (
            *("student", "teacher", "counselor", "school_admin", "district_admin", "analyst"),
            IGNORE,
        ),
        "results": ("scored", "missing", "late", "excused", IGNORE),
        "categories": ("practice", "assessment", FINAL, PROGRESS, IGNORE),
        "settings": tuple(word for words_of_one in SETTINGS.values() for word in words_of_one),
    }
)
"""What a table may say beyond its defaults."""


class Words(words.Words):
    """The tables of OneRoster in force, and what was met that they do not have."""

    def __init__(self, mapping: DistrictMapping | None = None) -> None:
        super().__init__("oneroster", DEFAULTS, mapping, CHOICES)
        for name, word in self.mapping.words_of("oneroster").get("settings", {}).items():
            if name not in SETTINGS:
                self._refuse(f'settings."{name}"', "is no setting.", nearest(name, [*SETTINGS]))
            if word not in SETTINGS[name]:
                known = nearest(word, SETTINGS[name])
                self._refuse(f'settings."{name}"', f"{word!r} is no choice of it.", known)
