"""Writes that carry a key: what was asked, and the first answer."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, DateTime, LargeBinary, PrimaryKeyConstraint, SmallInteger, Uuid

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "requests",
        Column("digest", LargeBinary(), nullable=False),
        Column("content", LargeBinary(), nullable=False),
        Column("made", Uuid(), nullable=False),
        Column("began", DateTime(timezone=True), nullable=False),
        Column("until", DateTime(timezone=True), nullable=False),
        Column("status", SmallInteger()),
        Column("sealed", LargeBinary()),
        PrimaryKeyConstraint("digest", name="requests_pkey"),
        schema="state",
    )
    op.create_index("requests_began_index", "requests", ["began"], schema="state")


def downgrade() -> None:
    op.drop_table("requests", schema="state")
