"""Who may see which student, decided a second time by the database: row-level security.

A session says who asks and when (`edupulse.at`, and one of `edupulse.staff`, `edupulse.guardian`,
`edupulse.student`); the rest is read from the records. Without these settings nobody sees anybody.
The owner of the tables is not held by this: imports, scoring and training are his.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import Boolean, Column, false

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

DATED = {
    "students": "student, birth_date",
    "student_ids": "old_student_id, student",
    "staff": "staff, school, role",
    "caseloads": 'staff, student, "from", "to"',
    "schools": "school, timezone",
    "terms": "school, term_id, begins_on, ends_on",
    "sections": "section, school, term_id",
    "section_staff": "section, staff",
    "section_students": "section, student, entered_on, left_on",
    "enrollments": "student, school, entered_on, left_on",
}
"""What rights rest on, and the columns that they need."""

SEARCHED = {
    "records.caseloads": "staff",
    "records.section_staff": "staff",
    "records.section_students": "section",
    "records.enrollments": "school",
    "apart.guardians": "guardian_id",
}
"""By what a person's students are found."""

FACTS = ("student_ids", "enrollments", "section_students", "caseloads")
EVENTS = ("attendance", "marks", "course_grades", "incidents", "exclusions")
REFERENCE = ("schools", "coverage", "calendar", "terms", "scales", "sections")

FUNCTIONS = """
CREATE FUNCTION access.asked(what text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT nullif(current_setting('edupulse.' || what, true), '') $$;

CREATE FUNCTION access.at() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT access.asked('at')::timestamptz $$;

-- The words of a role are stored by their position in the definition of the kind `staff`.
CREATE FUNCTION access.shows(role text, part text) RETURNS boolean LANGUAGE sql STABLE
    SECURITY DEFINER SET search_path = pg_catalog AS
$$ SELECT CASE
       WHEN role IN ('counselor', 'school_admin', 'district_admin')
           THEN part IN ('names', 'facts', 'scores', 'contacts')
       WHEN role = 'teacher' THEN part IN ('names', 'facts', 'scores')
       WHEN role = 'analyst' THEN part IN ('facts', 'scores')
       WHEN role IN ('guardian', 'student') THEN part IN ('names', 'facts') OR part = 'scores'
           AND coalesce((SELECT guardians_see_scores FROM identity.district), false)
       ELSE false END $$;
"""

RIGHTS = """
CREATE VIEW access.roles AS
SELECT school, (
    ARRAY['teacher', 'counselor', 'school_admin', 'district_admin', 'analyst']
)[role + 1] AS role
FROM access.staff WHERE staff = access.asked('staff')::integer;

CREATE FUNCTION access.everyone(part text) RETURNS boolean LANGUAGE sql STABLE
    SECURITY DEFINER SET search_path = pg_catalog AS
$$ SELECT access.at() IS NOT NULL AND EXISTS (
       SELECT 1 FROM access.roles
       WHERE role IN ('district_admin', 'analyst') AND access.shows(role, part)) $$;

CREATE VIEW access.survivors AS
WITH RECURSIVE way (first, student, seen) AS (
    SELECT old_student_id, student, ARRAY[old_student_id] FROM access.student_ids
    UNION ALL
    SELECT way.first, m.student, way.seen || m.old_student_id
    FROM way JOIN access.student_ids m ON m.old_student_id = way.student
    WHERE way.student <> ALL (way.seen)
)
SELECT first AS student, student AS survivor FROM way
WHERE NOT EXISTS (SELECT 1 FROM access.student_ids m WHERE m.old_student_id = way.student);

CREATE VIEW access.today AS
SELECT s.school, (access.at() AT TIME ZONE coalesce(s.timezone, d.timezone, 'UTC'))::date AS day
FROM access.schools s LEFT JOIN identity.district d ON true;

CREATE VIEW access.day AS
SELECT (access.at() AT TIME ZONE timezone)::date AS day FROM identity.district;

CREATE VIEW access.enrolled AS
SELECT e.student, e.school FROM access.enrollments e JOIN access.today USING (school)
WHERE e.entered_on <= day AND (e.left_on IS NULL OR e.left_on >= day);

CREATE VIEW access.taught AS
SELECT ss.student
FROM access.section_staff st
JOIN access.sections c USING (section)
JOIN access.today h USING (school)
JOIN access.section_students ss USING (section)
LEFT JOIN access.terms t ON t.school = c.school AND t.term_id = c.term_id
WHERE st.staff = access.asked('staff')::integer
  AND ss.entered_on <= h.day AND (ss.left_on IS NULL OR ss.left_on >= h.day)
  AND (c.term_id IS NULL OR h.day BETWEEN t.begins_on AND t.ends_on)
  AND (c.term_id IS NOT NULL OR ss.entered_on = '0001-01-01' OR h.day - ss.entered_on <= 366)
  AND EXISTS (SELECT 1 FROM access.enrolled e WHERE e.student = ss.student);

CREATE VIEW access.looked_after AS
SELECT student FROM access.caseloads, access.day
WHERE staff = access.asked('staff')::integer
  AND "from" <= day AND ("to" IS NULL OR "to" >= day);

CREATE VIEW access.claimed AS
SELECT coalesce(v.survivor, c.student) AS student, bool_and(c.may) AS may, c.adult
FROM (
    SELECT student, coalesce(may_see_records, false) AS may, false AS adult
    FROM access.guardians WHERE guardian_id = access.asked('guardian')
    UNION ALL SELECT student, true, true
    FROM identity.student WHERE student = access.asked('student')::integer
) c LEFT JOIN access.survivors v USING (student)
GROUP BY 1, 3;

CREATE VIEW access.born AS
SELECT c.student, s.birth_date
FROM access.claimed c JOIN access.students s USING (student)
UNION ALL
SELECT c.student, s.birth_date
FROM access.claimed c JOIN access.survivors v ON v.survivor = c.student
JOIN access.students s ON s.student = v.student;

-- Before 18 the guardians, from then on the student alone; without a birth date nobody.
CREATE VIEW access.own AS
SELECT c.student, c.adult
FROM access.claimed c JOIN access.born b USING (student) CROSS JOIN access.day
WHERE c.may AND b.birth_date IS NOT NULL
GROUP BY c.student, c.adult
HAVING bool_and(((b.birth_date + interval '18 years')::date <= day) = c.adult);

CREATE FUNCTION access.students(part text) RETURNS SETOF integer LANGUAGE sql STABLE
    SECURITY DEFINER SET search_path = pg_catalog AS
$$
    WITH tied AS (
        SELECT student FROM access.taught WHERE access.shows('teacher', part)
            AND EXISTS (SELECT 1 FROM access.roles WHERE role = 'teacher')
        UNION SELECT student FROM access.looked_after WHERE access.shows('counselor', part)
            AND EXISTS (SELECT 1 FROM access.roles WHERE role = 'counselor')
        UNION SELECT e.student FROM access.enrolled e WHERE access.shows('school_admin', part)
            AND e.school IN (SELECT school FROM access.roles WHERE role = 'school_admin')
        UNION SELECT student FROM access.own WHERE access.shows('guardian', part)
    ), standing AS (
        SELECT coalesce(v.survivor, tied.student) AS student
        FROM tied LEFT JOIN access.survivors v USING (student)
    )
    SELECT student FROM standing
    UNION SELECT v.student FROM access.survivors v JOIN standing s ON s.student = v.survivor
$$;

CREATE VIEW access.names WITH (security_barrier) AS
SELECT i.student, i.student_id, i.local_id, s.first_name, s.last_name, s.birth_date
FROM identity.student i
LEFT JOIN records.students s ON s.student = i.student AND NOT s.retracted
WHERE (SELECT access.everyone('names')) OR i.student IN (SELECT access.students('names'));
"""


def upgrade() -> None:
    op.add_column(
        "district",
        Column("guardians_see_scores", Boolean(), server_default=false(), nullable=False),
        schema="identity",
    )
    for table, column in _searched():
        schema, name = table.split(".")
        op.create_index(f"{name}_{column}_index", name, [column], schema=schema)
    op.execute("CREATE SCHEMA access")
    op.execute(FUNCTIONS)
    for kind, columns in DATED.items():
        _as_known("records", kind, columns)
    _as_known("apart", "guardians", "student, guardian_id, may_see_records")
    op.execute(RIGHTS)
    op.execute("REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA access FROM PUBLIC")
    _policies()


def downgrade() -> None:
    for table, _ in _protected():
        op.execute(f"DROP POLICY viewers ON {table}")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    op.execute("DROP SCHEMA access CASCADE")
    for table, column in _searched():
        schema, name = table.split(".")
        op.drop_index(f"{name}_{column}_index", name, schema=schema)
    op.drop_column("district", "guardians_see_scores", schema="identity")


def _searched() -> list[tuple[str, str]]:
    return [(f"{table}{past}", by) for table, by in SEARCHED.items() for past in ("", "_past")]


def _as_known(schema: str, kind: str, columns: str) -> None:
    """A view of the versions that held at the instant of the asking."""
    held = "NOT retracted AND known_from <= access.at()"
    op.execute(
        f"CREATE VIEW access.{kind} AS"  # noqa: S608  (constants of this file)
        f" SELECT {columns} FROM {schema}.{kind} WHERE {held} UNION ALL"
        f" SELECT {columns} FROM {schema}.{kind}_past WHERE {held} AND known_until > access.at()"
    )


def _protected() -> list[tuple[str, str]]:
    """Every table with a student in it, and what of the student it shows."""
    kinds = [("records", kind, "facts") for kind in (*FACTS, *EVENTS)]
    kinds += [("records", "students", "names"), ("apart", "guardians", "contacts")]
    kinds += [("apart", "demographics", "nothing")]
    versions = [(f"{schema}.{kind}{past}", part) for schema, kind, part in kinds
                for past in ("", "_past")]  # fmt: skip
    return [
        *versions,
        ("identity.student", "facts"),
        ("state.risks", "scores"),
        ("state.feedback", "scores"),
    ]


def _policies() -> None:
    for table, part in _protected():
        rule = (
            f"(SELECT access.everyone('{part}')) OR student IN (SELECT access.students('{part}'))"
        )
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY viewers ON {table} USING ({rule}) WITH CHECK ({rule})")
