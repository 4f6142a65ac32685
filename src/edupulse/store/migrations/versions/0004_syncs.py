"""How far each configured source was read."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, DateTime, PrimaryKeyConstraint, Text, Uuid

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "syncs",
        Column("source", Text(), nullable=False),
        Column("through", Text()),
        Column("finished", DateTime(timezone=True), nullable=False),
        Column("whole", DateTime(timezone=True), nullable=False),
        Column("import", Uuid(), nullable=False),
        PrimaryKeyConstraint("source", name="syncs_pkey"),
        schema="state",
    )


def downgrade() -> None:
    op.drop_table("syncs", schema="state")
