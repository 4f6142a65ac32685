"""A district small enough to read: two schools in two time zones, three students, one autumn."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

FIRST, LAST = date(2025, 9, 1), date(2025, 12, 19)


def calendar() -> str:
    days = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
    rows = [
        f"{school},{day},{str(day.weekday() < 5).lower()}" for school in ("N", "S") for day in days
    ]
    return "\n".join(["school_id,date,instructional", *rows])


SMALL = {
    "schools": """school_id,name,timezone,records_incidents
N,North,America/Chicago,true
S,South,America/New_York,true""",
    "calendar": calendar(),
    "terms": """school_id,term_id,begins_on,ends_on
N,Q1,2025-09-01,2025-10-31
N,Q2,2025-11-03,2025-12-19
S,Q1,2025-09-01,2025-12-19""",
    "scales": "school_id,code,percent,passing\nN,B,85,true",
    "students": "student_id,first_name,last_name\n1,Ada,A\n2,Ben,B\n3,Cai,C",
    "enrollments": """student_id,school_id,grade_level,entered_on,left_on,exit_type
1,N,9,2025-09-01,,
2,N,9,2025-09-01,2025-10-10,transferred
2,S,9,2025-10-13,,
3,S,9,2025-09-01,,""",
    "sections": """section_id,school_id,term_id,subject
ALG,N,Q1,math
ART,S,,other""",
    "section_students": "section_id,student_id,entered_on\nALG,1,2025-09-01\nART,3,2025-09-01",
    "attendance": """student_id,date,status
1,2025-09-15,unexcused
2,2025-09-16,excused
2,2025-10-20,unexcused
3,2025-09-17,tardy""",
    "marks": """student_id,section_id,assignment_id,due_on,points,points_possible
1,ALG,a1,2025-09-05,8,10
1,ALG,a2,2025-09-19,6.5,10""",
    "course_grades": """student_id,section_id,posted_on,percent,code
1,ALG,2025-10-31,,B""",
    "incidents": """incident_id,student_id,date,behavior,overturned
i1,1,2025-09-22,fighting,true""",
    "exclusions": "incident_id,student_id,kind,begins_on,days\ni1,1,out_of_school,2025-09-23,2",
    "demographics": "student_id,sex,home_language\n1,female,Spanish",
    "guardians": "student_id,guardian_id,name\n1,g1,Zoe",
}
"""The text of each file."""


def write_folder(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for kind, text in files.items():
        (folder / f"{kind}.csv").write_text(text + "\n", encoding="utf-8")
    return folder


def small(**changed: str | None) -> dict[str, str]:
    """The small district with some files changed, or without those that are None."""
    files = {**SMALL, **changed}
    return {kind: text for kind, text in files.items() if text is not None}
