"""The answer that stands for each student, for whoever asks next."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    Uuid,
)

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

RULE = "(SELECT access.everyone('scores')) OR student IN (SELECT access.students('scores'))"


def upgrade() -> None:
    op.create_table(
        "standing",
        Column("student", Integer(), autoincrement=False, nullable=False),
        Column("risk", Uuid(), nullable=False),
        Column("registry", BigInteger(), nullable=False),
        Column("reference", BigInteger(), nullable=False),
        Column("version", BigInteger(), nullable=False),
        Column("until", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("student", name="standing_pkey"),
        ForeignKeyConstraint(
            ["student"], ["identity.student.student"], name="standing_student_fkey"
        ),
        schema="state",
        # Every night writes every row anew: with room in its page no index has to follow.
        postgresql_with={"fillfactor": 50},
    )
    op.execute("ALTER TABLE state.standing ENABLE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY viewers ON state.standing USING ({RULE}) WITH CHECK ({RULE})")


def downgrade() -> None:
    op.drop_table("standing", schema="state")
