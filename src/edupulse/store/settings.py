"""Where this machine keeps things, by environment; and settings that come as files."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from edupulse.school.errors import BadInput


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


def take_settings_from_files() -> None:
    """Let each file of the folder EDUPULSE_SETTINGS stand for the variable that it is named like.

    So secrets come in without standing in anybody's list of variables. What the environment sets
    goes before. Raises BadInput where the folder cannot be read.
    """
    folder = os.environ.get("EDUPULSE_SETTINGS")
    if not folder:
        return
    try:
        for path in Path(folder).iterdir():
            if _VARIABLE.fullmatch(path.name) and path.is_file():
                os.environ.setdefault(path.name, path.read_text().strip())
    except OSError as error:
        raise BadInput(
            f"the folder of settings cannot be read: {error.strerror}.",
            "Correct or unset it.",
            field="EDUPULSE_SETTINGS",
        ) from None


_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")


def edupulse_home() -> Path:
    """The folder for everything that EduPulse keeps on this machine; it may not exist yet."""
    return Settings().home
