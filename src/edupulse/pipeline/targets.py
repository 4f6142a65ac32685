"""Which addresses on the network may be called for somebody else, and calling the one checked.

Who names an address may name one of ours: a database, a cloud's metadata. So a host is resolved
once, each of its addresses is checked, and the connection goes to the very one that was.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from edupulse.school.errors import BadInput, SourceDown

LONGEST_URL = 2000
SECONDS_TO_CONNECT, SECONDS_TO_ANSWER = 5.0, 15.0

Address = IPv4Address | IPv6Address

NEVER = tuple(
    ip_network(one) for one in ("168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24", "3fff::/20")
)
"""What Python may call global and is not another's: clouds' own, IETF's, relays, examples."""

_NAT64 = IPv6Network("64:ff9b::/96")
_UNICAST = IPv6Network("2000::/3")
"""All of version 6 that is given out to others (IANA); what lies outside may be taken for an
address of version 4, or for one of a site's own, by a network that is so configured."""


class TargetSettings(BaseSettings):
    """Read from the environment: EDUPULSE_WEBHOOK_NETWORKS, networks by commas.

    What lies in them may be called though it is private, and by plain http too.
    """

    networks: str = Field(default="", validation_alias="EDUPULSE_WEBHOOK_NETWORKS")

    model_config = {"env_ignore_empty": True}

    @field_validator("networks")
    @classmethod
    def _readable(cls, networks: str) -> str:
        try:
            [ip_network(one) for one in _words(networks)]
        except ValueError:
            raise BadInput(
                "this is no list of networks.",
                "Write them as 10.1.2.0/24,10.1.3.7/32.",
                field="EDUPULSE_WEBHOOK_NETWORKS",
            ) from None
        return networks

    def allow(self, address: Address) -> bool:
        """Is the address in one of the networks?"""
        return any(address in ip_network(one) for one in _words(self.networks))


@dataclass(frozen=True, slots=True)
class Target:
    """An address to be called: made by `read`."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def read(cls, url: str) -> Target:
        """From a URL. Raises BadInput for what is none, names a user, or is neither http nor so."""
        try:
            parts = urlsplit(url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            raise _NO_URL from None
        plain = url.isascii() and url.isprintable() and " " not in url and len(url) <= LONGEST_URL
        known = parts.scheme in ("http", "https") and parts.hostname
        if not plain or not known or parts.username is not None or parts.fragment:
            raise _NO_URL
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.scheme, parts.hostname or "", port, path)

    def require_permitted(self, addresses: Iterable[Address], settings: TargetSettings) -> None:
        """Raises BadInput unless all the addresses may be called in this way."""
        for address in addresses:
            if settings.allow(address):
                continue
            if self.scheme != "https":
                raise BadInput("Only https is called.", "Give an https:// address.", field="url")
            if not is_public(address):
                raise BadInput(
                    "This address lies in a network that is not called.",
                    "Give a public one, or let whoever runs the service allow that network.",
                    field="url",
                )

    def resolved(self) -> list[Address]:
        """The addresses of the host, at this moment. Raises SourceDown where it has none."""
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise SourceDown("The host has no address.", "Check its name.") from None
        return [ip_address(str(one[4][0]).partition("%")[0]) for one in found]


_NO_URL = BadInput(
    "This is no address that can be called.", "Give it as https://host/path.", field="url"
)


def check_target(url: str, settings: TargetSettings | None = None) -> None:
    """Raises BadInput for a URL that could never be called; its host is asked about when it is."""
    target = Target.read(url)
    with suppress(ValueError):
        target.require_permitted([ip_address(target.host)], settings or TargetSettings())
        return
    if target.scheme != "https" and not (settings or TargetSettings()).networks:
        raise BadInput("Only https is called.", "Give an https:// address.", field="url")


def is_public(address: Address) -> bool:
    """Is it an address of the public network, by itself and in what it wraps?"""
    wrapped = _wrapped(address) if isinstance(address, IPv6Address) else None
    if wrapped is not None:
        return is_public(wrapped)
    if isinstance(address, IPv6Address) and address not in _UNICAST:
        return False
    public = address.is_global and not address.is_multicast
    return public and not any(address in network for network in NEVER)


def _wrapped(address: IPv6Address) -> IPv4Address | None:
    """The address of version 4 that a network would take this one for."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]


def post(
    url: str, body: bytes, headers: Mapping[str, str], settings: TargetSettings | None = None
) -> int:
    """The status that a POST is answered with; no redirect is followed, no answer is read.

    Raises BadInput where the host may not be called, SourceDown where it does not answer in time.
    """
    target = Target.read(url)
    addresses = target.resolved()
    target.require_permitted(addresses, settings or TargetSettings())
    try:
        return _posted(target, addresses[0], body, headers)
    except ssl.SSLError:
        raise SourceDown("Its certificate does not hold.", "Renew it.") from None
    except TimeoutError:
        raise SourceDown("It does not answer in time.", "Answer first, work later.") from None
    except (OSError, HTTPException):
        raise SourceDown("It does not answer.", "Look whether it runs.") from None


def _posted(target: Target, address: Address, body: bytes, headers: Mapping[str, str]) -> int:
    with _connected(target, address) as opened, closing(HTTPConnection(target.host)) as asking:
        # A socket's own timeout begins anew with each byte; this one does not.
        late = threading.Event()
        timer = threading.Timer(SECONDS_TO_ANSWER, _cut, [opened, late])
        timer.daemon = True
        timer.start()
        try:
            asking.sock = opened
            asking.request("POST", target.path, body, {"Host": _host(target), **headers})
            status = asking.getresponse().status
        except (OSError, HTTPException):
            if not late.is_set():
                raise
        finally:
            timer.cancel()
    if late.is_set():
        raise TimeoutError
    return status


def _cut(opened: socket.socket, late: threading.Event) -> None:
    late.set()
    with suppress(OSError):
        opened.shutdown(socket.SHUT_RDWR)


def _connected(target: Target, address: Address) -> socket.socket:
    plain = socket.create_connection((str(address), target.port), SECONDS_TO_CONNECT)
    if target.scheme == "http":
        return plain
    try:
        return ssl.create_default_context().wrap_socket(plain, server_hostname=target.host)
    except BaseException:
        plain.close()
        raise


def _host(target: Target) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    usual = {"https": 443, "http": 80}[target.scheme]
    return host if target.port == usual else f"{host}:{target.port}"


def _words(text: str) -> list[str]:
    return text.replace(",", " ").split()
