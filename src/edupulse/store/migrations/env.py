"""Alembic's way in: runs the steps on the connection that `edupulse.store.schema` hands over."""

from __future__ import annotations

from alembic import context

from edupulse.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    include_schemas=True,
)
with context.begin_transaction():
    context.run_migrations()
