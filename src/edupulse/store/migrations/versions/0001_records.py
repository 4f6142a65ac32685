"""The first tables: every kind of record, the identities, imports, checkpoints and risks."""

from __future__ import annotations

from typing import Any

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKeyConstraint,
    Identity,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Types = dict[str, Any]


def upgrade() -> None:
    for schema in ("identity", "records", "apart", "state"):
        op.execute(f'CREATE SCHEMA "{schema}"')
    _identities()
    _records()
    _state()


def downgrade() -> None:
    for schema in ("state", "apart", "records", "identity"):
        op.execute(f'DROP SCHEMA "{schema}" CASCADE')


def _identities() -> None:
    _identity("student", Column("student_id", Uuid(), nullable=False))
    for noun in ("school", "section", "staff"):
        _identity(noun)
    op.create_unique_constraint(
        "student_student_id_key", "student", ["student_id"], schema="identity"
    )
    op.create_table(
        "district",
        Column("single", Boolean(), server_default=text("true"), nullable=False),
        Column("name", Text(), nullable=False),
        Column("namespace", Uuid(), nullable=False),
        Column("timezone", Text(), nullable=False),
        PrimaryKeyConstraint("single", name="district_pkey"),
        CheckConstraint("single", name=op.f("district_single_check")),
        schema="identity",
    )


def _records() -> None:
    _versions(
        "records",
        "schools",
        key={"school": Integer},
        content={
            "name": Text,
            "timezone": Text,
            "attendance_recording": SmallInteger,
            "passing_percent": Integer,
            "records_excuse": Boolean,
            "records_tardies": Boolean,
            "records_partial_days": Boolean,
            "records_gradebook": Boolean,
            "records_incidents": Boolean,
        },
    )
    _versions(
        "records",
        "coverage",
        key={"school": Integer, "kind": SmallInteger, "observed_from": Date},
        content={"observed_through": Date},
    )
    _versions(
        "records",
        "calendar",
        key={"school": Integer, "date": Date},
        content={"instructional": Boolean},
    )
    _versions(
        "records",
        "terms",
        key={"school": Integer, "term_id": Text},
        content={
            "begins_on": Date,
            "ends_on": Date,
            "name": Text,
            "school_year": SmallInteger,
            "grading": Boolean,
        },
    )
    _versions(
        "records",
        "scales",
        key={"school": Integer, "code": Text},
        content={"percent": Integer, "gpa_points": Integer, "passing": Boolean},
    )
    _versions(
        "records",
        "students",
        key={"student": Integer},
        content={"first_name": Text, "last_name": Text, "birth_date": Date},
    )
    _versions(
        "records", "student_ids", key={"old_student_id": Integer}, content={"student": Integer}
    )
    _index_by_student("student_ids")
    _versions(
        "apart",
        "demographics",
        key={"student": Integer},
        content={
            "race_ethnicity": Text,
            "sex": Text,
            "english_learner": Boolean,
            "disability": Boolean,
            "low_income": Boolean,
            "home_language": Text,
        },
    )
    _versions(
        "apart",
        "guardians",
        key={"student": Integer, "guardian_id": Text},
        content={
            "name": Text,
            "email": Text,
            "phone": Text,
            "language": Text,
            "relationship": Text,
            "may_see_records": Boolean,
        },
    )
    _versions(
        "records",
        "staff",
        key={"staff": Integer, "school": Integer},
        content={"name": Text, "email": Text, "login": Text, "role": SmallInteger},
    )
    _versions(
        "records",
        "caseloads",
        key={"student": Integer, "staff": Integer, "from": Date},
        content={"to": Date},
    )
    _versions(
        "records",
        "enrollments",
        key={"student": Integer, "school": Integer, "entered_on": Date},
        content={
            "grade_level": SmallInteger,
            "left_on": Date,
            "exit_type": SmallInteger,
            "primary": Boolean,
        },
    )
    _versions(
        "records",
        "sections",
        key={"section": Integer},
        content={
            "school": Integer,
            "term_id": Text,
            "title": Text,
            "subject": SmallInteger,
            "sced_code": Text,
            "credits": Integer,
        },
    )
    _versions("records", "section_staff", key={"section": Integer, "staff": Integer}, content={})
    _versions(
        "records",
        "section_students",
        key={"student": Integer, "section": Integer, "entered_on": Date},
        content={"left_on": Date},
    )
    _versions(
        "records",
        "attendance",
        key={"student": Integer, "school": Integer, "date": Date, "status": SmallInteger},
        content={"fraction": Integer, "reason": Text},
    )
    _versions(
        "records",
        "marks",
        key={"student": Integer, "section": Integer, "assignment_id": Text},
        content={
            "due_on": Date,
            "category": SmallInteger,
            "points": Integer,
            "points_possible": Integer,
            "status": SmallInteger,
            "weight": Integer,
            "category_weight": Integer,
        },
    )
    _versions(
        "records",
        "course_grades",
        key={"student": Integer, "section": Integer, "term_id": Text, "kind": SmallInteger},
        content={"posted_on": Date, "percent": Integer, "code": Text},
    )
    _versions(
        "records",
        "incidents",
        key={"student": Integer, "incident_id": Text},
        content={
            "date": Date,
            "behavior": Text,
            "severity": SmallInteger,
            "role": SmallInteger,
            "school": Integer,
            "overturned": Boolean,
        },
    )
    _versions(
        "records",
        "exclusions",
        key={"student": Integer, "incident_id": Text, "begins_on": Date},
        content={"kind": SmallInteger, "days": Integer},
    )


def _state() -> None:
    op.create_table(
        "imports",
        Column("id", Uuid(), nullable=False),
        _instant("started"),
        _instant("finished"),
        Column("mode", Text(), nullable=False),
        Column("source", Text(), nullable=False),
        Column("report", JSONB(), nullable=False),
        PrimaryKeyConstraint("id", name="imports_pkey"),
        schema="state",
    )
    _checkpoints()
    _risks()


def _checkpoints() -> None:
    op.create_table(
        "checkpoints",
        Column("hash", Text(), nullable=False),
        _instant("created"),
        Column("status", Text(), nullable=False),
        Column("promoted", DateTime(timezone=True)),
        Column("folder", Text(), nullable=False),
        Column("decision", JSONB(), nullable=False),
        PrimaryKeyConstraint("hash", name="checkpoints_pkey"),
        CheckConstraint(
            "status IN ('challenger', 'champion', 'retired')",
            name=op.f("checkpoints_status_check"),
        ),
        schema="state",
    )
    op.create_index(
        "checkpoints_one_champion",
        "checkpoints",
        ["status"],
        unique=True,
        schema="state",
        postgresql_where=text("status = 'champion'"),
    )


def _risks() -> None:
    op.create_table(
        "risks",
        Column("id", Uuid(), nullable=False),
        Column("student", Integer(), nullable=False),
        _instant("as_of"),
        Column("method", Text(), nullable=False),
        Column("checkpoint", Text(), server_default="", nullable=False),
        Column("policy", Text(), nullable=False),
        Column("state", Text(), nullable=False),
        Column("risk", Double()),
        Column("low", Double()),
        Column("high", Double()),
        Column("body", JSONB(), nullable=False),
        Column("stored", DateTime(timezone=True), server_default=text("now()"), nullable=False),
        PrimaryKeyConstraint("id", name="risks_pkey"),
        UniqueConstraint(
            "student",
            "as_of",
            "method",
            "checkpoint",
            "policy",
            name="risks_student_as_of_method_checkpoint_policy_key",
        ),
        ForeignKeyConstraint(["student"], ["identity.student.student"], name="risks_student_fkey"),
        schema="state",
    )
    op.create_index("risks_as_of_risk_index", "risks", ["as_of", "risk"], schema="state")


def _identity(noun: str, *more: Column[Any]) -> None:
    op.create_table(
        noun,
        Column(noun, Integer(), Identity(always=True), nullable=False),
        Column("local_id", Text(), nullable=False),
        *more,
        PrimaryKeyConstraint(noun, name=f"{noun}_pkey"),
        UniqueConstraint("local_id", name=f"{noun}_local_id_key"),
        schema="identity",
    )


def _versions(schema: str, kind: str, *, key: Types, content: Types) -> None:
    """The current version of each record, and beside it those that were superseded."""
    op.create_table(
        kind,
        *_version_columns(key, content),
        PrimaryKeyConstraint(*key, name=f"{kind}_pkey"),
        schema=schema,
    )
    op.create_table(
        f"{kind}_past",
        *_version_columns(key, content),
        _instant("known_until"),
        PrimaryKeyConstraint(*key, "known_from", name=f"{kind}_past_pkey"),
        schema=schema,
    )


def _version_columns(key: Types, content: Types) -> list[Column[Any]]:
    return [
        *(Column(name, made(), autoincrement=False, nullable=False) for name, made in key.items()),
        *(Column(name, made()) for name, made in content.items()),
        _instant("known_from"),
        Column("retracted", Boolean(), nullable=False),
        Column("hash", BigInteger(), nullable=False),
    ]


def _index_by_student(kind: str) -> None:
    for table in (kind, f"{kind}_past"):
        op.create_index(f"{table}_student_index", table, ["student"], schema="records")


def _instant(name: str) -> Column[Any]:
    return Column(name, DateTime(timezone=True), nullable=False)
