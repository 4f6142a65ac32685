"""Whose tokens hold: the provider's, for us, in time, with a key it publishes; and no others."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import RSAKey
from joserfc.jws import serialize_compact

from api.providers import AUDIENCE, LyingProvider, key_of, lying_provider
from edupulse.api.openid import LONGEST, OpenIdProvider, OpenIdSettings, provider_of
from edupulse.api.provider_keys import FRESH, PAUSE, ProviderKeys
from edupulse.school.errors import BadInput, ProviderDown, Unidentified

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = int(NOW.timestamp())


class Clock:
    """Seconds that pass when they are told to."""

    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def lying() -> Iterator[LyingProvider]:
    with lying_provider() as provider:
        provider.rotate("first")
        yield provider


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ours(lying: LyingProvider, clock: Clock) -> OpenIdProvider:
    return checking(lying, clock)


def checking(lying: LyingProvider, clock: Clock, **settings: str) -> OpenIdProvider:
    said = {"OIDC_ISSUER": lying.issuer, "OIDC_AUDIENCE": AUDIENCE, **settings}
    return OpenIdProvider(OpenIdSettings(**said), ProviderKeys(lying.issuer, clock))


def claims(lying: LyingProvider, **changed: Any) -> dict[str, Any]:
    usual = {"iss": lying.issuer, "aud": AUDIENCE, "sub": "ada", "iat": SECOND, "exp": SECOND + 300}
    return {name: v for name, v in {**usual, **changed}.items() if v is not None}


def refused(ours: OpenIdProvider, token: str) -> None:
    with pytest.raises(Unidentified):
        ours.claimed(token, NOW)


def test_a_token_says_who_holds_it(lying, ours) -> None:
    assert ours.claimed(lying.token(claims(lying)), NOW).login == "ada"


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"])
def test_every_asymmetric_algorithm_holds(lying, ours, algorithm: str) -> None:
    lying.rotate("other", algorithm)
    token = lying.token(claims(lying), algorithm=algorithm)
    assert ours.claimed(token, NOW).login == "ada"


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://other.example"},
        {"iss": None},
        {"aud": "another service"},
        {"aud": None},
        {"aud": []},
        {"sub": None},
        {"sub": 7},
        {"exp": None},
        {"exp": SECOND - 60},
        {"exp": "never"},
        {"exp": True},
        {"nbf": SECOND + 61},
        {"iat": SECOND + 61},
        {"azp": "another client"},
        {"aud": [AUDIENCE, "another service"]},
        {"aud": [AUDIENCE, "another service"], "azp": "another service"},
    ],
    ids=str,
)
def test_a_token_of_others_or_of_another_time_does_not_hold(lying, ours, changed) -> None:
    refused(ours, lying.token(claims(lying, **changed)))


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": SECOND - 59},
        {"nbf": SECOND + 60},
        {"iat": SECOND + 60},
        {"azp": AUDIENCE},
        {"aud": [AUDIENCE]},
        {"aud": [AUDIENCE, "another service"], "azp": AUDIENCE},
    ],
    ids=str,
)
def test_clocks_may_differ_by_a_minute_and_several_audiences_need_a_party(
    lying, ours, changed
) -> None:
    assert ours.claimed(lying.token(claims(lying, **changed)), NOW).login == "ada"


def test_another_party_holds_where_the_district_names_it(lying, clock) -> None:
    ours = checking(lying, clock, OIDC_PARTIES="portal app")
    assert ours.claimed(lying.token(claims(lying, azp="portal")), NOW).login == "ada"
    refused(ours, lying.token(claims(lying, azp="other")))


def bare(header: dict[str, Any], said: dict[str, Any], signature: bytes = b"") -> str:
    parts = (json.dumps(header).encode(), json.dumps(said).encode(), signature)
    return ".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def test_who_only_knows_the_public_key_can_make_no_token(lying, ours) -> None:
    public = lying.published[0].as_pem(private=False)
    for kid in ({"kid": "first"}, {}):
        refused(ours, bare({"alg": "none", **kid}, claims(lying)))
        refused(ours, bare({"alg": "None", **kid}, claims(lying)))
        unsigned = bare({"alg": "HS256", **kid}, claims(lying)).rstrip(".")
        forged = hmac.digest(public, unsigned.encode(), "sha256")
        refused(ours, bare({"alg": "HS256", **kid}, claims(lying), forged))


def test_a_key_of_others_opens_nothing_and_a_signature_belongs_to_its_content(lying, ours) -> None:
    refused(ours, lying.token(claims(lying), key=key_of("RS256", "first")))
    refused(ours, lying.token(claims(lying), key=key_of("RS256", "second")))
    token = lying.token(claims(lying))
    other = bare({}, claims(lying, sub="eve")).split(".")[1]
    head, _, signature = token.split(".")
    refused(ours, f"{head}.{other}.{signature}")


def test_a_key_in_the_token_itself_is_not_used(lying, ours) -> None:
    own = RSAKey.generate_key(2048, {"kid": "own"})
    refused(ours, lying.token(claims(lying), key=own, header={"jwk": own.as_dict(private=False)}))


def test_a_logout_token_opens_nothing(lying, ours) -> None:
    refused(ours, lying.token(claims(lying), header={"typ": "logout+jwt"}))


def test_a_huge_token_is_refused_unread(lying, ours) -> None:
    refused(ours, lying.token(claims(lying, more="x" * LONGEST)))
    assert lying.asked == 0


@given(st.text(max_size=300) | st.binary(max_size=200).map(lambda b: b.decode("latin-1")))
def test_garbage_is_refused(text: str) -> None:
    nowhere = ProviderKeys("http://localhost:9")
    refused(OpenIdProvider(OpenIdSettings(OIDC_AUDIENCE=AUDIENCE), nowhere), text)


@pytest.mark.parametrize("said", ["[" * 3000, "[1]", "1", "{", '{"exp": NaN}', '{"exp": 1e999}'])
def test_signed_garbage_is_refused(lying, ours, said: str) -> None:
    header = {"alg": "RS256", "kid": "first"}
    refused(ours, serialize_compact(header, said, lying.published[0]))


def test_an_email_address_counts_only_where_the_provider_verified_it(lying, clock) -> None:
    ours = checking(lying, clock, OIDC_LOGIN_CLAIM="email", OIDC_GUARDIAN_CLAIM="email")
    for verified in (None, False, "true", 1):
        token = lying.token(claims(lying, email="a@x.example", email_verified=verified))
        said = ours.claimed(token, NOW)
        assert (said.login, said.email, said.guardian) == (None, None, None)
    token = lying.token(claims(lying, email="a@x.example", email_verified=True))
    said = ours.claimed(token, NOW)
    assert said.login == said.email == said.guardian == "a@x.example"
    assert said.guardian_by_email


def test_a_new_key_is_asked_for_once_and_an_unknown_one_not_without_end(lying, ours, clock) -> None:
    old = lying.token(claims(lying))
    ours.claimed(old, NOW)
    lying.rotate("second")
    new = lying.token(claims(lying))
    refused(ours, new)  # the keys were asked for a moment ago
    clock.seconds += PAUSE
    assert ours.claimed(new, NOW).login == "ada"
    refused(ours, old)
    for _ in range(10):
        refused(ours, lying.token(claims(lying), key=key_of("ES256", "x"), algorithm="ES256"))
    assert lying.asked == 2


def test_a_withdrawn_key_ends_though_no_other_is_used(lying, ours, clock) -> None:
    token = lying.token(claims(lying))
    ours.claimed(token, NOW)
    lying.rotate("second")
    clock.seconds += FRESH + 1
    refused(ours, token)


def test_keys_go_by_what_they_are_for(lying, ours) -> None:
    signing = lying.published[0]
    sealing = RSAKey.import_key({**signing.as_dict(private=True), "use": "enc"})
    lying.published = [sealing]
    refused(ours, lying.token(claims(lying), key=signing))


def test_while_the_provider_is_down_known_keys_hold_and_others_cannot_be_told(
    lying, ours, clock
) -> None:
    token = lying.token(claims(lying))
    ours.claimed(token, NOW)
    lying.is_broken = True
    lying.published = [key_of("RS256", "second")]
    unknown = lying.token(claims(lying))
    clock.seconds += FRESH + 1
    assert ours.claimed(token, NOW).login == "ada"
    with pytest.raises(ProviderDown):
        ours.claimed(unknown, NOW)
    lying.is_broken = False
    clock.seconds += PAUSE
    assert ours.claimed(unknown, NOW).login == "ada"


@pytest.mark.parametrize(
    "document", [{"issuer": "http://localhost:1"}, {"jwks_uri": "http://far.example/keys"}, {}]
)
def test_a_document_of_another_issuer_or_keys_over_plain_http_are_not_taken(
    lying, ours, document
) -> None:
    lying.document = {**lying.document, **document} if document else {}
    with pytest.raises(ProviderDown):
        ours.claimed(lying.token(claims(lying)), NOW)


@pytest.mark.parametrize(
    "settings", [{}, {"OIDC_AUDIENCE": "x", "OIDC_STUDENT_CLAIM": "email"}], ids=str
)
def test_settings_that_would_take_tokens_of_others_are_refused(settings) -> None:
    with pytest.raises(BadInput):
        provider_of(OpenIdSettings(OIDC_ISSUER="https://login.example", **settings))


def test_without_an_issuer_nobody_signs_in() -> None:
    assert provider_of(OpenIdSettings()) is None
