"""Everybody who can ask: staff, families and programs of the small district, and their tokens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from api.conftest import AT, Service
from api.providers import AUDIENCE, LyingProvider, lying_provider
from casework.access_oracle import Opinion
from edupulse.api.gate import Gate
from edupulse.api.openid import OpenIdProvider, OpenIdSettings
from edupulse.api.provider_keys import ProviderKeys
from pipeline.small_champion import small_district

DAY, KNOWN_BY = date(2025, 2, 20), date(2025, 2, 19)
STAFF = {
    "teacher": "T00001", "counselor": "C00101", "school admin": "H001", "district admin": "D001",
    "analyst": "D002",
}  # fmt: skip

Headers = dict[str, str]


class People:
    """The service, who signs in to it, and what the oracle says of them."""

    def __init__(self, service: Service, provider: LyingProvider, opinion: Opinion) -> None:
        self.service, self.provider, self.opinion = service, provider, opinion

    def __repr__(self) -> str:
        return "people"

    def uuids(self) -> dict[str, str]:
        """The district's number of each student to the UUID."""
        with self.service.store.writing() as connection:
            found = connection.execute("SELECT local_id, student_id::text FROM identity.student")
            return dict(found.fetchall())

    def staff(self, staff_id: str) -> Headers:
        return self._signed_in(sub=f"{staff_id.lower()}@district.example")

    def guardian(self, guardian_id: str) -> Headers:
        return self._signed_in(sub="a guardian", guardian=guardian_id)

    def student(self, number: str) -> Headers:
        return self._signed_in(sub="a student", number=number)

    def role(self, role: str) -> Headers:
        """Somebody of each role of docs/privacy.md."""
        if role == "integration":
            return self.service.as_(None)
        if role == "guardian, student":
            return self.guardian(self.parent())
        return self.staff(STAFF[role])

    def parent(self) -> str:
        """A guardian who sees a child."""
        guardians = self.opinion.frames["guardians"]["guardian_id"].to_list()
        return next(one for one in guardians if any(self.opinion.guardian_sees(one)))

    def of_age(self) -> str:
        """A student who sees himself or herself."""
        numbers = self.opinion.frames["students"]["student_id"].to_list()
        return next(one for one in numbers if any(self.opinion.student_sees(one)))

    def _signed_in(self, **claims: str) -> Headers:
        at = int(AT.timestamp())
        usual = {"iss": self.provider.issuer, "aud": AUDIENCE, "iat": at, "exp": at + 3600}
        return {"Authorization": f"Bearer {self.provider.token(usual | claims)}"}


@contextmanager
def signing_in(service: Service) -> Iterator[People]:
    """The service with a provider, whatever it had before."""
    state = service.client.app.state
    before = state.gate
    with lying_provider() as provider:
        provider.rotate("one")
        settings = OpenIdSettings(
            OIDC_ISSUER=provider.issuer, OIDC_AUDIENCE=AUDIENCE,
            OIDC_GUARDIAN_CLAIM="guardian", OIDC_STUDENT_CLAIM="number",
        )  # fmt: skip
        keys = ProviderKeys(provider.issuer)
        state.gate = Gate(service.store, OpenIdProvider(settings, keys))
        yield People(service, provider, Opinion(small_district(), DAY, KNOWN_BY))
        state.gate = before
