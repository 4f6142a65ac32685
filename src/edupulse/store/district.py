"""Which district this database belongs to: its name gives students their UUIDs."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from psycopg import Connection
from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from edupulse.school.errors import BadInput, NotReady


class DistrictSettings(BaseSettings):
    """Read from the environment: EDUPULSE_DISTRICT, EDUPULSE_TIMEZONE; empty counts as absent.

    The name counts once, when the database gets its first records. The time zone is that of
    schools that name none.
    """

    name: str | None = Field(default=None, validation_alias="EDUPULSE_DISTRICT")
    timezone: str | None = Field(default=None, validation_alias="EDUPULSE_TIMEZONE")

    model_config = {"env_ignore_empty": True}

    @field_validator("timezone")
    @classmethod
    def _real(cls, timezone: str | None) -> str | None:
        try:
            ZoneInfo(timezone or "UTC")
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise BadInput(
                "no such time zone.",
                "Use an IANA name, as America/Chicago.",
                field="EDUPULSE_TIMEZONE",
            ) from None
        return timezone


@dataclass(frozen=True)
class District:
    """The district of a database; `namespace` makes a student's UUID from the local id."""

    name: str
    namespace: uuid.UUID
    timezone: str

    def student_id(self, local_id: str) -> uuid.UUID:
        """The student's UUID: the same in every database of this district (RFC 9562, version 5)."""
        return uuid.uuid5(self.namespace, local_id)


def the_district(connection: Connection, settings: DistrictSettings | None = None) -> District:
    """The district of this database; written down from the settings when there is none yet.

    Raises NotReady where the settings name another district than the database's own.
    """
    wanted = settings or DistrictSettings()
    name = wanted.name or "district"
    connection.execute(
        "INSERT INTO identity.district (name, namespace, timezone) VALUES (%s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        (name, namespace_of(name), wanted.timezone or "UTC"),
    )
    row = connection.execute("SELECT name, namespace, timezone FROM identity.district").fetchone()
    assert row is not None  # noqa: S101  (the line above wrote it)
    if wanted.name is not None and row[0] != wanted.name:
        raise NotReady(
            "This database belongs to another district.",
            "Unset EDUPULSE_DISTRICT, or use another DATABASE_URL or EDUPULSE_HOME.",
        )
    return District(row[0], row[1], wanted.timezone or row[2])


def settle_origin(connection: Connection, simulated: bool) -> None:
    """Write down at the first import whether the records are a simulation's.

    Raises BadInput where the district's records are of the other kind: they never mix.
    """
    connection.execute(
        "UPDATE identity.district SET simulated = %s WHERE simulated IS NULL", [simulated]
    )
    if is_simulated(connection) is not simulated:
        ours, theirs = ("real", "simulated") if simulated else ("simulated", "real")
        raise BadInput(
            f"This database holds {ours} records; these are {theirs}.",
            "Use another DATABASE_URL or EDUPULSE_HOME for them.",
        )


def is_simulated(connection: Connection) -> bool | None:
    """Are the records a simulation's? None before the first import."""
    row = connection.execute("SELECT simulated FROM identity.district").fetchone()
    return None if row is None else row[0]


def namespace_of(name: str) -> uuid.UUID:
    """The namespace of a district's UUIDs."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"urn:edupulse:district:{name}")
