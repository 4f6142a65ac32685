"""A teacher's students found section by section, through the indexes, whatever the planner thinks.

Planned freely, the view read every seat and every enrollment of the district for each request.
"""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

BY_SECTION = """
CREATE OR REPLACE VIEW access.taught AS
WITH today AS MATERIALIZED (
    SELECT school, day FROM access.today
), mine AS MATERIALIZED (
    SELECT c.section, c.term_id, h.day, t.begins_on, t.ends_on
    FROM access.section_staff st
    CROSS JOIN LATERAL (
        SELECT * FROM access.sections x WHERE x.section = st.section OFFSET 0
    ) c
    JOIN today h USING (school)
    LEFT JOIN access.terms t ON t.school = c.school AND t.term_id = c.term_id
    WHERE st.staff = access.asked('staff')::integer
), seated AS MATERIALIZED (
    SELECT DISTINCT ss.student
    FROM mine m
    CROSS JOIN LATERAL (
        SELECT * FROM access.section_students x WHERE x.section = m.section OFFSET 0
    ) ss
    WHERE ss.entered_on <= m.day AND (ss.left_on IS NULL OR ss.left_on >= m.day)
      AND (m.term_id IS NULL OR m.day BETWEEN m.begins_on AND m.ends_on)
      AND (m.term_id IS NOT NULL OR ss.entered_on = '0001-01-01' OR m.day - ss.entered_on <= 366)
)
SELECT s.student
FROM seated s
CROSS JOIN LATERAL (
    SELECT 1 FROM access.enrollments e JOIN today USING (school)
    WHERE e.student = s.student
      AND e.entered_on <= today.day AND (e.left_on IS NULL OR e.left_on >= today.day)
    LIMIT 1
) enrolled
"""

FREELY = """
CREATE OR REPLACE VIEW access.taught AS
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
  AND EXISTS (SELECT 1 FROM access.enrolled e WHERE e.student = ss.student)
"""


def upgrade() -> None:
    op.execute(BY_SECTION)


def downgrade() -> None:
    op.execute(FREELY)
