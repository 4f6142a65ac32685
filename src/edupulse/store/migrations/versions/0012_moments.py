"""The instants to come at which rights change though no record comes any more."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, DateTime, PrimaryKeyConstraint

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

KINDS = (
    "records.staff", "records.caseloads", "records.section_staff", "records.section_students",
    "records.enrollments", "apart.guardians", "records.students", "records.student_ids",
    "records.schools", "records.terms", "records.sections",
)  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "moments",
        Column("instant", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("instant", name="moments_pkey"),
        schema="state",
    )
    for table in (f"{kind}{past}" for kind in KINDS for past in ("", "_past")):
        op.execute(
            "INSERT INTO state.moments"  # noqa: S608  (constants of this file)
            f" SELECT DISTINCT known_from FROM {table} WHERE known_from > now()"
            " ON CONFLICT DO NOTHING"
        )


def downgrade() -> None:
    op.drop_table("moments", schema="state")
