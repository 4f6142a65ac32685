"""Uvicorn's settings for our workers. Their parent reads them too, and loads nothing of the app."""

from __future__ import annotations

import sys

from uvicorn import Config

from edupulse.serve.logs import LOGGING
from edupulse.serve.settings import ServeSettings


class Configuration(Config):
    """Uvicorn's, for our workers: our connections, our logs, and no name of the server."""

    def __init__(self, settings: ServeSettings) -> None:
        self.settings = settings
        super().__init__(
            "edupulse.serve.worker:create",
            factory=True,
            workers=settings.workers,
            http="edupulse.serve.connection:Connection",
            ws="none",
            loop="asyncio",
            lifespan="on",
            log_config=LOGGING,
            access_log=False,
            server_header=False,
            proxy_headers=True,
            forwarded_allow_ips=settings.trusted_proxies,
            timeout_keep_alive=settings.keep_alive_seconds,
            timeout_graceful_shutdown=settings.stop_seconds,
            timeout_worker_healthcheck=120,  # a busy machine is slow to start one
        )

    def load(self) -> None:
        """In a worker: load the app."""
        # numba loads it wherever it is installed, to look how old it is: 10 MB of 140 modules.
        sys.modules.setdefault("scipy", None)  # type: ignore[arg-type]
        super().load()
