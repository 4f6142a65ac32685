"""One worker: the app, in a process that ends when its parent has gone."""

from __future__ import annotations

import gc
import os
import signal
import threading
from multiprocessing import parent_process

from fastapi import FastAPI

from edupulse.api.app import create_app
from edupulse.serve.settings import serve_settings


def create() -> FastAPI:
    """The app of a worker."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    app = create_app(limits=serve_settings().limits(), works=True)
    # What was loaded stays: to look through it for garbage would hold all requests up at once.
    gc.collect()
    gc.freeze()
    return app


def _end_with_parent() -> None:
    """A worker whose parent was killed would go on holding the port, with nobody to stop it."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
