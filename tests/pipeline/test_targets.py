"""Which addresses may be called for somebody else; and that the one that was checked is called."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from edupulse.pipeline import targets
from edupulse.pipeline.targets import TargetSettings, check_target, is_public, post
from edupulse.school.errors import BadInput, SourceDown
from pipeline.receivers import receiving

HERE = TargetSettings(EDUPULSE_WEBHOOK_NETWORKS="127.0.0.1/32, ::1/128")
NOWHERE = TargetSettings(EDUPULSE_WEBHOOK_NETWORKS="")

NOT_CALLED = [
    "127.0.0.1", "127.9.9.9", "0.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1",
    "169.254.169.254", "100.64.0.1", "100.100.100.200", "192.0.0.192", "168.63.129.16",
    "224.0.0.1", "239.1.1.1", "255.255.255.255", "198.18.0.1", "203.0.113.7",
    "::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "64:ff9b::10.0.0.1",
    "2002:7f00:1::", "2002:a00:1::1", "2001:db8::1", "3fff::1",
    "::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b:1::a9fe:a9fe", "fec0::1", "5f00::1", "4000::1",
]  # fmt: skip


@pytest.mark.parametrize("address", NOT_CALLED)
def test_addresses_of_our_own_networks_are_not_called(address: str) -> None:
    assert not is_public(ip_address(address))
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(BadInput, match="not called"):
        check_target(f"https://{host}/hook", NOWHERE)
    with pytest.raises(BadInput, match="not called"):
        post(f"https://{host}/hook", b"", {}, NOWHERE)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.215.14", "2606:4700::1111"])
def test_public_addresses_are(address: str) -> None:
    assert is_public(ip_address(address))


@given(st.ip_addresses(v=4))
def test_whatever_wraps_an_address_is_judged_by_it(address) -> None:
    for text in (f"::ffff:{address}", f"64:ff9b::{address}"):
        assert is_public(ip_address(text)) == is_public(address)


@pytest.mark.parametrize(
    "url",
    ["http://example.org/", "ftp://example.org/", "https://user:pw@example.org/", "https://",
     "https://example.org/#part", "https://exam ple.org/", "https://example.org:99999/", "x",
     "https://example.org/\r\nX: y", "file:///etc/passwd", "https://[::1/", "https://ex\u00e4.org/"],
)  # fmt: skip
def test_what_is_no_https_address_is_refused(url: str) -> None:
    with pytest.raises(BadInput):
        check_target(url, NOWHERE)


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f.1", "017700000001"])
def test_a_name_that_leads_home_is_not_called(host: str) -> None:
    with pytest.raises((BadInput, SourceDown)):
        post(f"https://{host}/", b"", {}, NOWHERE)


def test_one_bad_address_among_good_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(0, 0, 0, "", (one, 443)) for one in ("1.1.1.1", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(BadInput, match="not called"):
        post("https://example.org/", b"", {}, NOWHERE)


def test_a_name_is_asked_for_once_and_what_was_checked_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name that leads elsewhere the second time (DNS rebinding) gains nothing."""
    asked: list[str] = []

    def answer(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "10.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    with receiving() as receiver:
        port = receiver.address.rpartition(":")[2]
        monkeypatch.setattr(targets.socket, "getaddrinfo", once_for("hook.test", answer))
        assert post(f"http://hook.test:{port}/a?b=c", b"x", {}, HERE) == 204
    assert asked == ["hook.test"]
    [(path, headers, body)] = receiver.got
    assert (path, headers["host"], body) == ("/a?b=c", f"hook.test:{port}", b"x")


def once_for(name: str, answer: Callable[..., object]) -> Callable[..., object]:
    """Answers for one name; numbers go the usual way, as when a socket connects."""
    usual = socket.getaddrinfo

    def asked(host: str, port: int, *more: object, **others: object) -> object:
        return answer(host, port) if host == name else usual(host, port, *more, **others)

    return asked


def test_plain_http_is_for_allowed_networks_alone() -> None:
    with receiving() as receiver:
        with pytest.raises(BadInput, match="https"):
            post(receiver.address, b"", {}, NOWHERE)
        assert receiver.got == []
        assert post(receiver.address, b"", {}, HERE) == 204


def test_a_redirect_is_an_answer_and_not_a_way() -> None:
    with receiving() as receiver:
        receiver.answers = [302]
        assert post(receiver.address, b"", {}, HERE) == 302
    assert len(receiver.got) == 1


@pytest.mark.parametrize("trouble", [{"waits": 2.0}, {"drips": True}])
def test_who_is_slow_or_drips_is_left(monkeypatch: pytest.MonkeyPatch, trouble: dict) -> None:
    monkeypatch.setattr(targets, "SECONDS_TO_ANSWER", 0.5)
    with receiving() as receiver:
        vars(receiver).update(trouble)
        with pytest.raises(SourceDown, match="in time"):
            post(receiver.address, b"", {}, HERE)


def test_who_is_not_there_is_told_so() -> None:
    with receiving() as receiver:
        pass
    with pytest.raises(SourceDown, match="does not answer"):
        post(receiver.address, b"", {}, HERE)


@pytest.fixture
def certified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[object], None]:
    """Makes a server one with a certificate for hook.test that this process believes."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hook.test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hook.test")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file = tmp_path / "hook.pem"
    file.write_bytes(made.public_bytes(pem) + key.private_bytes(pem, *plain))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))

    def wrap(server) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        server.socket = context.wrap_socket(server.socket, server_side=True)

    return wrap


def test_a_certificate_is_held_against_the_name_not_the_address(
    certified, monkeypatch: pytest.MonkeyPatch
) -> None:
    def here(_host: str, port: int) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    with receiving(certified) as receiver:
        port = receiver.address.rpartition(":")[2]
        for name in ("hook.test", "other.test"):
            monkeypatch.setattr(targets.socket, "getaddrinfo", once_for(name, here))
            if name == "hook.test":
                assert post(f"https://{name}:{port}/", b"x", {}, HERE) == 204
            else:
                with pytest.raises(SourceDown, match="certificate"):
                    post(f"https://{name}:{port}/", b"x", {}, HERE)
    assert len(receiver.got) == 1


def test_networks_that_cannot_be_read_are_refused() -> None:
    with pytest.raises(BadInput, match="no list of networks"):
        TargetSettings(EDUPULSE_WEBHOOK_NETWORKS="10.0.0.1/8")
