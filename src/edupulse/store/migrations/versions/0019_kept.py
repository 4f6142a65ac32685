"""What a source keeps from one reading to the next, beside how far it was read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("syncs", sa.Column("kept", sa.LargeBinary()), schema="state")
    # It is packed already.
    op.execute("ALTER TABLE state.syncs ALTER kept SET STORAGE EXTERNAL")


def downgrade() -> None:
    op.drop_column("syncs", "kept", schema="state")
