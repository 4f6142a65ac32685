"""What educators said about outcomes and predictions, written once."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Identity,
    Integer,
    PrimaryKeyConstraint,
    Text,
)

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "feedback",
        Column("number", BigInteger(), Identity(always=True), nullable=False),
        Column("given", DateTime(timezone=True), nullable=False),
        Column("student", Integer(), nullable=False),
        Column("as_of", DateTime(timezone=True), nullable=False),
        Column("off_track", Boolean()),
        Column("reason", Text(), nullable=False),
        Column("by", Text(), nullable=False),
        PrimaryKeyConstraint("number", name="feedback_pkey"),
        ForeignKeyConstraint(
            ["student"], ["identity.student.student"], name="feedback_student_fkey"
        ),
        schema="state",
    )
    op.execute(
        "CREATE TRIGGER written_once BEFORE UPDATE OR DELETE ON state.feedback"
        " FOR EACH ROW EXECUTE FUNCTION state.written_once()"
    )


def downgrade() -> None:
    op.drop_table("feedback", schema="state")
