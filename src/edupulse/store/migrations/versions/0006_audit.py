"""The audit log: appended to by one function, chained by hashes, changed by nobody."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    LargeBinary,
    PrimaryKeyConstraint,
    Text,
    Uuid,
)

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

APPEND = """
-- Each part is preceded by its length in bytes, so that no two entries read the same.
CREATE FUNCTION state.audit_hash(before bytea, VARIADIC parts text[]) RETURNS bytea
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS
$$ SELECT sha256(before || convert_to(
       (SELECT string_agg(coalesce(octet_length(convert_to(p, 'UTF8')) || ':' || p, '-'), ','
            ORDER BY n)
        FROM unnest(parts) WITH ORDINALITY u (p, n)), 'UTF8')) $$;

CREATE FUNCTION state.append_audit(entries json) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS
$$
DECLARE
    entry record;
    last bigint;
    chain bytea;
    moment timestamptz;
BEGIN
    PERFORM pg_advisory_xact_lock(1163218017);
    SELECT number, hash INTO last, chain FROM state.audit ORDER BY number DESC LIMIT 1;
    IF NOT FOUND THEN
        last := 0;
        chain := ''::bytea;
    END IF;
    FOR entry IN
        SELECT v ->> 'what' AS what, v ->> 'who' AS who, v ->> 'purpose' AS purpose,
            (v ->> 'student')::uuid AS student, v -> 'body' AS body
        FROM json_array_elements(entries) WITH ORDINALITY e (v, n) ORDER BY n
    LOOP
        last := last + 1;
        moment := clock_timestamp();
        chain := state.audit_hash(chain, last::text,
            to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'),
            entry.what, entry.who, entry.purpose, entry.student::text, entry.body::text);
        INSERT INTO state.audit (number, at, what, who, purpose, student, body, hash)
        VALUES (last, moment, entry.what, entry.who, entry.purpose, entry.student, entry.body,
            chain);
    END LOOP;
    RETURN last;
END $$;
REVOKE EXECUTE ON FUNCTION state.append_audit(json), state.audit_hash(bytea, text[]) FROM PUBLIC;
"""

# Who may ask who saw a student's record: heads, the district, and the family.
SHOWN = """
CREATE OR REPLACE FUNCTION access.shows(role text, part text) RETURNS boolean LANGUAGE sql STABLE
    SECURITY DEFINER SET search_path = pg_catalog AS
$$ SELECT CASE
       WHEN role IN ('school_admin', 'district_admin')
           THEN part IN ('names', 'facts', 'scores', 'contacts', 'disclosures')
       WHEN role = 'counselor' THEN part IN ('names', 'facts', 'scores', 'contacts')
       WHEN role = 'teacher' THEN part IN ('names', 'facts', 'scores')
       WHEN role = 'analyst' THEN part IN ('facts', 'scores')
       WHEN role IN ('guardian', 'student')
           THEN part IN ('names', 'facts', 'disclosures') OR part = 'scores'
           AND coalesce((SELECT guardians_see_scores FROM identity.district), false)
       ELSE false END $$;

CREATE VIEW access.disclosures WITH (security_barrier) AS
SELECT i.student, a.number, a.at, a.what, a.who, a.purpose
FROM state.audit a JOIN identity.student i ON i.student_id = a.student
WHERE (SELECT access.everyone('disclosures'))
   OR i.student IN (SELECT access.students('disclosures'));
"""


def upgrade() -> None:
    op.create_table(
        "audit",
        Column("number", BigInteger(), autoincrement=False, nullable=False),
        Column("at", DateTime(timezone=True), nullable=False),
        Column("what", Text(), nullable=False),
        Column("who", Text(), nullable=False),
        Column("purpose", Text(), nullable=False),
        Column("student", Uuid()),
        Column("body", JSON(), nullable=False),
        Column("hash", LargeBinary(), nullable=False),
        PrimaryKeyConstraint("number", name="audit_pkey"),
        schema="state",
    )
    op.create_index("audit_student_index", "audit", ["student"], schema="state")
    for name, event, each in (
        ("written_once", "UPDATE OR DELETE", "ROW"),
        ("never_emptied", "TRUNCATE", "STATEMENT"),
    ):
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {event} ON state.audit"
            f" FOR EACH {each} EXECUTE FUNCTION state.written_once()"
        )
    op.execute(APPEND)
    op.execute(SHOWN)
    op.execute("ALTER TABLE state.audit ENABLE ROW LEVEL SECURITY")


def downgrade() -> None:
    op.execute("DROP VIEW access.disclosures")
    op.execute("DROP FUNCTION state.append_audit(json)")
    op.execute("DROP FUNCTION state.audit_hash(bytea, text[])")
    op.drop_table("audit", schema="state")
