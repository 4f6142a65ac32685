"""What is to be found out about two checkpoints, and that it was ended; both written once."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKeyConstraint,
    PrimaryKeyConstraint,
    Text,
    Uuid,
)

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "experiments",
        Column("id", Uuid(), nullable=False),
        Column("name", Text(), nullable=False),
        Column("challenger", Text(), nullable=False),
        Column("question", Text(), nullable=False),
        Column("measure", Text(), nullable=False),
        Column("begins_on", Date(), nullable=False),
        Column("ends_on", Date(), nullable=False),
        Column("champion", Text(), nullable=False),
        Column("by", Text(), nullable=False),
        Column("registered", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("id", name="experiments_pkey"),
        CheckConstraint("begins_on <= ends_on", name=op.f("experiments_days_check")),
        CheckConstraint("champion <> challenger", name=op.f("experiments_compared_check")),
        schema="state",
    )
    op.create_table(
        "experiment_ends",
        Column("experiment", Uuid(), nullable=False),
        Column("ended", DateTime(timezone=True), nullable=False),
        Column("by", Text(), nullable=False),
        Column("reason", Text(), nullable=False),
        PrimaryKeyConstraint("experiment", name="experiment_ends_pkey"),
        ForeignKeyConstraint(
            ["experiment"], ["state.experiments.id"], name="experiment_ends_experiment_fkey"
        ),
        schema="state",
    )
    for table in ("experiments", "experiment_ends"):
        for name, event, each in (
            ("written_once", "UPDATE OR DELETE", "ROW"),
            ("never_emptied", "TRUNCATE", "STATEMENT"),
        ):
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {event} ON state.{table}"
                f" FOR EACH {each} EXECUTE FUNCTION state.written_once()"
            )


def downgrade() -> None:
    for table in ("experiment_ends", "experiments"):
        op.drop_table(table, schema="state")
