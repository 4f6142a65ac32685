"""`edupulse serve`: the service, until it is told to stop."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from edupulse.serve.settings import serve_settings


def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Its port; 0: any that is free.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that answer.")] = None,
    metrics_host: Annotated[
        str | None, typer.Option(help="The address of the metrics for Prometheus.")
    ] = None,
    metrics_port: Annotated[int | None, typer.Option(help="Their port.")] = None,
) -> None:
    """Serve the API, until Ctrl+C or SIGTERM; SIGHUP renews the workers without a pause.

    Options go before the environment: EDUPULSE_HOST, EDUPULSE_PORT, EDUPULSE_WORKERS and the others
    in docs/service.md. Without DATABASE_URL the embedded database is started too. TLS is a proxy's.
    """
    options = {
        "HOST": host,
        "PORT": port,
        "WORKERS": workers,
        "METRICS_HOST": metrics_host,
        "METRICS_PORT": metrics_port,
    }
    given = {f"EDUPULSE_{name}": str(value) for name, value in options.items() if value is not None}
    os.environ.update(given)
    serve_settings()
    # A process of its own: workers start as their parent did, and need nothing of this hall.
    command = [sys.executable, "-P", "-m", "edupulse.serve"]
    os.execve(sys.executable, command, os.environ)  # noqa: S606
