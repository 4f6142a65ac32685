"""What happens is announced in its own transaction, to whoever asked to be told."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Identity,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# `edupulse.quiet` is said while a backup is restored: what it brings happened long ago.
ANNOUNCE = """
CREATE FUNCTION state.is_heard(event text) RETURNS boolean LANGUAGE sql STABLE
    SECURITY DEFINER SET search_path = pg_catalog AS
$$ SELECT coalesce(current_setting('edupulse.quiet', true), '') <> 'on'
    AND EXISTS (SELECT 1 FROM state.webhooks WHERE event = ANY (events)) $$;

CREATE FUNCTION state.announce(event text, whose integer, what jsonb) RETURNS void LANGUAGE sql
    SECURITY DEFINER SET search_path = pg_catalog AS
$$ WITH made AS (
       INSERT INTO state.events (name, student, body) VALUES (event, whose, what) RETURNING number
   )
   INSERT INTO state.deliveries (event, webhook)
   SELECT made.number, w.id FROM made, state.webhooks w WHERE event = ANY (w.events) $$;

CREATE FUNCTION state.announce_bands() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog AS
$$ BEGIN
    IF NOT state.is_heard('risk.band_changed') THEN RETURN NULL; END IF;
    PERFORM state.announce('risk.band_changed', n.student, jsonb_build_object(
        'student_id', i.student_id, 'prediction_id', n.id, 'as_of', n.as_of,
        'before', b.band, 'band', n.body ->> 'risk_category'))
    FROM said n JOIN identity.student i ON i.student = n.student
    CROSS JOIN LATERAL (
        SELECT r.body ->> 'risk_category' AS band FROM state.risks r
        WHERE r.student = n.student AND r.state = 'band' AND r.as_of <= n.as_of AND r.id <> n.id
        ORDER BY r.as_of DESC, r.stored DESC LIMIT 1
    ) b
    WHERE n.state = 'band' AND b.band <> n.body ->> 'risk_category' AND NOT EXISTS (
        SELECT 1 FROM state.risks l
        WHERE l.student = n.student AND l.state = 'band' AND l.as_of > n.as_of);
    RETURN NULL;
END $$;

CREATE FUNCTION state.announce_model() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog AS
$$ BEGIN
    IF state.is_heard('model.promoted') THEN
        PERFORM state.announce('model.promoted', NULL, jsonb_build_object(
            'checkpoint', NEW.checkpoint, 'before', NEW.before, 'action', NEW.action));
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION state.announce_import() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog AS
$$ BEGIN
    IF state.is_heard('import.finished') THEN
        PERFORM state.announce('import.finished', NULL, (
            SELECT jsonb_build_object('import_id', NEW.id, 'mode', NEW.mode,
                'new', sum((f ->> 'new')::bigint), 'revised', sum((f ->> 'revised')::bigint),
                'rejected', sum((f ->> 'rejected')::bigint))
            FROM jsonb_array_elements(NEW.report -> 'files') f));
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER announced AFTER INSERT ON state.risks REFERENCING NEW TABLE AS said
    FOR EACH STATEMENT EXECUTE FUNCTION state.announce_bands();
CREATE TRIGGER announced AFTER INSERT ON state.decisions
    FOR EACH ROW WHEN (NEW.action IN ('promoted', 'rolled_back'))
    EXECUTE FUNCTION state.announce_model();
CREATE TRIGGER announced AFTER INSERT ON state.imports
    FOR EACH ROW EXECUTE FUNCTION state.announce_import();
REVOKE EXECUTE ON FUNCTION state.is_heard(text), state.announce(text, integer, jsonb),
    state.announce_bands(), state.announce_model(), state.announce_import() FROM PUBLIC;
"""

RULE = "(SELECT access.everyone('scores')) OR student IN (SELECT access.students('scores'))"


def upgrade() -> None:
    op.create_table(
        "webhooks",
        Column("id", Uuid(), nullable=False),
        Column("url", Text(), nullable=False),
        Column("events", ARRAY(Text()), nullable=False),
        Column("secret", LargeBinary(), nullable=False),
        Column("before", LargeBinary()),
        Column("before_until", DateTime(timezone=True)),
        Column("by", Text(), nullable=False),
        Column("created", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("id", name="webhooks_pkey"),
        schema="state",
    )
    op.create_table(
        "events",
        Column("number", BigInteger(), Identity(always=True), nullable=False),
        Column("id", Uuid(), server_default=text("gen_random_uuid()"), nullable=False),
        Column("at", DateTime(timezone=True), server_default=func.now(), nullable=False),
        Column("name", Text(), nullable=False),
        Column("student", Integer()),
        Column("body", JSONB(), nullable=False),
        PrimaryKeyConstraint("number", name="events_pkey"),
        UniqueConstraint("id", name="events_id_key"),
        ForeignKeyConstraint(["student"], ["identity.student.student"], name="events_student_fkey"),
        schema="state",
    )
    op.create_index("events_at_index", "events", ["at"], schema="state")
    op.create_index("events_student_index", "events", ["student"], schema="state")
    op.create_table(
        "deliveries",
        Column("event", BigInteger(), nullable=False),
        Column("webhook", Uuid(), nullable=False),
        Column("state", Text(), server_default="waiting", nullable=False),
        Column("tries", Integer(), server_default="0", nullable=False),
        Column("next", DateTime(timezone=True), server_default=func.now(), nullable=False),
        Column("ended", DateTime(timezone=True)),
        Column("problem", Text(), server_default="", nullable=False),
        PrimaryKeyConstraint("event", "webhook", name="deliveries_pkey"),
        ForeignKeyConstraint(
            ["event"], ["state.events.number"], name="deliveries_event_fkey", ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["webhook"], ["state.webhooks.id"], name="deliveries_webhook_fkey", ondelete="CASCADE"
        ),
        CheckConstraint(
            "state IN ('waiting', 'delivered', 'dead')", name=op.f("deliveries_state_check")
        ),
        schema="state",
    )
    op.create_index("deliveries_webhook_index", "deliveries", ["webhook"], schema="state")
    op.create_index(
        "deliveries_waiting",
        "deliveries",
        ["next"],
        schema="state",
        postgresql_where=text("state = 'waiting'"),
    )
    op.execute("ALTER TABLE state.events ENABLE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY viewers ON state.events USING ({RULE}) WITH CHECK ({RULE})")
    op.execute(ANNOUNCE)


def downgrade() -> None:
    for table in ("risks", "decisions", "imports"):
        op.execute(f"DROP TRIGGER announced ON state.{table}")
    for function in (
        "announce_import()", "announce_model()", "announce_bands()",
        "announce(text, integer, jsonb)", "is_heard(text)",
    ):  # fmt: skip
        op.execute(f"DROP FUNCTION state.{function}")
    for table in ("deliveries", "events", "webhooks"):
        op.drop_table(table, schema="state")
