"""Tokens of the district's OpenID provider: for us, in time, and signed by a key it publishes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from joserfc.errors import BadSignatureError, JoseError, UnsupportedAlgorithmError
from joserfc.jws import JWSRegistry, extract_compact
from joserfc.jwt import JWTClaimsRegistry, Token, decode
from pydantic import Field
from pydantic_settings import BaseSettings

from edupulse.api.provider_keys import ProviderKeys
from edupulse.casework.persons import Claimed
from edupulse.school.errors import BadInput, Unidentified

ALGORITHMS = frozenset({
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512",
    "EdDSA", "Ed25519",
})  # fmt: skip
"""Asymmetric ones alone: who can check a token must not be able to make one."""

TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
"""Of ID tokens and access tokens (RFC 9068): a logout token opens nothing."""

LONGEST = 8192
SKEW = 60
"""Seconds by which the provider's clock and ours may differ."""

EMAIL = "email"


class OpenIdSettings(BaseSettings):
    """Which provider signs people in; without an issuer there are service tokens alone.

    `parties`: clients for which the provider may have made a token, beside the audience itself,
    with spaces between. A guardian or a student signs in only where a claim that names one is set.
    """

    issuer: str = Field(default="", validation_alias="OIDC_ISSUER")
    audience: str = Field(default="", validation_alias="OIDC_AUDIENCE")
    parties: str = Field(default="", validation_alias="OIDC_PARTIES")
    login_claim: str = Field(default="sub", validation_alias="OIDC_LOGIN_CLAIM")
    guardian_claim: str = Field(default="", validation_alias="OIDC_GUARDIAN_CLAIM")
    student_claim: str = Field(default="", validation_alias="OIDC_STUDENT_CLAIM")

    model_config = {"env_ignore_empty": True}


class OpenIdProvider:
    """Says what a token of the provider claims of its holder, once it holds in every respect."""

    def __init__(self, settings: OpenIdSettings, keys: ProviderKeys) -> None:
        self._settings, self._keys = settings, keys
        self._parties = frozenset({settings.audience, *settings.parties.split()})

    def claimed(self, token: str, now: datetime) -> Claimed:
        """Who holds the token. Raises Unidentified where it does not hold, ProviderDown where
        nobody can tell."""
        if len(token) > LONGEST:
            raise _invalid()
        try:
            read = self._read(token)
            self._check(read, now)
        except (JoseError, ValueError, TypeError, RecursionError):
            raise _invalid() from None
        return self._person(read.claims)

    def _read(self, token: str) -> Token:
        """The signed content. A token that names no key may be signed with a newer one than ours.

        Raises JoseError for a signature that is none.
        """
        try:
            return decode(token, self._keys.key_for, registry=_REGISTRY)
        except BadSignatureError:
            if "kid" in extract_compact(token.encode()).headers():
                raise
            self._keys.ask_again()
            return decode(token, self._keys.key_for, registry=_REGISTRY)

    def _check(self, read: Token, now: datetime) -> None:
        """Raises JoseError for other issuers, audiences and times, ValueError for other parties."""
        JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=SKEW,
            iss={"essential": True, "value": self._settings.issuer},
            aud={"essential": True, "value": self._settings.audience},
            exp={"essential": True},
            sub={"essential": True},
        ).validate(read.claims)
        if str(read.header.get("typ", "JWT")).lower() not in TYPES:
            raise ValueError
        audience, party = read.claims["aud"], read.claims.get("azp")
        several = isinstance(audience, list) and len(audience) > 1
        if party not in self._parties and (several or party is not None):
            raise ValueError

    def _person(self, claims: Mapping[str, Any]) -> Claimed:
        settings = self._settings
        email = _text(claims, EMAIL) if claims.get("email_verified") is True else None

        def named_by(claim: str) -> str | None:
            return email if claim == EMAIL else _text(claims, claim)

        return Claimed(
            login=named_by(settings.login_claim),
            email=email,
            guardian=named_by(settings.guardian_claim),
            guardian_by_email=settings.guardian_claim == EMAIL,
            student=named_by(settings.student_claim),
        )


class _Asymmetric(JWSRegistry):
    """Pins the algorithms. (joserfc warns of the name EdDSA, which providers still write.)"""

    def get_alg(self, name: str) -> Any:
        if name not in ALGORITHMS:
            raise UnsupportedAlgorithmError(name)
        return self.algorithms[name]


_REGISTRY = _Asymmetric(strict_check_header=False)


def provider_of(settings: OpenIdSettings) -> OpenIdProvider | None:
    """The provider of the settings; None where none signs anybody in.

    Raises BadInput for settings that cannot be meant.
    """
    if not settings.issuer:
        return None
    if not settings.audience:
        raise BadInput(
            "an issuer without an audience would take tokens made for others.",
            "Set it to what the provider writes into `aud` for EduPulse.",
            field="OIDC_AUDIENCE",
        )
    if settings.student_claim == EMAIL:
        raise BadInput(
            "the district's records hold no e-mail address of a student.",
            "Name a claim that holds the district's number of the student.",
            field="OIDC_STUDENT_CLAIM",
        )
    return OpenIdProvider(settings, ProviderKeys(settings.issuer))


def _text(claims: Mapping[str, Any], claim: str) -> str | None:
    value = claims.get(claim)
    return value if isinstance(value, str) and value.strip() else None


def _invalid() -> Unidentified:
    return Unidentified("This token does not hold.", "Sign in again.")
