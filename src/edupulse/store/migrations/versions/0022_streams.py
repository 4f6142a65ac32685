"""Changed bands are kept for streams, too, in an order in which nothing can come in behind."""

from __future__ import annotations

import secrets

from alembic import op
from sqlalchemy import BigInteger, Column, text

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

# The transaction is noted by a trigger, not by a default: a restored backup brings the numbers of
# another server's transactions, and these may lie in the future of this one.
NOTE = """
CREATE FUNCTION state.note_transaction() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog AS
$$ BEGIN
    NEW.xid := pg_current_xact_id()::text::bigint;
    RETURN NEW;
END $$;
CREATE TRIGGER transaction BEFORE INSERT ON state.events
    FOR EACH ROW EXECUTE FUNCTION state.note_transaction();
REVOKE EXECUTE ON FUNCTION state.note_transaction() FROM PUBLIC;
"""

# A restore makes all tables anew, and this with them: so its events have other ids.
EPOCH = """
CREATE FUNCTION state.events_epoch() RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT '{}' $$;
REVOKE EXECUTE ON FUNCTION state.events_epoch() FROM PUBLIC;
"""

ANNOUNCE_BANDS = """
CREATE OR REPLACE FUNCTION state.announce_bands() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog AS
$$ BEGIN
    IF {unheard} THEN RETURN NULL; END IF;
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
"""
BEING_RESTORED = "coalesce(current_setting('edupulse.quiet', true), '') = 'on'"
NO_WEBHOOK_LISTENS = "NOT state.is_heard('risk.band_changed')"


def upgrade() -> None:
    op.add_column("events", Column("xid", BigInteger()), schema="state")
    op.execute("UPDATE state.events SET xid = pg_current_xact_id()::text::bigint")
    op.alter_column("events", "xid", nullable=False, schema="state")
    op.create_index(
        "events_bands",
        "events",
        ["xid", "number"],
        schema="state",
        postgresql_where=text("name = 'risk.band_changed'"),
    )
    op.execute(NOTE)
    op.execute(EPOCH.format(secrets.token_hex(4)))
    op.execute(ANNOUNCE_BANDS.format(unheard=BEING_RESTORED))


def downgrade() -> None:
    op.execute(ANNOUNCE_BANDS.format(unheard=NO_WEBHOOK_LISTENS))
    op.execute("DROP FUNCTION state.events_epoch()")
    op.execute("DROP TRIGGER transaction ON state.events")
    op.execute("DROP FUNCTION state.note_transaction()")
    op.drop_column("events", "xid", schema="state")
