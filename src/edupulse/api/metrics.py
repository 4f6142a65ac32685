"""What Prometheus reads: of requests, by route, and never anything of a student."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

REQUESTS = Counter("edupulse_requests", "Requests answered.", ["method", "route", "status"])
LATENCY = Histogram(
    "edupulse_request_seconds",
    "Time from a request to its answer.",
    ["route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def observe(method: str, route: str, status: int, seconds: float) -> None:
    """Count one request; `route` is the path's pattern, so that there are few of them."""
    REQUESTS.labels(method if method in _METHODS else "other", route, str(status)).inc()
    LATENCY.labels(route).observe(seconds)
