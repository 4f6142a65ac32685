"""One question may have a second answer, where records that came late changed what was known."""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

QUESTION = ["student", "as_of", "method", "checkpoint", "policy"]


def upgrade() -> None:
    op.drop_constraint(f"risks_{'_'.join(QUESTION)}_key", "risks", schema="state")
    op.create_index("risks_student_as_of_index", "risks", ["student", "as_of"], schema="state")


def downgrade() -> None:
    op.execute(
        "DELETE FROM state.risks r USING state.risks s WHERE r.stored > s.stored"
        " AND (r.student, r.as_of, r.method, r.checkpoint, r.policy)"
        " = (s.student, s.as_of, s.method, s.checkpoint, s.policy)"
    )
    op.drop_index("risks_student_as_of_index", "risks", schema="state")
    op.create_unique_constraint(
        f"risks_{'_'.join(QUESTION)}_key", "risks", QUESTION, schema="state"
    )
