"""Imports and trainings that are asked for and run by themselves."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    Double,
    PrimaryKeyConstraint,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "runs",
        Column("id", Uuid(), nullable=False),
        Column("what", Text(), nullable=False),
        Column("wanted", JSONB(), nullable=False),
        Column("by", Text(), nullable=False),
        Column("asked", DateTime(timezone=True), nullable=False),
        Column("launched", DateTime(timezone=True)),
        Column("began", DateTime(timezone=True)),
        Column("finished", DateTime(timezone=True)),
        Column("state", Text(), server_default="waiting", nullable=False),
        Column("doing", Text(), server_default="", nullable=False),
        Column("part", Double(), server_default="0", nullable=False),
        Column("report", JSONB()),
        Column("problem", Text()),
        PrimaryKeyConstraint("id", name="runs_pkey"),
        CheckConstraint("what IN ('import', 'training')", name=op.f("runs_what_check")),
        CheckConstraint(
            "state IN ('waiting', 'running', 'finished', 'refused', 'failed', 'interrupted')",
            name=op.f("runs_state_check"),
        ),
        schema="state",
    )
    op.create_index("runs_state_index", "runs", ["state"], schema="state")


def downgrade() -> None:
    op.drop_table("runs", schema="state")
