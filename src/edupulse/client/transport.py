"""How the client asks: the token, the waits and new tries that are safe, and problems as errors."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self
from urllib.parse import quote

import httpx2

TRIES = 5
BUSY = frozenset({429, 503})
LONGEST_WAIT = 60.0


class ProblemError(Exception):
    """The service said no: a problem (RFC 9457), with what to do about it.

    `errors` names each wrong place of an invalid request. `request_id` finds it in the log.
    """

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.type = str(problem.get("type", "about:blank"))
        self.title = str(problem.get("title", ""))
        self.detail = str(problem.get("detail", ""))
        self.to_do = str(problem.get("to_do", ""))
        self.request_id = str(problem.get("request_id", ""))
        self.errors = list(problem.get("errors") or [])
        super().__init__(f"{status} {self.title}: {self.detail} {self.to_do}".strip())


class Unreachable(Exception):
    """The service could not be reached, or its answer was cut off."""


class Transport:
    """A connection to a service.

    `token` is a bearer token, or a function that gives the one that holds now. `purpose` stands in
    the audit log as the reason of every request. A busy service (429, 503) or a lost connection is
    tried again, up to `tries` times in all, where that is safe: reads, and writes under an
    idempotency key, which this client makes by itself. `http` is for a client of your own making.
    """

    def __init__(
        self,
        url: str,
        token: str | Callable[[], str],
        *,
        purpose: str | None = None,
        timeout: float = 30.0,
        tries: int = TRIES,
        http: httpx2.Client | None = None,
    ) -> None:
        self._url, self._token, self._purpose, self._tries = url.rstrip("/"), token, purpose, tries
        self._http = http or httpx2.Client(timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def each(self, page: Callable[..., Any], *args: Any, **asked: Any) -> Iterator[Any]:
        """Every item of a list, page after page: `client.each(client.list_students)`."""
        cursor: str | None = None
        while True:
            got = page(*args, **asked, cursor=cursor)
            yield from got["items"]
            cursor = got.get("next")
            if cursor is None:
                return

    def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str | None] | None = None,
        body: Any = None,
        media: str | None = None,
    ) -> Any:
        """One request and its answer as JSON (None without a body). Raises ProblemError."""
        given = self._always() | _there(headers)
        if media is not None:
            given["Content-Type"] = media
        request = self._http.build_request(
            method,
            self._url + path,
            params=_there(query),
            headers=given,
            **({"json": body} if media is None else {"content": body}),
        )
        safe = method == "GET" or "Idempotency-Key" in given
        for tried in range(1, self._tries if safe else 1):
            try:
                answer = self._http.send(request)
            except httpx2.TransportError:
                time.sleep(wait(tried, None))
                continue
            if answer.status_code not in BUSY:
                return read(answer)
            time.sleep(wait(tried, answer.headers.get("Retry-After")))
        return read(self._last(request))

    def _last(self, request: httpx2.Request) -> httpx2.Response:
        try:
            return self._http.send(request)
        except httpx2.TransportError as error:
            what = f"{request.method} {request.url.path}: {type(error).__name__}"
            raise Unreachable(what) from error

    def _always(self) -> dict[str, str]:
        token = self._token if isinstance(self._token, str) else self._token()
        said = {"Authorization": f"Bearer {token}"}
        return said | ({"X-Purpose": self._purpose} if self._purpose else {})


def _there(given: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (given or {}).items() if value is not None}


def segment(value: str) -> str:
    """A value as one part of a path, whatever stands in it."""
    return quote(value, safe="")


def new_key() -> str:
    """An idempotency key that nobody used before."""
    return str(uuid.uuid4())


def read(answer: httpx2.Response) -> Any:
    """What was answered, as JSON. Raises ProblemError."""
    if answer.is_success:
        return answer.json() if answer.content else None
    try:
        problem = answer.json()
    except ValueError:
        problem = {"detail": answer.text[:200]}
    raise ProblemError(answer.status_code, problem if isinstance(problem, dict) else {})


def wait(tried: int, retry_after: str | None = None) -> float:
    """Seconds until the next try: what the service said, else longer each time."""
    if retry_after and retry_after.isdecimal():
        return min(float(retry_after), LONGEST_WAIT)
    return min(0.1 * 2.0**tried, LONGEST_WAIT)
