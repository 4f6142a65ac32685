"""The tables: the migrations make what the definitions say, up and down."""

from __future__ import annotations

from collections.abc import Callable

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from edupulse.school.records import KINDS
from edupulse.store import connection, schema
from edupulse.store.tables import SCHEMAS, metadata


def test_the_migrations_make_the_tables_that_the_code_defines(empty_database: Callable[[], str]):
    engine = connection.engine(empty_database())
    with engine.connect() as connected:
        context = MigrationContext.configure(
            connected, opts={"include_schemas": True, "compare_server_default": True}
        )
        differences = compare_metadata(context, metadata)
    engine.dispose()
    assert differences == []


def test_migrations_go_down_to_nothing_and_up_again(empty_database: Callable[[], str]):
    engine = connection.engine(empty_database())
    schema.downgrade(engine, "base")
    assert not set(inspect(engine).get_schema_names()) & set(SCHEMAS)
    with engine.connect() as connected:
        assert schema.applied_revision(connected) is None
    schema.migrate(engine)
    schema.migrate(engine)
    with engine.connect() as connected:
        assert schema.applied_revision(connected) == schema.head_revision()
        context = MigrationContext.configure(connected)
        assert schema.applied_revision(connected) == context.get_current_revision()
    engine.dispose()


def test_a_database_without_tables_stands_at_no_revision(empty_database: Callable[[], str]):
    engine = connection.engine(empty_database())
    with engine.begin() as connected:
        schema.drop(connected)
        assert schema.applied_revision(connected) is None
    engine.dispose()


def test_the_newest_revision_is_the_one_that_alembic_finds():
    assert schema.head_revision() == ScriptDirectory(str(schema.MIGRATIONS)).get_current_head()


def test_every_kind_has_a_table_for_now_and_one_for_the_past():
    names = set(metadata.tables)
    for kind in KINDS:
        place = "apart" if kind.apart else "records"
        assert {f"{place}.{kind.name}", f"{place}.{kind.name}_past"} <= names
