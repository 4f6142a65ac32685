"""Asks a source's HTTP service politely: waits when told to, tries again, and tells no one else.

Retries are urllib3's: a cut connection, 429 with its Retry-After, and 5xx are tried again with
growing pauses; anything else is an answer. Only the host that was named is ever asked, by HTTPS
unless it is this machine, and redirects are not followed, so that no token goes anywhere else.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import SplitResult, urlencode, urljoin, urlsplit

import urllib3
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256, Client
from urllib3.exceptions import HTTPError

from edupulse.school.errors import BadInput, SourceDown

_HERE = ("localhost", "127.0.0.1", "::1")
_TRY_AGAIN = (429, 500, 502, 503, 504)
_UNAUTHORIZED = 401

Query = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the service's operator gave for reading."""

    key: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait and how often to try: seconds, and the pause after the first failure."""

    tries: int = 8
    pause: float = 0.5
    longest_pause: float = 120
    longest_asked: int = 900
    connect: float = 15
    read: float = 180

    def retry(self, *, also_post: bool = False) -> urllib3.Retry:
        """The same in urllib3's terms."""
        return urllib3.Retry(
            total=self.tries,
            redirect=False,
            status_forcelist=_TRY_AGAIN,
            allowed_methods=None if also_post else frozenset({"GET"}),
            backoff_factor=self.pause,
            backoff_max=self.longest_pause,
            backoff_jitter=self.pause,
            retry_after_max=self.longest_asked,
            raise_on_status=False,
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, the headers (whatever their case) and the body."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_ok(self) -> bool:
        """Did the service do as asked?"""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The body as JSON; numbers stay text, as they are written."""
        try:
            return json.loads(self.body, parse_float=str, parse_int=str, parse_constant=str)
        except (ValueError, RecursionError) as error:
            raise SourceDown(
                f"{self.url} answers with what is no JSON.", "Ask who runs the service."
            ) from error


class Service:
    """One HTTP service, at `base`.

    After `sign_in` each question carries the token, after `sign_each` a signature of its own.
    """

    def __init__(self, base: str, patience: Patience | None = None) -> None:
        self.base = base.rstrip("/") + "/"
        self._origin = _origin_of(self.base)
        self._patience = patience or Patience()
        self._pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=self._patience.connect, read=self._patience.read),
            retries=self._patience.retry(),
        )
        self._headers: dict[str, str] = {"Accept": "application/json", "User-Agent": "EduPulse"}
        self._sign_again: Callable[[], None] | None = None
        self._signer: Client | None = None

    def sign_in(
        self,
        token_path: str,
        credentials: Credentials,
        *,
        scope: str | None = None,
        elsewhere: bool = False,
    ) -> None:
        """Get a token by OAuth 2 client credentials; it is renewed when the service asks for it.

        `elsewhere`: the district itself named the token's address, so another host may have it.
        """
        self._sign_again = partial(
            self.sign_in, token_path, credentials, scope=scope, elsewhere=elsewhere
        )
        url = token_path if elsewhere else self._at(token_path)
        _origin_of(url)
        pair = f"{credentials.key}:{credentials.secret}".encode()
        wanted = {"grant_type": "client_credentials", **({"scope": scope} if scope else {})}
        answer = self._asked(
            "POST",
            url,
            body=urlencode(wanted).encode(),
            headers={
                "Authorization": f"Basic {b64encode(pair).decode()}",
                "Content-Type": "application/x-www-form-urlencoded",
                "Accept": "application/json",
            },
        )
        if not answer.is_ok:
            raise BadInput(
                f"{url} refuses the key (HTTP {answer.status}).", "Check the key and the secret."
            )
        content = answer.json()
        if not isinstance(content, dict) or not isinstance(content.get("access_token"), str):
            raise SourceDown(f"{url} gives no token.", "Ask who runs the service.")
        self._headers["Authorization"] = f"Bearer {content['access_token']}"

    def sign_each(self, credentials: Credentials) -> None:
        """Sign each question by OAuth 1.0a, two-legged, with HMAC-SHA256."""
        self._signer = Client(
            credentials.key, credentials.secret, signature_method=SIGNATURE_HMAC_SHA256
        )

    def get(self, path: str, query: Query | None = None) -> Answer:
        """The answer to a GET of a path below the base, or of an address on the same host.

        Raises `SourceDown` where the service does not answer, or not but with errors.
        """
        url = self._at(path)
        asked = f"{url}?{urlencode(query)}" if query else url
        answer = self._asked("GET", asked, headers=self._headers_for(asked))
        if answer.status == _UNAUTHORIZED and (self._sign_again or self._signer):
            # A token ends; a signature that was sent once is refused when it is sent again.
            if self._sign_again:
                self._sign_again()
            answer = self._asked("GET", asked, headers=self._headers_for(asked))
        if answer.status == _UNAUTHORIZED:
            raise BadInput(f"{url} refuses the token.", "Check the key and what it may read.")
        if answer.status in _TRY_AGAIN:
            raise SourceDown(
                f"{url} answers HTTP {answer.status}, {self._patience.tries + 1} times.",
                "Try again later.",
            )
        return answer

    def _headers_for(self, url: str) -> dict[str, str]:
        if self._signer is None:
            return self._headers
        _, signed, _ = self._signer.sign(url)
        return {**self._headers, **signed}

    def close(self) -> None:
        """Let go of the connections."""
        self._pool.clear()

    def _asked(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None
    ) -> Answer:
        retries = self._patience.retry(also_post=method == "POST")
        try:
            found = self._pool.request(
                method, url, body=body, headers=headers, retries=retries, redirect=False
            )
        except HTTPError as error:
            raise SourceDown(
                f"{url.partition('?')[0]} does not answer ({type(error).__name__}).",
                "Check the address and the network, and try again.",
            ) from error
        return Answer(url.partition("?")[0], found.status, found.headers, found.data)

    def _at(self, path: str) -> str:
        """The address of a path; another host than the one that was named is refused."""
        url = urljoin(self.base, path)
        if _origin_of(url) != self._origin:
            raise BadInput(
                f"{self.base} sends us to another host, {urlsplit(url).hostname}: not followed.",
                "Give the address of the service itself.",
            )
        return url


def _origin_of(url: str) -> tuple[str, str | None, int]:
    try:
        parts = urlsplit(url)
        origin = (
            parts.scheme,
            parts.hostname,
            parts.port or (443 if parts.scheme == "https" else 80),
        )
    except ValueError:
        raise BadInput(f"{url} is no address.", "Give it as https://host/path.") from None
    if not _is_safe(parts):
        raise BadInput(f"{url} is no HTTPS address.", "Students' records travel by https:// alone.")
    return origin


def _is_safe(parts: SplitResult) -> bool:
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _HERE)
