"""Tokens of programs: their hashes, what they may do, until when."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    ARRAY,
    Column,
    DateTime,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
    Uuid,
)

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tokens",
        Column("id", Uuid(), nullable=False),
        Column("name", Text(), nullable=False),
        Column("hash", LargeBinary(), nullable=False),
        Column("scopes", ARRAY(Text()), nullable=False),
        Column("staff", Integer()),
        Column("by", Text(), nullable=False),
        Column("created", DateTime(timezone=True), nullable=False),
        Column("expires", DateTime(timezone=True), nullable=False),
        Column("revoked", DateTime(timezone=True)),
        PrimaryKeyConstraint("id", name="tokens_pkey"),
        UniqueConstraint("hash", name="tokens_hash_key"),
        schema="state",
    )


def downgrade() -> None:
    op.drop_table("tokens", schema="state")
