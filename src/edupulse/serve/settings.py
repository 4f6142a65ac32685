"""How the service runs, by environment: addresses, workers, and what one client may take."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, ValidationError
from pydantic_settings import BaseSettings

from edupulse.api.limits import Limits
from edupulse.school.errors import BadInput

COUNTED_IN = "PROMETHEUS_MULTIPROC_DIR"
"""Where the workers count; Prometheus' library reads it when it is loaded."""

Port = Annotated[int, Field(ge=0, le=65535)]


def _named(name: str, default: object, meaning: str) -> Any:
    return Field(default=default, validation_alias=f"EDUPULSE_{name}", description=meaning)


class ServeSettings(BaseSettings):
    """Read from the environment each time it is made; an empty variable counts as absent."""

    host: str = _named("HOST", "127.0.0.1", "The address that the service listens on.")
    port: Port = _named("PORT", 8000, "Its port; 0: any that is free.")
    workers: PositiveInt = _named("WORKERS", 1, "Processes that answer.")
    metrics_host: str = _named("METRICS_HOST", "127.0.0.1", "The address of Prometheus' metrics.")
    metrics_port: Port = _named("METRICS_PORT", 9464, "Their port; 0: any that is free.")
    trusted_proxies: str = _named(
        "TRUSTED_PROXIES",
        "127.0.0.1,::1",
        "Addresses or networks, by commas, whose X-Forwarded-For and -Proto are believed.",
    )
    connections: PositiveInt = _named("CONNECTIONS", 1000, "Open connections of one worker.")
    at_once: PositiveInt = _named("AT_ONCE", 256, "Requests of one worker at a time.")
    streams: NonNegativeInt = _named("STREAMS", 200, "Open streams of events of one worker.")
    body_bytes: NonNegativeInt = _named("BODY_BYTES", 16777216, "The largest body of a request.")
    head_seconds: PositiveFloat = _named("HEAD_SECONDS", 10.0, "For the head of a request to come.")
    body_seconds: PositiveFloat = _named("BODY_SECONDS", 30.0, "For its body to come.")
    request_seconds: PositiveFloat = _named("REQUEST_SECONDS", 60.0, "For its answer to begin.")
    unread_seconds: PositiveFloat = _named(
        "UNREAD_SECONDS", 30.0, "For a client to go on reading an answer."
    )
    keep_alive_seconds: PositiveInt = _named(
        "KEEP_ALIVE_SECONDS", 75, "How long an idle connection is kept."
    )
    stop_seconds: PositiveInt = _named(
        "STOP_SECONDS", 30, "For requests to end when the service is told to stop."
    )

    model_config = {"env_ignore_empty": True}

    def limits(self) -> Limits:
        """What the app allows one request."""
        return Limits(
            self.body_bytes, self.body_seconds, self.request_seconds, self.at_once, self.streams
        )


def serve_settings() -> ServeSettings:
    """The settings of the environment. Raises BadInput for one that cannot be read."""
    try:
        return ServeSettings()
    except ValidationError as error:
        wrong = error.errors()[0]
        raise BadInput(
            f"{wrong['msg']}.", "Correct or unset it.", field=str(wrong["loc"][0])
        ) from None
