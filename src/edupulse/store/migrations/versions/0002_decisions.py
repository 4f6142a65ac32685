"""Whose records a database holds, and every decision about what serves, written once."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    PrimaryKeyConstraint,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("district", Column("simulated", Boolean()), schema="identity")
    op.create_table(
        "decisions",
        Column("number", BigInteger(), Identity(always=True), nullable=False),
        Column("decided", DateTime(timezone=True), nullable=False),
        Column("action", Text(), nullable=False),
        Column("checkpoint", Text(), nullable=False),
        Column("before", Text()),
        Column("by", Text(), nullable=False),
        Column("because", Text(), nullable=False),
        Column("grounds", JSONB(), nullable=False),
        PrimaryKeyConstraint("number", name="decisions_pkey"),
        CheckConstraint(
            "action IN ('promoted', 'refused', 'rolled_back', 'retired')",
            name="decisions_action_check",
        ),
        schema="state",
    )
    op.execute(
        """
        CREATE FUNCTION state.written_once() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'rows of % are written once', TG_TABLE_NAME;
        END $$
        """
    )
    for name, event, each in (
        ("written_once", "UPDATE OR DELETE", "ROW"),
        ("never_emptied", "TRUNCATE", "STATEMENT"),
    ):
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {event} ON state.decisions"
            f" FOR EACH {each} EXECUTE FUNCTION state.written_once()"
        )


def downgrade() -> None:
    op.drop_table("decisions", schema="state")
    op.execute("DROP FUNCTION state.written_once()")
    op.drop_column("district", "simulated", schema="identity")
