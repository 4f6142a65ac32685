"""Where this machine keeps things: the settings that the environment gives the store."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings


def default_home() -> Path:
    """The folder for data of this user where EDUPULSE_HOME does not say another."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "edupulse"
    shared = os.environ.get("XDG_DATA_HOME")
    return (Path(shared) if shared else Path.home() / ".local" / "share") / "edupulse"


class Settings(BaseSettings):
    """Read from the environment each time it is made; an empty variable counts as absent.

    `database_url` (DATABASE_URL) is a PostgreSQL address, or None for the embedded server;
    `service_url` (EDUPULSE_SERVICE_URL) the same database's for the service's role;
    `home` (EDUPULSE_HOME) holds the embedded database, the checkpoints and what the demo makes.
    """

    database_url: SecretStr | None = Field(default=None, validation_alias="DATABASE_URL")
    service_url: SecretStr | None = Field(default=None, validation_alias="EDUPULSE_SERVICE_URL")
    home: Path = Field(default_factory=default_home, validation_alias="EDUPULSE_HOME")

    model_config = {"env_ignore_empty": True}

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().absolute()


def edupulse_home() -> Path:
    """The folder for everything that EduPulse keeps on this machine; it may not exist yet."""
    return Settings().home
