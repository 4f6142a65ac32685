"""Plans for students, and what was done of them; who may write plans is a part of its own."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Text,
    Uuid,
)

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

SHOWS = """
CREATE OR REPLACE FUNCTION access.shows(role text, part text) RETURNS boolean LANGUAGE sql STABLE
    SECURITY DEFINER SET search_path = pg_catalog AS
$$ SELECT CASE
       WHEN role IN ('school_admin', 'district_admin')
           THEN part IN ('names', 'facts', 'scores', 'contacts', 'disclosures'{plans})
       WHEN role = 'counselor' THEN part IN ('names', 'facts', 'scores', 'contacts'{plans})
       WHEN role = 'teacher' THEN part IN ('names', 'facts', 'scores'{plans})
       WHEN role = 'analyst' THEN part IN ('facts', 'scores')
       WHEN role IN ('guardian', 'student')
           THEN part IN ('names', 'facts', 'disclosures') OR part = 'scores'
           AND coalesce((SELECT guardians_see_scores FROM identity.district), false)
       ELSE false END $$;
"""


def upgrade() -> None:
    op.create_table(
        "interventions",
        Column("id", Uuid(), nullable=False),
        Column("student", Integer(), nullable=False),
        Column("option", Text()),
        Column("title", Text(), nullable=False),
        Column("provider", Text(), nullable=False),
        Column("begins_on", Date(), nullable=False),
        Column("ends_on", Date()),
        Column("sessions_per_week", SmallInteger()),
        Column("minutes", SmallInteger()),
        Column("by", Text(), nullable=False),
        Column("planned", DateTime(timezone=True), nullable=False),
        Column("closed", DateTime(timezone=True)),
        Column("closed_by", Text()),
        Column("outcome", Text()),
        Column("reason", Text(), server_default="", nullable=False),
        PrimaryKeyConstraint("id", name="interventions_pkey"),
        ForeignKeyConstraint(
            ["student"], ["identity.student.student"], name="interventions_student_fkey"
        ),
        CheckConstraint(
            "(closed IS NULL) = (outcome IS NULL)", name=op.f("interventions_closed_check")
        ),
        schema="state",
    )
    op.create_index("interventions_student_index", "interventions", ["student"], schema="state")
    op.create_table(
        "sessions",
        Column("id", Uuid(), nullable=False),
        Column("intervention", Uuid(), nullable=False),
        Column("student", Integer(), nullable=False),
        Column("held_on", Date(), nullable=False),
        Column("minutes", SmallInteger(), nullable=False),
        Column("attended", Boolean(), nullable=False),
        Column("by", Text(), nullable=False),
        Column("logged", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("id", name="sessions_pkey"),
        ForeignKeyConstraint(
            ["intervention"],
            ["state.interventions.id"],
            name="sessions_intervention_fkey",
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["student"], ["identity.student.student"], name="sessions_student_fkey"
        ),
        schema="state",
    )
    op.create_index("sessions_intervention_index", "sessions", ["intervention"], schema="state")
    op.create_index("sessions_student_index", "sessions", ["student"], schema="state")
    op.execute(SHOWS.format(plans=", 'plans'"))
    for table in ("interventions", "sessions"):
        op.execute(f"ALTER TABLE state.{table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY viewers ON state.{table} FOR SELECT USING ({_rule('facts')})")
        op.execute(
            f"CREATE POLICY planners ON state.{table} FOR INSERT WITH CHECK ({_rule('plans')})"
        )
    op.execute(
        f"CREATE POLICY closers ON state.interventions FOR UPDATE USING ({_rule('plans')})"
        f" WITH CHECK ({_rule('plans')})"
    )


def _rule(part: str) -> str:
    return f"(SELECT access.everyone('{part}')) OR student IN (SELECT access.students('{part}'))"


def downgrade() -> None:
    op.execute(SHOWS.format(plans=""))
    for table in ("sessions", "interventions"):
        op.drop_table(table, schema="state")
