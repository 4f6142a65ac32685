"""Versions of students and of what answers rest on: they grow with what they follow."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, PrimaryKeyConstraint, Text

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

GROW = """
CREATE FUNCTION state.next_version(version bigint) RETURNS bigint LANGUAGE sql VOLATILE
    SET search_path = pg_catalog AS
$$ SELECT greatest(version + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint) $$;

CREATE FUNCTION state.bump(named text) RETURNS void LANGUAGE sql
    SECURITY DEFINER SET search_path = pg_catalog AS
$$ UPDATE state.versions SET version = state.next_version(version) WHERE name = named $$;

CREATE FUNCTION state.bump_named() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog AS
$$ BEGIN
    FOR n IN 0 .. TG_NARGS - 1 LOOP PERFORM state.bump(TG_ARGV[n]); END LOOP;
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION state.bump(text), state.bump_named() FROM PUBLIC;

INSERT INTO state.versions
SELECT name, state.next_version(0) FROM unnest(ARRAY['reference', 'registry', 'rights', 'tokens'])
    AS name;
"""

# Row by row: a statement that changed nothing must not wait for an import that holds a version.
FOLLOWED = {
    "identity.district": ("INSERT OR UPDATE OR DELETE", "'reference', 'registry', 'rights'"),
    "state.checkpoints": ("INSERT OR UPDATE OR DELETE", "'registry'"),
    "state.tokens": ("UPDATE OR DELETE", "'tokens'"),
}
"""What is written in more than one place, and which versions follow it."""

RULE = "(SELECT access.everyone('facts')) OR student IN (SELECT access.students('facts'))"


def upgrade() -> None:
    op.create_table(
        "versions",
        Column("name", Text(), nullable=False),
        Column("version", BigInteger(), nullable=False),
        PrimaryKeyConstraint("name", name="versions_pkey"),
        schema="state",
    )
    op.create_table(
        "student_versions",
        Column("student", Integer(), autoincrement=False, nullable=False),
        Column("version", BigInteger(), nullable=False),
        PrimaryKeyConstraint("student", name="student_versions_pkey"),
        schema="state",
    )
    op.execute(GROW)
    for table, (events, names) in FOLLOWED.items():
        op.execute(
            f"CREATE TRIGGER followed AFTER {events} ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION state.bump_named({names})"
        )
    op.execute("ALTER TABLE state.student_versions ENABLE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY viewers ON state.student_versions USING ({RULE}) WITH CHECK ({RULE})"
    )


def downgrade() -> None:
    for table in FOLLOWED:
        op.execute(f"DROP TRIGGER followed ON {table}")
    op.execute("DROP FUNCTION state.bump_named()")
    op.execute("DROP FUNCTION state.bump(text)")
    op.execute("DROP FUNCTION state.next_version(bigint)")
    op.drop_table("student_versions", schema="state")
    op.drop_table("versions", schema="state")
