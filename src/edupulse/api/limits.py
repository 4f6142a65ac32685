"""What the app allows one request; of this the service's parent knows, and of the app nothing."""

from __future__ import annotations

from dataclasses import dataclass

END_STREAMS = "end_streams"
"""In the state of the app's life: what a server calls that begins to stop."""


@dataclass(frozen=True)
class Limits:
    """What one request may take, and how many may be inside at a time (of one process)."""

    body: int = 16 * 1024 * 1024
    """Bytes."""
    body_seconds: float = 30.0
    """From the head of a request to the last byte of its body."""
    seconds: float = 60.0
    """From the head of a request to the beginning of its answer."""
    at_once: int = 256
    streams: int = 200
    """Of events; they do not count as inside."""
