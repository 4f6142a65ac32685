"""What monitoring saw of what serves, for everyone to read."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, DateTime, Identity, PrimaryKeyConstraint, Text
from sqlalchemy.dialects.postgresql import JSONB

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "watches",
        Column("number", BigInteger(), Identity(always=True), nullable=False),
        Column("seen", DateTime(timezone=True), nullable=False),
        Column("checkpoint", Text(), nullable=False),
        Column("report", JSONB(), nullable=False),
        PrimaryKeyConstraint("number", name="watches_pkey"),
        schema="state",
    )


def downgrade() -> None:
    op.drop_table("watches", schema="state")
