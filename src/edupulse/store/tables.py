"""The tables: two for each kind of record, built from its definition, and the few beside them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from edupulse.school import fields
from edupulse.school.kind import Kind
from edupulse.school.records import KINDS

RECORDS, APART, IDENTITY, STATE = "records", "apart", "identity", "state"
SCHEMAS = (IDENTITY, RECORDS, APART, STATE)
"""`apart` holds what is never an input: demographics and guardians."""

NOUNS = ("student", "school", "section", "staff")
"""What has a key of ours: the nouns of `Ref`."""

WHOSE = {
    "caseloads": ("staff",),
    "section_staff": ("staff",),
    "section_students": ("section",),
    "enrollments": ("school",),
    "guardians": ("guardian_id",),
}
"""By what access finds the students of a person (0005)."""

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_index",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    }
)


def schema_of(kind: Kind) -> str:
    """The schema in which the tables of a kind lie."""
    return APART if kind.apart else RECORDS


def stored_key(kind: Kind) -> tuple[str, ...]:
    """The natural key as indexed: the student first, so that reading one is quick."""
    return tuple(sorted(kind.key_columns, key=lambda column: column != "student"))


def index_column(column: str) -> str:
    """The column beside a sealed one by which its value is found."""
    return f"{column}_index"


def column_type(of: fields.Field) -> TypeEngine[Any]:
    """How a field is stored: words by position, decimals as thousandths, sealed texts as bytes."""
    match of.type:
        case fields.Text(sealed=True):
            return LargeBinary()
        case fields.Text():
            return Text()
        case fields.Day():
            return Date()
        case fields.Flag():
            return Boolean()
        case fields.Word():
            return SmallInteger()
        case fields.Whole(low, high) if low >= -(2**15) and high < 2**15:
            return SmallInteger()
        case _:
            return Integer()


def _version_tables(kind: Kind) -> tuple[Table, Table]:
    key = stored_key(kind)
    current = Table(
        kind.name,
        metadata,
        *_record_columns(kind, key),
        schema=schema_of(kind),
    )
    past = Table(
        f"{kind.name}_past",
        metadata,
        *_record_columns(kind, (*key, "known_from")),
        Column("known_until", DateTime(timezone=True), nullable=False),
        schema=schema_of(kind),
    )
    for column in _searched(kind):
        Index(None, current.c[column])
        Index(None, past.c[column])
    for column in kind.sought:
        Index(None, current.c[index_column(column)])
    return current, past


def _searched(kind: Kind) -> list[str]:
    """Columns by which a kind is searched beside its key: the student's, or a person's students."""
    by_student = kind.is_by_student and stored_key(kind)[0] != "student"
    return [*(["student"] if by_student else []), *WHOSE.get(kind.name, ())]


def _record_columns(kind: Kind, primary: tuple[str, ...]) -> list[Column[Any]]:
    # A key's unknown part is a stand-in value (see rows.py), so that keys compare with `=`.
    types = {f.column: column_type(f) for f in kind.fields}
    order = [*stored_key(kind), *kind.content_columns]
    columns: list[Column[Any]] = [
        Column(
            name,
            types[name],
            primary_key=name in primary,
            autoincrement=False,
            nullable=name not in primary,
        )
        for name in order
    ]
    return [
        *columns,
        *(Column(index_column(name), LargeBinary()) for name in kind.sought),
        Column(
            "known_from",
            DateTime(timezone=True),
            primary_key="known_from" in primary,
            nullable=False,
        ),
        Column("retracted", Boolean(), nullable=False),
        Column("hash", BigInteger(), nullable=False),
    ]


def _identity(noun: str, *more: Column[Any]) -> Table:
    return Table(
        noun,
        metadata,
        Column(noun, Integer(), Identity(always=True), primary_key=True),
        Column("local_id", Text(), nullable=False, unique=True),
        *more,
        schema=IDENTITY,
    )


CURRENT: dict[str, Table] = {}
PAST: dict[str, Table] = {}
for _kind in KINDS:
    CURRENT[_kind.name], PAST[_kind.name] = _version_tables(_kind)

STUDENT = _identity("student", Column("student_id", Uuid(), nullable=False, unique=True))
SCHOOL, SECTION, STAFF = (_identity(noun) for noun in NOUNS[1:])
IDENTITIES: dict[str, Table] = dict(zip(NOUNS, (STUDENT, SCHOOL, SECTION, STAFF), strict=True))

DISTRICT = Table(
    "district",
    metadata,
    Column("single", Boolean(), primary_key=True, server_default="true"),
    Column("name", Text(), nullable=False),
    Column("namespace", Uuid(), nullable=False),
    Column("timezone", Text(), nullable=False),
    Column("simulated", Boolean()),
    Column("guardians_see_scores", Boolean(), nullable=False, server_default="false"),
    CheckConstraint("single", name="single"),
    schema=IDENTITY,
)
"""One row: the name from which students' UUIDs are derived, the default time zone, and whether
the records are a simulation's (null before the first import), and whether families see scores."""

INDEX_KEY = Table(
    "index_key",
    metadata,
    Column("single", Boolean(), primary_key=True, server_default="true"),
    Column("sealed", LargeBinary(), nullable=False),
    CheckConstraint("single", name="single"),
    schema=IDENTITY,
)
"""One row: the key of hashes and of what people are found by, itself sealed (`sealing.py`)."""

IMPORTS = Table(
    "imports",
    metadata,
    Column("id", Uuid(), primary_key=True),
    Column("started", DateTime(timezone=True), nullable=False),
    Column("finished", DateTime(timezone=True), nullable=False),
    Column("mode", Text(), nullable=False),
    Column("source", Text(), nullable=False),
    Column("report", JSONB(), nullable=False),
    schema=STATE,
)

SYNCS = Table(
    "syncs",
    metadata,
    Column("source", Text(), primary_key=True),
    Column("through", Text()),
    Column("finished", DateTime(timezone=True), nullable=False),
    Column("whole", DateTime(timezone=True), nullable=False),
    Column("import", Uuid(), nullable=False),
    Column("kept", LargeBinary()),
    schema=STATE,
)
"""How far each configured source was read, and what it keeps until the next reading."""

WATCHES = Table(
    "watches",
    metadata,
    Column("number", BigInteger(), Identity(always=True), primary_key=True),
    Column("seen", DateTime(timezone=True), nullable=False),
    Column("checkpoint", Text(), nullable=False),
    Column("report", JSONB(), nullable=False),
    schema=STATE,
)
"""What monitoring saw of the checkpoint that served at `seen`; figures of groups, no students."""

CHECKPOINTS = Table(
    "checkpoints",
    metadata,
    Column("hash", Text(), primary_key=True),
    Column("created", DateTime(timezone=True), nullable=False),
    Column("status", Text(), nullable=False),
    Column("promoted", DateTime(timezone=True)),
    Column("folder", Text(), nullable=False),
    Column("decision", JSONB(), nullable=False),
    CheckConstraint("status IN ('challenger', 'champion', 'retired')", name="status"),
    schema=STATE,
)
Index(
    "checkpoints_one_champion",
    CHECKPOINTS.c.status,
    unique=True,
    postgresql_where=CHECKPOINTS.c.status == "champion",
)

DECISIONS = Table(
    "decisions",
    metadata,
    Column("number", BigInteger(), Identity(always=True), primary_key=True),
    Column("decided", DateTime(timezone=True), nullable=False),
    Column("action", Text(), nullable=False),
    Column("checkpoint", Text(), nullable=False),
    Column("before", Text()),
    Column("by", Text(), nullable=False),
    Column("because", Text(), nullable=False),
    Column("grounds", JSONB(), nullable=False),
    CheckConstraint(
        "action IN ('promoted', 'refused', 'rolled_back', 'retired')",
        name="action",
    ),
    schema=STATE,
)
"""Who or what decided which checkpoint serves, and on which figures; a trigger lets nobody change
a row. `before` served until then."""

EXPERIMENTS = Table(
    "experiments",
    metadata,
    Column("id", Uuid(), primary_key=True),
    Column("name", Text(), nullable=False),
    Column("challenger", Text(), nullable=False),
    Column("question", Text(), nullable=False),
    Column("measure", Text(), nullable=False),
    Column("begins_on", Date(), nullable=False),
    Column("ends_on", Date(), nullable=False),
    Column("champion", Text(), nullable=False),
    Column("by", Text(), nullable=False),
    Column("registered", DateTime(timezone=True), nullable=False),
    CheckConstraint("begins_on <= ends_on", name="days"),
    CheckConstraint("champion <> challenger", name="compared"),
    schema=STATE,
)
EXPERIMENT_ENDS = Table(
    "experiment_ends",
    metadata,
    Column("experiment", Uuid(), ForeignKey(EXPERIMENTS.c.id), primary_key=True),
    Column("ended", DateTime(timezone=True), nullable=False),
    Column("by", Text(), nullable=False),
    Column("reason", Text(), nullable=False),
    schema=STATE,
)
"""What is to be found out about two checkpoints, and which were ended before their last day; a
trigger lets nobody change a row of either."""

FEEDBACK = Table(
    "feedback",
    metadata,
    Column("number", BigInteger(), Identity(always=True), primary_key=True),
    Column("given", DateTime(timezone=True), nullable=False),
    Column("student", Integer(), ForeignKey(STUDENT.c.student), nullable=False),
    Column("as_of", DateTime(timezone=True), nullable=False),
    Column("off_track", Boolean()),
    Column("reason", Text(), nullable=False),
    Column("by", Text(), nullable=False),
    schema=STATE,
)
"""What educators said of the outcome after `as_of`; a trigger lets nobody change a row."""

RISKS = Table(
    "risks",
    metadata,
    Column("id", Uuid(), primary_key=True),
    Column("student", Integer(), ForeignKey(STUDENT.c.student), nullable=False),
    Column("as_of", DateTime(timezone=True), nullable=False),
    Column("method", Text(), nullable=False),
    Column("checkpoint", Text(), nullable=False, server_default=""),
    Column("policy", Text(), nullable=False),
    Column("state", Text(), nullable=False),
    Column("risk", Double()),
    Column("low", Double()),
    Column("high", Double()),
    Column("body", JSONB(), nullable=False),
    Column("stored", DateTime(timezone=True), nullable=False, server_default=func.now()),
    schema=STATE,
)
"""What was said of whom; `checkpoint` is empty where rules spoke. Never changed once written."""
Index(None, RISKS.c.student, RISKS.c.as_of)
Index(None, RISKS.c.as_of, RISKS.c.risk)

STANDING = Table(
    "standing",
    metadata,
    Column("student", Integer(), ForeignKey(STUDENT.c.student), primary_key=True,
           autoincrement=False),
    Column("risk", Uuid(), nullable=False),
    Column("registry", BigInteger(), nullable=False),
    Column("reference", BigInteger(), nullable=False),
    Column("version", BigInteger(), nullable=False),
    Column("until", DateTime(timezone=True), nullable=False),
    schema=STATE,
)  # fmt: skip
"""The answer that stands for a student while the versions are these (`store/standing.py`)."""

AUDIT = Table(
    "audit",
    metadata,
    Column("number", BigInteger(), primary_key=True, autoincrement=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("what", Text(), nullable=False),
    Column("who", Text(), nullable=False),
    Column("purpose", Text(), nullable=False),
    Column("student", Uuid(), index=True),
    Column("body", JSON(), nullable=False),
    Column("hash", LargeBinary(), nullable=False),
    schema=STATE,
)
"""The audit log, written by one function alone (`store/audit.py`)."""

TOKENS = Table(
    "tokens",
    metadata,
    Column("id", Uuid(), primary_key=True),
    Column("name", Text(), nullable=False),
    Column("hash", LargeBinary(), nullable=False, unique=True),
    Column("scopes", ARRAY(Text()), nullable=False),
    Column("staff", Integer()),
    Column("by", Text(), nullable=False),
    Column("created", DateTime(timezone=True), nullable=False),
    Column("expires", DateTime(timezone=True), nullable=False),
    Column("revoked", DateTime(timezone=True)),
    schema=STATE,
)
"""Service tokens, as hashes."""

VERSIONS = Table(
    "versions",
    metadata,
    Column("name", Text(), primary_key=True),
    Column("version", BigInteger(), nullable=False),
    schema=STATE,
)
STUDENT_VERSIONS = Table(
    "student_versions",
    metadata,
    Column("student", Integer(), primary_key=True, autoincrement=False),
    Column("version", BigInteger(), nullable=False),
    schema=STATE,
)
"""Numbers that grow when what they follow changes (`store/versions.py`)."""

MOMENTS = Table(
    "moments",
    metadata,
    Column("instant", DateTime(timezone=True), primary_key=True),
    schema=STATE,
)
"""Instants to come from which records that rights rest on hold (`store/moments.py`)."""

REQUESTS = Table(
    "requests",
    metadata,
    Column("digest", LargeBinary(), primary_key=True),
    Column("content", LargeBinary(), nullable=False),
    Column("made", Uuid(), nullable=False),
    Column("began", DateTime(timezone=True), nullable=False, index=True),
    Column("until", DateTime(timezone=True), nullable=False),
    Column("status", SmallInteger()),
    Column("sealed", LargeBinary()),
    schema=STATE,
)
"""Writes that carried a key, for a day: digests alone, and the first answer, sealed."""

RUNS = Table(
    "runs",
    metadata,
    Column("id", Uuid(), primary_key=True),
    Column("what", Text(), nullable=False),
    Column("wanted", JSONB(), nullable=False),
    Column("by", Text(), nullable=False),
    Column("asked", DateTime(timezone=True), nullable=False),
    Column("launched", DateTime(timezone=True)),
    Column("began", DateTime(timezone=True)),
    Column("finished", DateTime(timezone=True)),
    Column("state", Text(), nullable=False, server_default="waiting"),
    Column("doing", Text(), nullable=False, server_default=""),
    Column("part", Double(), nullable=False, server_default="0"),
    Column("report", JSONB()),
    Column("problem", Text()),
    CheckConstraint("what IN ('import', 'training')", name="what"),
    CheckConstraint(
        "state IN ('waiting', 'running', 'finished', 'refused', 'failed', 'interrupted')",
        name="state",
    ),
    schema=STATE,
)
"""Imports and trainings that were asked for over the API, each a process of its own."""
Index(None, RUNS.c.state)

WEBHOOKS = Table(
    "webhooks",
    metadata,
    Column("id", Uuid(), primary_key=True),
    Column("url", Text(), nullable=False),
    Column("events", ARRAY(Text()), nullable=False),
    Column("secret", LargeBinary(), nullable=False),
    Column("before", LargeBinary()),
    Column("before_until", DateTime(timezone=True)),
    Column("by", Text(), nullable=False),
    Column("created", DateTime(timezone=True), nullable=False),
    schema=STATE,
)
"""Who is told of what; the secrets that sign are sealed. `before` signs too until its end."""

EVENTS = Table(
    "events",
    metadata,
    Column("number", BigInteger(), Identity(always=True), primary_key=True),
    Column("id", Uuid(), nullable=False, unique=True, server_default=func.gen_random_uuid()),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now(), index=True),
    Column("name", Text(), nullable=False),
    Column("student", Integer(), ForeignKey(STUDENT.c.student), index=True),
    Column("body", JSONB(), nullable=False),
    Column("xid", BigInteger(), nullable=False),
    schema=STATE,
)
"""What happened and is to be told, written by triggers in the transaction in which it happened.

`xid` is the number of that transaction, whatever is written into it.
"""
Index(
    "events_bands",
    EVENTS.c.xid,
    EVENTS.c.number,
    postgresql_where=EVENTS.c.name == "risk.band_changed",
)

DELIVERIES = Table(
    "deliveries",
    metadata,
    Column(
        "event",
        BigInteger(),
        ForeignKey(EVENTS.c.number, ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column(
        "webhook",
        Uuid(),
        ForeignKey(WEBHOOKS.c.id, ondelete="CASCADE"),
        primary_key=True,
        index=True,
    ),
    Column("state", Text(), nullable=False, server_default="waiting"),
    Column("tries", Integer(), nullable=False, server_default="0"),
    Column("next", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("ended", DateTime(timezone=True)),
    Column("problem", Text(), nullable=False, server_default=""),
    CheckConstraint("state IN ('waiting', 'delivered', 'dead')", name="state"),
    schema=STATE,
)
"""How far each event has come to each webhook."""
Index("deliveries_waiting", DELIVERIES.c.next, postgresql_where=DELIVERIES.c.state == "waiting")

INTERVENTIONS = Table(
    "interventions",
    metadata,
    Column("id", Uuid(), primary_key=True),
    Column("student", Integer(), ForeignKey(STUDENT.c.student), nullable=False, index=True),
    Column("option", Text()),
    Column("title", Text(), nullable=False),
    Column("provider", Text(), nullable=False),
    Column("begins_on", Date(), nullable=False),
    Column("ends_on", Date()),
    Column("sessions_per_week", SmallInteger()),
    Column("minutes", SmallInteger()),
    Column("by", Text(), nullable=False),
    Column("planned", DateTime(timezone=True), nullable=False),
    Column("closed", DateTime(timezone=True)),
    Column("closed_by", Text()),
    Column("outcome", Text()),
    Column("reason", Text(), nullable=False, server_default=""),
    CheckConstraint("(closed IS NULL) = (outcome IS NULL)", name="closed"),
    schema=STATE,
)
"""Plans for students: what, who, from when, how often; and how they ended."""

SESSIONS = Table(
    "sessions",
    metadata,
    Column("id", Uuid(), primary_key=True),
    Column(
        "intervention",
        Uuid(),
        ForeignKey(INTERVENTIONS.c.id, ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("student", Integer(), ForeignKey(STUDENT.c.student), nullable=False, index=True),
    Column("held_on", Date(), nullable=False),
    Column("minutes", SmallInteger(), nullable=False),
    Column("attended", Boolean(), nullable=False),
    Column("by", Text(), nullable=False),
    Column("logged", DateTime(timezone=True), nullable=False),
    schema=STATE,
)
"""The dose of an intervention: each session, and was the student there?"""
