"""Logs as lines of JSON on standard output; of an error its kind and place, never its words.

The words of an exception may hold what it stumbled over: a row, a name. What may stand in a line is
listed here.
"""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

TOLD = ("request_id", "method", "route", "status", "milliseconds", "caller",
        "work", "problem")  # fmt: skip
"""What a line may tell beside its message."""


class Line(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        said: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": record.process,
            "logger": record.name,
            "message": record.getMessage().strip(),
        }
        said |= {name: vars(record)[name] for name in TOLD if name in vars(record)}
        if record.exc_info and record.exc_info[1] is not None:
            said |= _of_error(record.exc_info[1])
        return json.dumps(said)


def _of_error(error: BaseException) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)
    where = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    return {"error": type(error).__qualname__, "where": where}


LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "edupulse.serve.logs.Line"}},
    "handlers": {
        "out": {
            "class": "logging.StreamHandler",
            "stream": "ext://sys.stdout",
            "formatter": "line",
        }
    },
    "root": {"handlers": ["out"], "level": "WARNING"},
    "loggers": {
        "edupulse": {"level": "INFO"},
        "uvicorn": {"level": "INFO"},
        "uvicorn.access": {"level": "CRITICAL", "propagate": False},  # it would tell paths
    },
}
"""For `logging.config.dictConfig`, in the parent and in each worker."""
